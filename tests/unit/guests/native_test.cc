// SPDX-License-Identifier: MIT
// The embedded driver, the drawing guests and AUB players on the modelled GPU with no mediator.
#include "dom0/embedded/native.h"

#include <gtest/gtest.h>

#include "dom0/embedded/command_log.h"
#include "dom0/guests/aub/player.h"
#include "dom0/guests/aub/stream_guest.h"
#include "dom0/guests/painter/painter.h"

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

guests::PainterConfig small(unsigned scene) {
  guests::PainterConfig c;
  c.scene = scene;
  c.width = 320;
  c.height = 240;
  c.frames = 3;
  return c;
}

TEST(Native, EverySceneDrawsItsFrames) {
  for (unsigned scene = 0; scene < guests::kScenes; ++scene) {
    const auto config = small(scene);
    embedded::NativeHost host({}, guests::painter_ram_bytes(config));
    auto owned = std::make_unique<guests::Painter>(host.port(), config);
    const guests::Painter& painter = *owned;
    ASSERT_EQ(host.boot(std::move(owned)), "");
    EXPECT_TRUE(host.run(kSecond)) << scene;
    EXPECT_EQ(painter.error(), "") << scene;
    EXPECT_EQ(painter.frames(), 3u) << scene;
    const auto& c = painter.driver().engine_counts(gen9::EngineId::bcs);
    EXPECT_EQ(c.csb_errors, 0u) << scene;
    EXPECT_GT(c.completed, 6u) << scene;
  }
}

TEST(Native, HeartbeatsComeBackOnEveryEngine) {
  auto config = small(0);
  config.driver.heartbeat_ns = kSecond / 100;
  embedded::NativeHost host({}, guests::painter_ram_bytes(config));
  auto owned = std::make_unique<guests::Painter>(host.port(), config);
  const guests::Painter& painter = *owned;
  ASSERT_EQ(host.boot(std::move(owned)), "");
  host.run(kSecond);
  EXPECT_GE(painter.driver().counts().beats, 4u);
  EXPECT_EQ(painter.driver().counts().missed_beats, 0u);
}

TEST(Native, AStreamPlaysToItsEnd) {
  const auto script = guests::AubScript::load("tests/corpus/aub/skl-compute-64.aub.zst");
  ASSERT_TRUE(script.ok()) << script.error();
  EXPECT_EQ(script->batches().size(), 5u);
  EXPECT_GT(script->mapped().size(), 10u);
  gpu::model::Config model;
  model.context_time = true;
  embedded::NativeHost host(model, script->ram_bytes());
  embedded::CommandLog log(1, [](uint32_t) { return size_t{0}; }, {});
  host.model().set_command_observer(&log);
  auto owned = std::make_unique<guests::AubPlayer>(host.port(), *script);
  const guests::AubPlayer& player = *owned;
  ASSERT_EQ(host.boot(std::move(owned)), "");
  EXPECT_TRUE(host.run(kSecond));
  EXPECT_EQ(player.error(), "");
  EXPECT_EQ(log.stream(0).counts()["GPGPU_WALKER"], 4u);
  host.model().set_command_observer(nullptr);
}

TEST(Native, AStreamGuestRunsItsBatchesAgainAndAgain) {
  const auto script = guests::AubScript::load("tests/corpus/aub/skl-compute-64.aub.zst");
  ASSERT_TRUE(script.ok()) << script.error();
  embedded::NativeHost host({}, guests::stream_ram_bytes(*script));
  guests::StreamConfig config;
  config.rounds = 3;
  auto owned = std::make_unique<guests::StreamGuest>(host.port(), *script, config);
  const guests::StreamGuest& guest = *owned;
  ASSERT_EQ(host.boot(std::move(owned)), "");
  EXPECT_TRUE(host.run(kSecond));
  EXPECT_EQ(guest.rounds(), 3u);
  EXPECT_EQ(guest.driver().engine_counts(gen9::EngineId::rcs).completed, 16u);
}

}  // namespace

// SPDX-License-Identifier: MIT
// The check that no vGPU meets another's state in the GPU finds what it is there to find.
#include "dom0/embedded/hygiene_guard.h"

#include <gtest/gtest.h>

#include "dom0/embedded/host.h"
#include "dom0/guests/painter/painter.h"

namespace {

using embedded::HygieneGuard;
using gen9::EngineId;

/// Contexts 0x1000.. belong to vGPU 1, 0x2000.. to vGPU 2.
struct Owners final : embedded::ContextOwners {
  [[nodiscard]] hv::VgpuId owner_of_context(uint32_t lrca) const override {
    return hv::VgpuId{static_cast<uint16_t>(lrca >> 12)};
  }
};

struct Guard : testing::Test {
  Owners owners;
  uint32_t own[3] = {};  ///< each vGPU's value of any register
  HygieneGuard guard{owners, [this](hv::VgpuId id, uint32_t) { return own[id.v]; }};
  void write(uint32_t lrca, uint32_t offset, uint32_t value) {
    guard.on_register({lrca, offset, 0, value});
  }
  void run(uint32_t lrca, bool flushed = true, EngineId e = EngineId::rcs) {
    guard.on_context(e, lrca, flushed);
  }
};

TEST_F(Guard, AContextMayMeetItsOwnAndTheHosts) {
  write(0x1000, 0x2600, 7);
  run(0x1000);
  write(0, 0xc800, 0);
  run(0x1000);
  EXPECT_EQ(guard.leaks(), 0u);
  EXPECT_EQ(guard.contexts(), 2u);
}

TEST_F(Guard, ARegisterLeftByAnothersCommandIsALeak) {
  write(0x1000, 0x2600, 7);
  run(0x2000);
  EXPECT_EQ(guard.leaks(), 1u);
  EXPECT_NE(guard.described()[0].find("0x2600"), std::string::npos);
}

TEST_F(Guard, ATableLoadedForAnotherIsALeak) {
  own[1] = 0x33;
  write(0, 0xc804, 0x33);
  run(0x1000);
  EXPECT_EQ(guard.leaks(), 0u);
  run(0x2000);
  EXPECT_EQ(guard.leaks(), 1u);
}

TEST_F(Guard, EnginesHaveTheirOwnRegistersAndShareSome) {
  write(0x1000, 0x22600, 7);
  run(0x2000);  // the render engine does not see the blitter's
  EXPECT_EQ(guard.leaks(), 0u);
  write(0x1000, 0x4030, 1);
  run(0x2000, true, EngineId::bcs);
  EXPECT_EQ(guard.leaks(), 2u) << "its own register, and one of all engines";
}

TEST_F(Guard, CachesAreFlushedBetweenVgpusOnly) {
  run(0x1000, false);
  run(0x1000, false);
  EXPECT_EQ(guard.leaks(), 0u);
  run(0x2000, false);
  EXPECT_EQ(guard.leaks(), 1u);
}

TEST_F(Guard, AnEnginesResetClearsItsOwnBlock) {
  write(0x1000, 0x2600, 7);
  guard.on_engine_reset(EngineId::rcs);
  run(0x2000);
  EXPECT_EQ(guard.leaks(), 0u);
}

/// Two drawing guests whose MOCS tables differ, on a GPU that loses some of the host's writes.
uint64_t leaks_when_lost(std::function<bool(uint32_t offset)> lost) {
  embedded::HostConfig config;
  config.mediator.slice_ns = 1'000'000;
  config.lost_write = std::move(lost);
  embedded::Host host(config);
  EXPECT_EQ(host.start(), "");
  for (uint32_t n = 0; n < 2; ++n) {
    guests::PainterConfig p;
    p.scene = p.seed = n;
    p.width = 160;
    p.height = 120;
    embedded::Guest* g =
        host.add_guest("draw" + std::to_string(n), guests::painter_ram_bytes(p), {});
    EXPECT_NE(g, nullptr);
    for (const uint32_t mocs : gen9::kMocs) g->port().write32(mocs + 4, 0x30 + n);
    EXPECT_EQ(host.boot(*g, std::make_unique<guests::Painter>(g->port(), p)), "");
  }
  (void)host.run(60'000'000);
  EXPECT_GT(host.hygiene().contexts(), 10u);
  return host.hygiene().leaks();
}

TEST(HygieneOfTheMediator, NoVgpuMeetsAnothersState) { EXPECT_EQ(leaks_when_lost({}), 0u); }

TEST(HygieneOfTheMediator, AnOmissionShows) {
  // The first guest's entry arrives, no other's does.
  EXPECT_GT(
      leaks_when_lost([n = 0](uint32_t o) mutable { return o == gen9::kMocs[1] + 4 && n++ > 0; }),
      0u);
}

}  // namespace

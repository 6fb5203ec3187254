// SPDX-License-Identifier: MIT
// Good guests beside guests that write nonsense: the good ones' results stay byte-identical, and no
// DMA ever leaves its guest.
#include <gtest/gtest.h>

#include "dom0/embedded/command_log.h"
#include "dom0/embedded/host.h"
#include "dom0/embedded/streams.h"
#include "dom0/guests/aub/player.h"
#include "tests/unit/hostile/vandal.h"

namespace {

constexpr uint64_t kRam = 128u << 20, kSecond = 1'000'000'000;

const std::vector<guests::AubScript>& scripts() {
  static const auto loaded = [] {
    std::vector<guests::AubScript> all;
    for (const char* name : {"skl-compute-64", "skl-tri-256"})
      all.push_back(std::move(
          guests::AubScript::load("tests/corpus/aub/" + std::string(name) + ".aub.zst").value()));
    return all;
  }();
  return loaded;
}
const embedded::StreamResults& native() {
  static const auto r = embedded::run_streams(scripts(), {.mediated = false}).value();
  return r;
}

mediator::VgpuConfig whole_ggtt() {
  mediator::VgpuConfig c;
  c.windows = {0, 256u << 20, 256u << 20, (uint64_t{4} << 30) - (256u << 20)};
  return c;
}

class Hostile : public testing::TestWithParam<uint64_t> {};

TEST_P(Hostile, NeighboursAreUnhurt) {
  embedded::HostConfig config;
  config.model.context_time = true;
  config.mediator.keep_originals = true;
  config.mediator.slice_ns = 1'000'000;
  // Runs without arbitration points get their engine for a multiple of this.
  config.mediator.hang_ns = 5'000'000;
  // Failsafe tames vandals: with some seeds it is far away.
  if (GetParam() % 3 != 0) config.mediator.refusals_to_failsafe = 1'000'000;
  embedded::Host host(config);
  ASSERT_EQ(host.start(), "");
  // The vandals first: the victims work while they are at it.
  std::vector<const hostile::Vandal*> vandals;
  for (uint64_t v = 0; v < 2; ++v) {
    embedded::Guest* g = host.add_guest("vandal", kRam, {});
    ASSERT_NE(g, nullptr);
    auto actor =
        std::make_unique<hostile::Vandal>(g->port(), std::mt19937_64(GetParam() * 2 + v), 1500);
    actor->set_balloon([g](hv::Gfn gfn) { g->domain().balloon_out(gfn); });
    vandals.push_back(actor.get());
    ASSERT_EQ(host.boot(*g, std::move(actor)), "");
  }
  (void)host.run(kSecond, [&] { return !vandals[0]->ready() || !vandals[1]->ready(); });
  ASSERT_TRUE(vandals[0]->ready() && vandals[1]->ready());
  std::vector<embedded::Guest*> victims;
  for (const auto& s : scripts()) {
    victims.push_back(host.add_guest("victim", s.ram_bytes(), whole_ggtt()));
    ASSERT_NE(victims.back(), nullptr);
    ASSERT_EQ(
        host.boot(*victims.back(), std::make_unique<guests::AubPlayer>(victims.back()->port(), s)),
        "");
  }
  embedded::CommandLog log(
      victims.size(),
      [&](uint32_t lrca) -> std::optional<size_t> {
        const hv::VgpuId id = host.owner_of_context(lrca);
        for (size_t i = 0; i < victims.size(); ++i)
          if (victims[i]->vgpu() == id) return i;
        return std::nullopt;
      },
      [&](uint64_t address, uint32_t dword) {
        return host.mediator().original_dword(hv::GmAddr{address}, dword);
      });
  host.model().set_command_observer(&log);
  (void)host.run(120 * kSecond, [&] {
    return !(victims[0]->actor()->finished() && victims[1]->actor()->finished() &&
             vandals[0]->finished() && vandals[1]->finished());
  });
  for (size_t i = 0; i < victims.size(); ++i) {
    EXPECT_TRUE(victims[i]->actor()->finished());
    EXPECT_EQ(guests::memory_hash(victims[i]->port(), scripts()[i].mapped()),
              native().streams[i].memory);
    EXPECT_EQ(log.stream(i).hash(), native().streams[i].stream);
  }
  EXPECT_EQ(host.guard().violations(), 0u)
      << (host.guard().described().empty() ? "" : host.guard().described()[0]);
  EXPECT_GT(host.hygiene().contexts(), 0u);
  EXPECT_EQ(host.hygiene().leaks(), 0u)
      << (host.hygiene().described().empty() ? "" : host.hygiene().described()[0]);
  host.model().set_command_observer(nullptr);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Hostile, testing::Range<uint64_t>(0, 12));

}  // namespace

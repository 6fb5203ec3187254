// SPDX-License-Identifier: MIT
// What one vGPU leaves in the GPU and the next one must not meet.
#include <algorithm>

#include "mediator/engine_state.h"
#include "mediator/register_access.h"
#include "tests/unit/core/core_world.h"

namespace {
using namespace core_test;  // NOLINT: a test's own vocabulary
namespace ctx = gen9::ctx;
using mediator::Keeping;

constexpr uint64_t kA = 0x100000, kB = 0x200000;
const uint64_t kDescA = Guest::descriptor(kA, 1), kDescB = Guest::descriptor(kB, 2);
constexpr uint32_t kLri1 = 0x22u << 23 | 1, kGpr0 = 0x2600, kCsChicken1 = 0x2580;
constexpr uint32_t kCacheMode0 = 0x7000, kCtxPreempt = 0x2248, kL3Sqc4 = 0xb118;

struct Hygiene : CoreWorld {
  Guest& g() { return *guests[0]; }
  void SetUp() override {
    CoreWorld::SetUp();
    add_guest();
    g().make_context(kA);
    g().emit(kA, {kNoop, kNoop});
  }
  void set_image(uint64_t lrca, unsigned dword, uint32_t value) {
    g().store(lrca + 0x1000 + dword * 4, value);
  }
  /// No longer a first context: its image counts.
  void restore(uint64_t lrca) { set_image(lrca, ctx::kContextControl, 0x90008); }
  /// What the shadow image on the GPU loads into a register; nothing if it does not.
  std::optional<uint32_t> loads(uint32_t reg) {
    const uint64_t d = gpu.running[0][0];
    for (unsigned at = ctx::kEngineState; at < 1000;) {
      const uint32_t header = gpu.image_dword(d, at++);
      if (header == 0) continue;
      if (header >> 23 != 0x22) break;
      for (unsigned n = ((header & 0xff) + 1) / 2; n > 0; --n, at += 2)
        if (gpu.image_dword(d, at) == reg) return gpu.image_dword(d, at + 1);
    }
    return std::nullopt;
  }
  uint32_t shadow_dword(uint64_t page, uint64_t offset = 0) {
    return gpu.fetch((gpu.running[0][0] & gen9::descriptor::Lrca::mask) + page * 0x1000 + offset);
  }
  void write_register(uint32_t offset, uint32_t value) {
    g().traps->on_write(hv::Range::bar0, offset, 4, value);
  }
};

TEST(EngineStateTable, HasEveryRegisterAStreamMayWrite) {
  using mediator::Rules;
  for (const EngineId e : gen9::kAllEngines)
    for (uint32_t reg = 0; reg < gen9::kMmioBytes; reg += 4) {
      const Rules user = e == EngineId::bcs ? Rules::user_blitter : Rules::user;
      if (mediator::may_write_register(e, user, reg)) {
        const Keeping k = mediator::keeping_of(e, reg);
        EXPECT_TRUE(k == Keeping::image || k == Keeping::saved)
            << "user batches leave something in 0x" << std::hex << reg;
      }
      if (mediator::may_write_register(e, Rules::privileged, reg) &&
          !mediator::is_redirected(reg)) {
        EXPECT_NE(mediator::keeping_of(e, reg), Keeping::none) << std::hex << reg;
      }
    }
}

// What i915's own table of them and hardware's leave to user batches on Gen9, beside general
// registers.
TEST(EngineStateTable, LeavesUserBatchesWhatGen9LeavesThem) {
  constexpr std::pair<uint32_t, uint32_t> kOpen[] = {
      {0x20c0, 0x20c0}, {0x2158, 0x2158}, {0x2290, 0x2294}, {0x22c8, 0x22cc}, {0x22d8, 0x22dc},
      {0x22f0, 0x22fc}, {0x2300, 0x2344}, {0x2360, 0x2364}, {0x2400, 0x2420}, {0x2430, 0x2430},
      {0x2434, 0x2440}, {0x2448, 0x2454}, {0x2500, 0x2508}, {0x5200, 0x521c}, {0x5240, 0x525c},
      {0x5280, 0x528c}, {0x7000, 0x7008}, {0x7034, 0x7034}, {0xe400, 0xe404}};
  for (const auto& [first, last] : kOpen)
    for (uint32_t reg = first; reg <= last; reg += 4)
      EXPECT_TRUE(mediator::may_write_register(EngineId::rcs, mediator::Rules::user, reg))
          << std::hex << reg;
}

TEST(EngineStateTable, WhatSeveralEnginesShareIsTheHosts) {
  for (uint32_t reg = 0; reg < gen9::kMmioBytes; reg += 4) {
    unsigned writers = 0, kept = 0;
    for (const EngineId e : gen9::kAllEngines) {
      writers += mediator::may_write_register(e, mediator::Rules::privileged, reg);
      kept += mediator::keeping_of(e, reg) == Keeping::host;
    }
    if (writers > 1 && !mediator::is_redirected(reg)) {
      EXPECT_EQ(kept, 4u) << std::hex << reg;
    }
  }
}

TEST_F(Hygiene, AFirstContextStartsFromTheHostsImage) {
  set_image(kA, ctx::kEngineState, kLri1);
  set_image(kA, ctx::kEngineState + 1, kGpr0);
  set_image(kA, ctx::kEngineState + 2, 0xbad);
  g().submit(kDescA);
  EXPECT_EQ(loads(kGpr0), 0u) << "it has no image yet";
  EXPECT_EQ(loads(kCsChicken1), 0xffff0004u) << "preemption between commands";
  EXPECT_EQ(shadow_dword(1, ctx::kContextControl * 4) & ctx::kRestoreInhibit, 0u);
  for (unsigned page = 2; page < 22; ++page) EXPECT_EQ(shadow_dword(page), 0x5a5a5a5au);
}

TEST_F(Hygiene, AFirstContextSeesWhatItsDriverPutIntoTheRegisters) {
  write_register(kCacheMode0, 0x00020002);
  g().submit(kDescA);
  EXPECT_EQ(loads(kCacheMode0), 0xffff0002u);
}

TEST_F(Hygiene, AnImageGivesValuesAndNotItsShape) {
  restore(kA);
  const uint32_t words[] = {kLri1 + 4, 0x20ec, 0xdead, kGpr0, 7, 0x2094, 5, 0x11111111};
  for (unsigned i = 0; i < std::size(words); ++i) set_image(kA, ctx::kEngineState + i, words[i]);
  g().submit(kDescA);
  EXPECT_EQ(loads(kGpr0), 7u);
  EXPECT_EQ(loads(0x2094), 5u);
  EXPECT_EQ(loads(0x20ec), std::nullopt) << "no part of a context";
  EXPECT_EQ(loads(kCacheMode0), 0u) << "what it leaves out is not left to the last one";
}

TEST_F(Hygiene, PagesNobodyCanAuditAreTheHostsOwn) {
  restore(kA);
  g().store(kA + 5 * 0x1000, 0x11000001);
  g().submit(kDescA);
  EXPECT_EQ(shadow_dword(5), 0x5a5a5a5au);
  finish();
  EXPECT_EQ(g().load(kA + 5 * 0x1000), 0x11000001u) << "the guest's memory stays as it was";
}

TEST_F(Hygiene, ADefaultStateRecordedByTheGuestIsLoadedAgain) {
  g().submit(kDescA);
  const uint64_t image = gpu.running[0][0] & gen9::descriptor::Lrca::mask;
  auto& page = gpu.pages.at(gen9::pte_frame(gpu.ggtt_entry((image >> 12) + 7)).v);
  page.bytes.fill(std::byte{0x77});  // what the GPU saves
  finish();
  EXPECT_EQ(g().load(kA + 7 * 0x1000), 0x77777777u);
  g().make_context(kB);
  for (unsigned n = 0; n < 1024; ++n) g().store(kB + 7 * 0x1000 + n * 4, 0x77777777);
  set_image(kB, ctx::kContextControl, 0x90008);
  g().emit(kB, {kNoop, kNoop});
  g().submit(kDescB);
  EXPECT_EQ(shadow_dword(7), 0x77777777u);
  EXPECT_EQ(shadow_dword(8), 0u) << "an empty page loads nothing";
}

TEST_F(Hygiene, AnotherGuestsSavedPagesAreNotKnown) {
  g().submit(kDescA);
  const uint64_t image = gpu.running[0][0] & gen9::descriptor::Lrca::mask;
  gpu.pages.at(gen9::pte_frame(gpu.ggtt_entry((image >> 12) + 7)).v).bytes.fill(std::byte{0x77});
  finish();
  Guest& other = add_guest();
  other.make_context(kA);
  other.store(kA + 0x1000 + ctx::kContextControl * 4, 0x90008);
  for (unsigned n = 0; n < 1024; ++n) other.store(kA + 7 * 0x1000 + n * 4, 0x77777777);
  other.emit(kA, {kNoop, kNoop});
  other.submit(kDescA);
  EXPECT_EQ(shadow_dword(7), 0x5a5a5a5au);
}

TEST_F(Hygiene, SharedRegistersKeepTheHostsValue) {
  constexpr uint32_t kArbMode = 0x4030;
  g().emit(kA, {kLri1, kArbMode, 0x00010001, kNoop});
  g().submit(kDescA);
  EXPECT_NE(gpu.fetch(shadow_dword(1, ctx::kRingStart * 4) + 12), kArbMode);
  EXPECT_EQ(g().traps->on_read(hv::Range::bar0, kArbMode, 4), 1u) << "the guest sees its own";
}

TEST_F(Hygiene, SlotsOpenOnlyWhatIsKeptApart) {
  write_register(0x24d0, 0x4de0);  // TR-TT: one for all engines
  write_register(0x24d4, kCtxPreempt);
  g().submit(kDescA);
  EXPECT_EQ(gpu.loaded[0x24d0], 0u);
  EXPECT_EQ(gpu.loaded[0x24d4], kCtxPreempt);
}

TEST_F(Hygiene, WhatUserBatchesMayChangeIsReadBackAndLoadedAnew) {
  write_register(0x24d0, kCtxPreempt);
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  g().submit(kDescA);
  finish();
  gpu.registers[kCtxPreempt] = 0x40;  // a batch of the first guest did it
  gpu.loaded.clear();
  other.submit(kDescA);
  ASSERT_TRUE(gpu.loaded.contains(kCtxPreempt)) << "though both vGPUs have the same value";
  EXPECT_EQ(gpu.loaded[kCtxPreempt], 0u);
  finish();
  g().emit(kA, {kNoop, kNoop});
  g().submit(kDescA);
  EXPECT_EQ(gpu.loaded[kCtxPreempt], 0x40u);
}

TEST_F(Hygiene, ASwitchWritesOnlyWhatIsDifferent) {
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  other.traps->on_write(hv::Range::bar0, gen9::kMocs[0] + 8, 4, 0x33);
  g().submit(kDescA);
  finish();
  gpu.loaded.clear();
  other.submit(kDescA);
  EXPECT_EQ(gpu.loaded[gen9::kMocs[0] + 8], 0x33u);
  EXPECT_FALSE(gpu.loaded.contains(gen9::kMocs[0]));
}

TEST_F(Hygiene, AWorkaroundThatWritesWhatIsThereCostsNoLoad) {
  constexpr uint32_t k3dChicken3 = 0x2090, kIndirect = 0x400000;
  Guest& other = add_guest();
  other.make_context(kA);
  g().store(kIndirect, kLri1);
  g().store(kIndirect + 4, k3dChicken3);
  g().store(kIndirect + 12, kLri1);
  g().store(kIndirect + 16, kL3Sqc4);
  set_image(kA, ctx::kIndirectCtx, kIndirect | 1);
  const auto run = [&](uint32_t value) {
    g().store(kIndirect + 8, value);
    g().emit(kA, {kNoop, kNoop});
    g().submit(kDescA);
    ASSERT_EQ(gpu.running[0].size(), 1u);
    finish();
  };
  run(0x0040'0040);
  run(0x0040'0040);
  const unsigned before = gpu.register_loads;
  run(0x0040'0040);
  EXPECT_EQ(gpu.register_loads, before);
  g().emit(kA, {kLri1, k3dChicken3, 0x0040'0000, kNoop});  // it may be left before or after that
  run(0x0040'0040);
  gpu.loaded.clear();
  other.emit(kA, {kNoop, kNoop});
  other.submit(kDescA);
  EXPECT_TRUE(gpu.loaded.contains(k3dChicken3)) << "whatever of it was executed";
  EXPECT_TRUE(gpu.loaded.contains(kL3Sqc4));
}

TEST_F(Hygiene, NothingRunsOnAnEngineWhoseRegistersCouldNotBeLoaded) {
  gpu.fail_loads = true;
  g().submit(kDescA);
  EXPECT_TRUE(gpu.submissions.empty());
}

TEST_F(Hygiene, RegistersOpenToBatchesAreNeverTheRingsToStop) {
  g().mmio(EngineId::rcs, rel::kMiMode, hv::masked_enable(gen9::kMiModeStopRing));
  g().submit(kDescA);
  EXPECT_EQ(gpu.loaded[0x209c] >> 16 & gen9::kMiModeStopRing, 0u);
}

TEST_F(Hygiene, TheHostsWorkaroundsAreWhereAVgpuBegins) {
  gpu.registers[kL3Sqc4] = 0x200000;  // as the host driver left it
  mediator->destroy_vgpu(g().vgpu);
  guests.clear();
  mediator = std::make_unique<mediator::Mediator>(gpu, clock, config);
  add_guest();
  EXPECT_EQ(g().traps->on_read(hv::Range::bar0, kL3Sqc4, 4), 0x200000u);
  g().make_context(kA);
  g().emit(kA, {kNoop, kNoop});
  g().submit(kDescA);
  EXPECT_EQ(gpu.loaded[kL3Sqc4], 0x200000u);
}

TEST_F(Hygiene, WhatAStreamChangesAndPutsBackItselfIsNotTakenForChanged) {
  g().traps->on_write(hv::Range::bar0, kL3Sqc4, 4, 0x200000);
  g().emit(kA, {kLri1, kL3Sqc4, 0x40600000, kNoop});
  g().submit(kDescA);
  EXPECT_EQ(gpu.loaded[kL3Sqc4], 0x200000u);
  finish();
  gpu.registers[kL3Sqc4] = 0x10;  // what was loaded from memory last
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  other.submit(kDescA);
  EXPECT_EQ(g().traps->on_read(hv::Range::bar0, kL3Sqc4, 4), 0x10u);
}

TEST_F(Hygiene, TheGuestIsToldWhereItsOwnRingIsAndNotTheHosts) {
  g().submit(kDescA);
  const uint32_t ring = shadow_dword(1, ctx::kRingStart * 4);
  gpu.registers[0x2074] = ring + 8;
  EXPECT_NE(ring, Guest::ring(kA));
  EXPECT_EQ(g().traps->on_read(hv::Range::bar0, 0x2074, 4), Guest::ring(kA) + 8);
}

TEST_F(Hygiene, FaultsAndErrorsOfAnEarlierContextAreNotTold) {
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  g().submit(kDescA);
  const auto first = static_cast<uint32_t>(gpu.running[0][0] >> 32);
  finish();
  other.submit(kDescA);
  gpu.raise(EngineId::rcs, mediator::GpuEventKind::fault, 0x123456000, first);
  gpu.raise(EngineId::rcs, mediator::GpuEventKind::command_error, 0, first);
  mediator->poll();
  EXPECT_EQ(other.stats().faults, 0u);
  EXPECT_EQ(gpu.resets, 0u);
  finish();
  EXPECT_EQ(other.stats().submissions, 1u);
}

TEST_F(Hygiene, AResetOfAllEnginesIsToldToThoseWhoLostSomething) {
  g().submit(kDescA);
  const auto id = static_cast<uint32_t>(gpu.running[0][0] >> 32);
  gpu.running[0].clear();
  gpu.raise(EngineId::rcs, mediator::GpuEventKind::reset_done, 0, id);
  mediator->poll();
  EXPECT_TRUE(mediator->idle()) << "nothing flies any more";
  EXPECT_EQ(g().stats().submissions, 0u);
  g().traps->on_write(hv::Range::bar0, gen9::kGdrst, 4, gen9::info(EngineId::rcs).reset_bit);
  g().submit(kDescA);
  EXPECT_EQ(gpu.running[0].size(), 1u) << "after its own reset the guest goes on";
}

}  // namespace

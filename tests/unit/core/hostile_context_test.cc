// SPDX-License-Identifier: MIT
// What a guest puts into its contexts and rings to reach what is not its own.
#include "mediator/context_audit.h"
#include "tests/unit/core/core_world.h"

namespace {
using namespace core_test;  // NOLINT: a test's own vocabulary
namespace ctx = gen9::ctx;

constexpr uint64_t kA = 0x100000;
const uint64_t kDescA = Guest::descriptor(kA, 1);
constexpr uint32_t kLri = 0x22u << 23, kLri1 = kLri | 1;
constexpr uint32_t kRingMode = 0x229c, kNonpriv = 0x24d0, kTrtte = 0x4df4;

struct HostileContext : CoreWorld {
  Guest& g() { return *guests[0]; }
  void SetUp() override {
    CoreWorld::SetUp();
    add_guest();
    g().make_context(kA);
    g().emit(kA, {kNoop, kNoop});
  }
  void set_image(unsigned dword, uint32_t value) { g().store(kA + 0x1000 + dword * 4, value); }
  uint32_t shadow_image(unsigned dword) { return gpu.image_dword(gpu.running[0][0], dword); }
  uint32_t shadow_ring(uint32_t offset) {
    return gpu.fetch(shadow_image(ctx::kRingStart) + offset);
  }
};

TEST_F(HostileContext, AHeadOutsideTheRingStartsInside) {
  set_image(ctx::kRingHead, 0x0060'5000);
  g().submit(kDescA);
  EXPECT_EQ(shadow_image(ctx::kRingHead), 0u);
}

// Mesa's AUB writer says of all but the first render context that their rings have so many pages.
TEST_F(HostileContext, ARingMayHaveAnyNumberOfPages) {
  set_image(ctx::kRingCtl, 0x2001);
  set_image(ctx::kRingHead, 0x2ff8);
  set_image(ctx::kRingTail, 8);
  const uint32_t offsets[] = {0x2ff8, 0x2ffc, 0, 4};
  for (uint32_t n = 0; n < 4; ++n) g().store(Guest::ring(kA) + offsets[n], n + 1);
  g().submit(kDescA);
  for (uint32_t n = 0; n < 4; ++n) EXPECT_EQ(shadow_ring(offsets[n]), n + 1);
  EXPECT_EQ(shadow_image(ctx::kRingTail), 8u);
  finish();
  EXPECT_EQ(g().stats().submissions, 1u);
  EXPECT_EQ(g().load(kA + 0x1000 + ctx::kRingHead * 4), 8u);
}

TEST_F(HostileContext, ThreeLevelsAreNeverWalkedThroughFourLevelTables) {
  g().submit((kDescA & ~uint64_t{0x18}) | 1u << 3);
  EXPECT_EQ(gen9::descriptor::AddressingMode::get(gpu.running[0][0]), 3u);
}

TEST_F(HostileContext, AContextWithoutTablesReachesNothing) {
  set_image(ctx::kPdp0Ldw, 0);
  g().submit((kDescA & ~uint64_t{0x18}) | 1u << 3);
  const uint64_t pdp0 = uint64_t{shadow_image(ctx::kPdp0Udw)} << 32 | shadow_image(ctx::kPdp0Ldw);
  const auto& root = gpu.pages.at(pdp0 >> 12);
  for (unsigned i = 0; i < gen9::kEntries; ++i)
    ASSERT_EQ(hv::load<uint64_t>(root.bytes.data() + i * 8), 0u);
}

TEST_F(HostileContext, EveryContextIsSaved) {
  set_image(ctx::kContextControl, 0xffff'ffff);
  g().submit(kDescA);
  EXPECT_EQ(shadow_image(ctx::kContextControl), 0xffff'000au)
      << "and never restored from the last one's registers";
}

// Their values decide how the engine takes work, what user batches may write, and where the GPU
// looks for tables; a write that ended in a reset freed the context being scanned.
TEST_F(HostileContext, RingsDoNotReachTheEnginesControls) {
  for (const auto& [reg, value] : {std::pair{kRingMode, 0x80000000u},
                                   {kRingMode, 0x10001u},
                                   {0x20d4u, 0x180018u},
                                   {kNonpriv, 0x2230u},
                                   {kTrtte, 3u},
                                   {gen9::kRingFault, 1u}}) {
    g().traps->on_write(hv::Range::bar0, gen9::kGdrst, 4, gen9::info(EngineId::rcs).reset_bit);
    g().make_context(kA);
    set_image(ctx::kRingTail, 0);
    set_image(ctx::kRingHead, 0);
    g().emit(kA, {kLri1, reg, value, kNoop});
    g().submit(kDescA);
    ASSERT_EQ(gpu.running[0].size(), 1u) << std::hex << reg;
    EXPECT_NE(shadow_ring(4), reg);
    EXPECT_EQ(g().stats().failsafe, mediator::FailsafeReason::none);
  }
}

TEST_F(HostileContext, ImagesDoNotReachTheEnginesControls) {
  set_image(ctx::kContextControl, 0x90008);
  set_image(ctx::kEngineState, kLri | 7);
  const uint32_t regs[] = {kRingMode, kNonpriv, kTrtte, 0x20d4};
  for (unsigned i = 0; i < 4; ++i) set_image(ctx::kEngineState + 1 + 2 * i, regs[i]);
  g().submit(kDescA);
  for (unsigned i = 0; i < 1024; ++i)
    EXPECT_EQ(std::count(std::begin(regs), std::end(regs), shadow_image(i)), 0) << i;
}

TEST_F(HostileContext, CommandsBehindTheAuditedPartOfAnImageAreNotReached) {
  // No-ops up to the end of the audited part; behind it a load nobody looked at.
  set_image(mediator::kStampDword + 2, kLri1);
  set_image(mediator::kStampDword + 3, 0x2230);
  g().submit(kDescA);
  unsigned at = ctx::kEngineState;
  while (at < 1024 && (shadow_image(at) == 0 || shadow_image(at) >> 23 == 0x22))
    at += shadow_image(at) == 0 ? 1 : 2 + (shadow_image(at) & 0xff);
  EXPECT_EQ(shadow_image(at), 0x0au << 23);
  EXPECT_LT(at, mediator::kStampDword);
}

TEST_F(HostileContext, ATailTakenBackWhileItRunsWaitsForTheHead) {
  g().emit(kA, {kNoop, kNoop, kNoop, kNoop, kNoop, kNoop});
  g().submit(kDescA);
  const uint64_t d = gpu.running[0][0];
  gpu.obeys_preemption = false;
  set_image(ctx::kRingTail, 8);
  g().submit(kDescA);
  EXPECT_EQ(gpu.image_dword(d, ctx::kRingTail), 32u) << "the GPU may be at 16 already";
  EXPECT_EQ(gpu.preempt_requests, 1u);
}

TEST_F(HostileContext, ATableLoadedByARingIsLoadedAnewForTheNextGuest) {
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  g().submit(kDescA);
  g().emit(kA, {kLri1, gen9::kMocs[0], 0x30, kNoop});
  g().submit(kDescA);  // a lite restore: nothing is loaded now
  finish();
  const unsigned before = gpu.register_loads;
  other.submit(kDescA);
  EXPECT_EQ(gpu.register_loads, before + 1);
}

TEST_F(HostileContext, WorkaroundBatchesLeaveArbitrationOn) {
  constexpr uint32_t kOff = 0x08u << 23, kOn = kOff | 1, kIndirect = 0x400000, kPer = 0x401000;
  g().store(kIndirect, kOff);
  g().store(kPer, kOff);
  g().store(kPer + 4, 0x0au << 23);
  set_image(ctx::kIndirectCtx, kIndirect | 1);
  set_image(ctx::kBbPerCtxPtr, kPer | 1);
  g().submit(kDescA);
  const uint32_t indirect = shadow_image(ctx::kIndirectCtx);
  EXPECT_EQ(indirect & 0x3f, 3u) << "the host's flush, the guest's line, and arbitration on";
  EXPECT_EQ(gpu.fetch(indirect & ~0x3fu), 0x7a000004u) << "a stalling flush first";
  EXPECT_EQ(gpu.fetch((indirect & ~0x3fu) + 4) & (1u << 27 | 1u << 20), 1u << 27 | 1u << 20);
  EXPECT_EQ(gpu.fetch((indirect & ~0x3fu) + 64), kOff) << "as long as it runs";
  EXPECT_EQ(gpu.fetch((indirect & ~0x3fu) + 128), kOn);
  EXPECT_EQ(gpu.fetch(shadow_image(ctx::kBbPerCtxPtr) & ~0xfffu), kOn);
}

constexpr uint32_t kGgttBatch = 0x31u << 23 | 1;

// Batches that differ by where they begin cost the guest no memory of its own.
TEST_F(HostileContext, ManyStartsIntoOneHugeBatchAreNotAllScanned) {
  constexpr uint32_t kBatch = 0x400000, kBytes = 0x3f0000;
  g().store(kBatch + kBytes, 0x0au << 23);
  g().emit(kA, {kGgttBatch, kBatch, 0, kGgttBatch, kBatch + 4, 0, kGgttBatch, kBatch + 8, 0});
  g().submit(kDescA);
  EXPECT_TRUE(gpu.submissions.empty());
  EXPECT_EQ(g().stats().refused_commands, 1u);
}

TEST_F(HostileContext, ARefusedContextTriedAgainKeepsNoCopies) {
  constexpr uint64_t kB = 0x140000, kDescB = uint64_t{2} << 32 | kB | 0x119;
  constexpr uint32_t kBatch = 0x400000;
  g().make_context(kB);
  g().store(kBatch, 0x0au << 23);
  g().emit(kB, {kGgttBatch, kBatch, 0, kStoreDwordGgtt, 0xf0000000, 0, 1, kNoop});
  g().submit(kDescA, kDescB);
  const size_t pages = gpu.pages.size();
  for (int i = 0; i < 4; ++i) {
    g().emit(kA, {kNoop, kNoop});
    g().submit(kDescA, kDescB);
  }
  EXPECT_EQ(gpu.pages.size(), pages);
}

struct LastRefusal : HostileContext {
  LastRefusal() { config.refusals_to_failsafe = 1; }
};
struct FewCopies : HostileContext {
  FewCopies() { config.batch_copy_pages = 16; }
};

TEST_F(FewCopies, AContextThatNeverEndsHoldsOnlySoMany) {
  constexpr uint32_t kBatch = 0x400000;
  g().store(kBatch + 0x2000, 0x0au << 23);  // three pages each
  g().submit(kDescA);
  for (unsigned i = 0; i < 8; ++i) {
    ASSERT_EQ(g().stats().refused_commands, i < 6 ? 0u : 1u);
    g().emit(kA, {kGgttBatch, kBatch + i * 4, 0, kNoop});
    g().submit(kDescA);
  }
  EXPECT_EQ(g().stats().last_refusal.reason, mediator::Reject::no_memory);
}

TEST_F(LastRefusal, AtALiteRestoreDisturbsNobodyElse) {
  Guest& other = add_guest();
  other.make_context(kA);
  other.emit(kA, {kNoop, kNoop});
  g().submit(kDescA);
  other.submit(kDescA);
  g().emit(kA, {kStoreDwordGgtt, 0xf0000000, 0, 1});
  g().submit(kDescA);
  EXPECT_EQ(g().stats().failsafe, mediator::FailsafeReason::scan_refused);
  EXPECT_EQ(gpu.preempt_requests, 0u) << "that is the other one's context now";
  ASSERT_EQ(gpu.running[0].size(), 1u);
  finish();
  EXPECT_EQ(other.stats().submissions, 1u);
}

}  // namespace

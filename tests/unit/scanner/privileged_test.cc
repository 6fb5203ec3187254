// SPDX-License-Identifier: MIT
// Privileged streams: rings and GGTT batches.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "mediator/register_access.h"
#include "tests/unit/scanner/scan_fixture.h"

namespace mediator {
namespace {

using gen9::Cmd;
using gen9::EngineId;
using test::batch;
using test::kEnd;
using test::kShift;
using test::RecordingHost;
using test::run_ring;
using Operand = RecordingHost::Operand;
using Start = RecordingHost::Start;
using Dwords = std::vector<uint32_t>;

TEST(PrivilegedScan, RelocatesStoresThatSayGgtt) {
  const auto s = run_ring({0x10400002, 0x2004, 0, 7, 0, 0});  // MI_STORE_DATA_IMM, GGTT
  ASSERT_EQ(s.reason(), Reject::none);
  EXPECT_EQ(s.host.operands, (std::vector<Operand>{{0x2004, 4, true}}));
  EXPECT_EQ(s.copy, (Dwords{0x10400002, kShift + 0x2004, 0, 7, 0, 0}));
  EXPECT_EQ(s.host.patches, (std::vector<std::pair<size_t, uint32_t>>{{1, 0x2004}}));
}

TEST(PrivilegedScan, LeavesPpgttOperandsAlone) {
  const Dwords stream{0x10000002, 0x2004, 0x12, 7, 0, 0};
  const auto s = run_ring(stream);
  EXPECT_EQ(s.reason(), Reject::none);
  EXPECT_TRUE(s.host.operands.empty());
  EXPECT_EQ(s.copy, stream);
}

TEST(PrivilegedScan, ClearsTheUpperHalfOfARelocatedAddress) {
  const auto s = run_ring({0x10400003, 0x2000, 0xffff8000, 1, 2, 0});
  ASSERT_EQ(s.reason(), Reject::none);
  EXPECT_EQ(s.host.operands[0].address, 0x8000'0000'2000u);
  EXPECT_EQ(s.host.operands[0].bytes, 8u);
  EXPECT_EQ(s.copy[2], (0x8000'0000'2000u + kShift) >> 32);
}

TEST(PrivilegedScan, RefusesGgttOperandsTheOwnerRefuses) {
  RecordingHost host;
  host.fail_relocate = true;
  const auto s = run_ring({0, 0x10400002, 0x2004, 0, 7}, host);
  EXPECT_EQ(s.reason(), Reject::ggtt_address);
  EXPECT_EQ(s.outcome.refusal.offset, 4u);
  EXPECT_STREQ(s.outcome.refusal.command, "MI_STORE_DATA_IMM");
  EXPECT_EQ(s.outcome.refusal.detail, 0x2004u);
  EXPECT_TRUE(s.host.patches.empty());
}

TEST(PrivilegedScan, PipeControlCountsItsAddressOnlyWithAnOperation) {
  const auto none = run_ring({0x7a000004, 1u << 24, 0x2000, 0, 0, 0});
  EXPECT_EQ(none.reason(), Reject::none);
  EXPECT_TRUE(none.host.operands.empty());
  const auto write = run_ring({0x7a000004, 1u << 24 | 1u << 14, 0x2000, 0, 5, 0});
  EXPECT_EQ(write.reason(), Reject::none);
  EXPECT_EQ(write.host.operands, (std::vector<Operand>{{0x2000, 8, true}}));
  EXPECT_EQ(write.copy[2], kShift + 0x2000);
}

TEST(PrivilegedScan, PipeControlIndexStaysInTheStatusPage) {
  const uint32_t flags = 1u << 24 | 1u << 21 | 1u << 14;
  EXPECT_EQ(run_ring({0x7a000004, flags, 0x100, 0, 5, 0}).reason(), Reject::none);
  EXPECT_EQ(run_ring({0x7a000004, flags, 0x1000, 0, 5, 0}).reason(), Reject::ggtt_address);
  EXPECT_EQ(run_ring({0x7a000004, flags, 0xffc, 0, 5, 0}).reason(), Reject::ggtt_address)
      << "half of it would be the first command of the context's restore";
  EXPECT_EQ(run_ring({0x7a000004, flags, 0x100, 1, 5, 0}).reason(), Reject::ggtt_address);
}

TEST(PrivilegedScan, PipeControlThatLoadsARegisterIsARegisterLoad) {
  const uint32_t flags = 1u << 23;
  const auto good = run_ring({0x7a000004, flags, 0xb118, 0, 5, 0});
  EXPECT_EQ(good.reason(), Reject::none);
  EXPECT_EQ(good.host.registers, (std::vector<std::pair<uint32_t, uint32_t>>{{0xb118, 5}}));
  EXPECT_EQ(run_ring({0x7a000004, flags, 0x2030, 0, 5, 0}).reason(), Reject::forbidden_register);
  EXPECT_EQ(run_ring({0x7a000004, flags | 1u << 14, 0xb118, 0, 5, 0}).reason(),
            Reject::forbidden_command);
  EXPECT_EQ(run_ring({0x7a000002, flags, 0xb118, 0}).reason(), Reject::forbidden_command);
}

TEST(PrivilegedScan, FlushKeepsItsFlagBesideTheAddress) {
  const uint32_t op = 0x13000003 | 1u << 14;  // 5 dwords, write
  const auto s = run_ring({op, 0x2000 | 4, 0, 1, 0}, {}, EngineId::bcs);
  ASSERT_EQ(s.reason(), Reject::none);
  EXPECT_EQ(s.host.operands, (std::vector<Operand>{{0x2000, 8, true}}));
  EXPECT_EQ(s.copy[1], (kShift + 0x2000) | 4);
  const auto none = run_ring({0x13000002, 0x2000 | 4, 0, 1}, {}, EngineId::bcs);
  EXPECT_TRUE(none.host.operands.empty());
}

TEST(PrivilegedScan, AtomicsAskForTheirOwnSize) {
  const auto dword = run_ring({0x17c00001, 0x2000, 0});
  EXPECT_EQ(dword.host.operands, (std::vector<Operand>{{0x2000, 4, true}}));
  const auto octword = run_ring({0x17c00001 | 2u << 19, 0x2000, 0});
  EXPECT_EQ(octword.host.operands, (std::vector<Operand>{{0x2000, 16, true}}));
  EXPECT_EQ(run_ring({0x17c00001 | 1u << 18, 0x2000, 0}).reason(), Reject::bad_length);
}

TEST(PrivilegedScan, LoadsOfListedRegistersReachTheOwner) {
  RecordingHost host;
  host.set_bits = 0x100;
  const auto s = run_ring({0x11000003, 0x20c0, 1, 0x7014, 2}, host);
  ASSERT_EQ(s.reason(), Reject::none);
  EXPECT_EQ(s.host.registers,
            (std::vector<std::pair<uint32_t, uint32_t>>{{0x20c0, 1}, {0x7014, 2}}));
  EXPECT_EQ(s.copy, (Dwords{0x11000003, 0x20c0, 0x101, 0x7014, 0x102}));
}

TEST(PrivilegedScan, RefusesLoadsOfOtherRegistersByOffset) {
  const auto s = run_ring({0x11000003, 0x20c0, 1, 0x2030, 2});
  EXPECT_EQ(s.reason(), Reject::forbidden_register);
  EXPECT_EQ(s.outcome.refusal.detail, 0x2030u);
}

TEST(PrivilegedScan, RefusesOddLoadsAndRelativeOrOddOffsets) {
  EXPECT_EQ(run_ring({0x11000002, 0x20c0, 1, 0x20c0}).reason(), Reject::bad_length);
  EXPECT_EQ(run_ring({0x11000001 | 1u << 19, 0xc0, 1}).reason(), Reject::forbidden_register);
  EXPECT_EQ(run_ring({0x11000001, 0x20c1, 1}).reason(), Reject::register_offset);
  EXPECT_EQ(run_ring({0x11000001, 0x8020c0, 1}).reason(), Reject::register_offset);
  EXPECT_EQ(run_ring({0x11000001 | 1u << 8, 0x20c0, 1}).reason(), Reject::forbidden_command);
}

TEST(PrivilegedScan, SendsDisplayAndForcewakeLoadsWhereTheyDoNoHarm) {
  const auto s = run_ring({0x11000003, 0x44050, 1, 0xa188, 2});
  ASSERT_EQ(s.reason(), Reject::none);
  EXPECT_TRUE(s.host.registers.empty());
  EXPECT_EQ(s.copy, (Dwords{0x11000003, kHarmlessRegister, 1, kHarmlessRegister, 2}));
}

TEST(PrivilegedScan, MovesOnlyTheWorkaroundRegisterToAndFromMemory) {
  EXPECT_EQ(run_ring({0x12400002, 0xb118, 0x2000, 0}).reason(), Reject::none);
  EXPECT_EQ(run_ring({0x14c00002, 0xb118, 0x2000, 0}).reason(), Reject::none);
  EXPECT_EQ(run_ring({0x12400002, 0x2358, 0x2000, 0}).reason(), Reject::forbidden_register);
  EXPECT_EQ(run_ring({0x14c00002, 0x20c0, 0x2000, 0}).reason(), Reject::forbidden_register);
  EXPECT_EQ(run_ring({0x15000001, 0xb118, 0xb118}).reason(), Reject::forbidden_register);
}

TEST(PrivilegedScan, RefusesWhatGvtgRefuses) {
  const Dwords streams[] = {
      {0x0e000002, 0, 0x2000, 0},  // MI_SEMAPHORE_WAIT
      {0x14000002, 0x2000, 0, 0},  // MI_REPORT_PERF_COUNT
      {0x17000003, 0, 0, 0, 0},    // MI_COPY_MEM_MEM
      {0x10a00001, 0x100, 0},      // MI_STORE_DATA_INDEX
      {0x13800001, 0x1000, 0},     // MI_CLFLUSH
      {0x05800000},                // MI_SUSPEND_FLUSH
      {0x1b000002, 0, 0x2000, 0},  // MI_CONDITIONAL_BATCH_BUFFER_END
      {0x11800001, 0x1000, 0},     // MI_UPDATE_GTT
  };
  for (const Dwords& s : streams) {
    EXPECT_EQ(run_ring(s).reason(), Reject::forbidden_command) << std::hex << s[0];
  }
}

TEST(PrivilegedScan, EmulatesFlipsAndWaits) {
  const auto s = run_ring({0x0a000001, 0x1c0, 0x30000, 0x01800002, 0});
  ASSERT_EQ(s.reason(), Reject::none);
  EXPECT_EQ(s.copy, (Dwords{0, 0, 0, 0, 0}));
  ASSERT_EQ(s.host.display.size(), 2u);
  EXPECT_EQ(s.host.display[0].first, Cmd::mi_display_flip);
  EXPECT_EQ(s.host.display[0].second, (Dwords{0x0a000001, 0x1c0, 0x30000}));
  EXPECT_EQ(s.host.display[1].first, Cmd::mi_wait_for_event);
  EXPECT_EQ(s.host.patches.size(), 4u);
}

TEST(PrivilegedScan, NoticesUserInterrupts) {
  EXPECT_TRUE(run_ring({0, 0x01000000}).outcome.has_user_interrupt);
  EXPECT_FALSE(run_ring({0, 0}).outcome.has_user_interrupt);
}

TEST(PrivilegedScan, TurnsArbitrationOnOnlyWhenAsked) {
  ScanRequest request = test::ring(2);
  EXPECT_EQ(test::run({0x04000000, 0}, request).copy[0], 0x04000000u);
  request.enable_arbitration = true;
  const auto s = test::run({0x04000000, 0x04000001}, request);
  EXPECT_EQ(s.copy, (Dwords{0x04000001, 0x04000001}));
  EXPECT_EQ(s.host.patches.size(), 1u);
}

TEST(PrivilegedScan, FollowsBatchStartsFromTheRing) {
  const auto s = run_ring({0x18800101, 0x1000, 0x7, 0x18800001, 0x5000, 0});
  ASSERT_EQ(s.reason(), Reject::none);
  EXPECT_EQ(s.host.starts, (std::vector<Start>{{0x7'0000'1000, false, 1}, {0x5000, true, 1}}));
  EXPECT_EQ(s.copy, (Dwords{0x18800101, 0x1000, 0x7, 0x18800001, kShift + 0x5000, 0}));
}

TEST(PrivilegedScan, PassesOnWhyABatchWasRefused) {
  RecordingHost host;
  host.refuse_batch = Reject::too_deep;
  EXPECT_EQ(run_ring({0x18800001, 0x5000, 0}, host).reason(), Reject::too_deep);
}

TEST(PrivilegedScan, SecondLevelComesFromAFirstLevelBatchOnly) {
  const uint32_t second = 0x18c00001;
  EXPECT_EQ(run_ring({second, 0x5000, 0}).reason(), Reject::batch_level);
  const auto first = test::run({second, 0x5000, 0, kEnd}, batch(Rules::privileged));
  EXPECT_EQ(first.reason(), Reject::none);
  EXPECT_EQ(first.host.starts, (std::vector<Start>{{0x5000, true, 2}}));
  EXPECT_EQ(first.outcome.dwords, 4u);  // comes back, so the batch goes on
  const auto third =
      test::run({second, 0x5000, 0, kEnd}, batch(Rules::privileged, EngineId::rcs, 2));
  EXPECT_EQ(third.reason(), Reject::batch_level);
}

TEST(PrivilegedScan, AChainedStartEndsTheBatchAndWhatFollowsIsSealed) {
  const auto s = test::run({0x18800001, 0x5000, 0, 0x11800001, 0}, batch(Rules::privileged));
  ASSERT_EQ(s.reason(), Reject::none);
  EXPECT_EQ(s.host.starts[0].level, 1u);
  EXPECT_EQ(s.outcome.dwords, 4u);
  EXPECT_EQ(s.copy[3], kEnd);
  const auto at_end = test::run({0x18800001, 0x5000, 0}, batch(Rules::privileged));
  EXPECT_EQ(at_end.outcome.dwords, 3u);
}

TEST(PrivilegedScan, APredicatedStartMayFallThroughSoTheRestIsAudited) {
  const auto s = test::run({0x18808001, 0x5000, 0, 0x11800001, 0, 0}, batch(Rules::privileged));
  EXPECT_EQ(s.reason(), Reject::forbidden_command);
  EXPECT_EQ(s.outcome.refusal.offset, 12u);
}

TEST(PrivilegedScan, RefusesStartsWithRegisterOffset) {
  EXPECT_EQ(run_ring({0x18810101, 0x1000, 0}).reason(), Reject::batch_address);
}

TEST(PrivilegedScan, BatchEndsBelongInBatches) {
  EXPECT_EQ(run_ring({0, kEnd}).reason(), Reject::batch_level);
  const auto per_context = test::run({0, kEnd, 0xffffffff}, test::ring(0));
  EXPECT_EQ(per_context.reason(), Reject::none);
  EXPECT_EQ(per_context.outcome.dwords, 2u);
}

TEST(PrivilegedScan, NamesStreamsThatDoNotEnd) {
  EXPECT_EQ(test::run({0, 0}, batch(Rules::privileged)).reason(), Reject::no_batch_end);
  EXPECT_EQ(test::run({}, batch(Rules::privileged)).reason(), Reject::no_batch_end);
  EXPECT_EQ(test::run({0, 0}, test::ring(3)).reason(), Reject::truncated);
  EXPECT_EQ(run_ring({0x7a000004, 0, 0}).reason(), Reject::truncated);
}

TEST(PrivilegedScan, AnEndlessStreamIsCutOff) {
  // Long commands with inline data, so that little of the 64 MiB is touched.
  constexpr size_t kLong = 4097;
  struct Endless final : ScanSource {
    std::unique_ptr<uint32_t[], decltype(&std::free)> zeros{
        static_cast<uint32_t*>(std::calloc(kMaxScanDwords + kLong, 4)), &std::free};
    std::span<uint32_t> ensure(size_t) override { return {zeros.get(), kMaxScanDwords + kLong}; }
  } source;
  for (size_t at = 0; at < kMaxScanDwords; at += kLong) source.zeros[at] = 0x70480fff;
  RecordingHost host;
  const auto outcome = scan(source, batch(Rules::privileged, EngineId::vcs), host);
  EXPECT_EQ(outcome.refusal.reason, Reject::too_long);
  EXPECT_LE(outcome.dwords, kMaxScanDwords);
}

TEST(PrivilegedScan, MathNamesOnlyItsOwnRegisters) {
  EXPECT_EQ(run_ring({0x0d000002, 0x08008000, 0x10000000, 0x18000031}).reason(), Reject::none);
  EXPECT_EQ(run_ring({0x0d000000, 0x20000000}).reason(), Reject::forbidden_command);
  EXPECT_EQ(run_ring({0x0d000000, 0x08008010}).reason(), Reject::forbidden_register);
}

}  // namespace
}  // namespace mediator

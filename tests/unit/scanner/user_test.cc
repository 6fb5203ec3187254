// SPDX-License-Identifier: MIT
// User batches: what hardware lets an unprivileged batch do, and the blitter's closer list.
#include <gtest/gtest.h>

#include "tests/unit/scanner/scan_fixture.h"

namespace mediator {
namespace {

using gen9::EngineId;
using test::batch;
using test::kEnd;
using test::run_user;
using Dwords = std::vector<uint32_t>;

TEST(UserScan, RefusesEveryGgttOperand) {
  const Dwords streams[] = {
      {0x10400002, 0x2000, 0, 7},                          // MI_STORE_DATA_IMM
      {0x7a000004, 1u << 24 | 1u << 14, 0x2000, 0, 0, 0},  // PIPE_CONTROL
      {0x12400002, 0x2358, 0x2000, 0},                     // MI_STORE_REGISTER_MEM
      {0x14c00002, 0x2600, 0x2000, 0},                     // MI_LOAD_REGISTER_MEM
      {0x14000002, 0x2001, 0, 0},                          // MI_REPORT_PERF_COUNT
      {0x17400003, 0, 0, 0, 0},                            // MI_COPY_MEM_MEM, source
      {0x17200003, 0, 0, 0, 0},                            // MI_COPY_MEM_MEM, destination
      {0x17c00001, 0x2000, 0},                             // MI_ATOMIC
      {0x0e400002, 0, 0x2000, 0},                          // MI_SEMAPHORE_WAIT
      {0x1b400002, 0, 0x2000, 0},                          // MI_CONDITIONAL_BATCH_BUFFER_END
      {0x18800001, 0x1000, 0},                             // MI_BATCH_BUFFER_START
      {0x0a000001, 0, 0x2000},                             // MI_DISPLAY_FLIP
  };
  for (const Dwords& s : streams) {
    const auto r = run_user(s);
    EXPECT_EQ(r.reason(), Reject::privileged_from_user) << std::hex << s[0];
    EXPECT_TRUE(r.host.operands.empty());
  }
  EXPECT_EQ(run_user({0x13004002, 0x2004, 0, 1}, EngineId::vcs).reason(),
            Reject::privileged_from_user);  // MI_FLUSH_DW
}

TEST(UserScan, AllowsTheSameCommandsThroughPpgtt) {
  const Dwords streams[] = {
      {0x10000002, 0x2000, 0, 7},      {0x7a000004, 1u << 14, 0x2000, 0, 0, 0},
      {0x12000002, 0x2358, 0x2000, 0}, {0x14800002, 0x2600, 0x2000, 0},
      {0x14000002, 0x2000, 0, 0},      {0x17000003, 0, 0, 0, 0},
      {0x17800001, 0x2000, 0},         {0x0e000002, 0, 0x2000, 0},
      {0x1b000002, 0, 0x2000, 0},      {0x10a00001, 0x100, 0},
      {0x15000001, 0x2600, 0x2430},  // MI_LOAD_REGISTER_REG
  };
  for (const Dwords& s : streams) {
    const auto r = run_user(s);
    EXPECT_EQ(r.reason(), Reject::none) << std::hex << s[0];
    EXPECT_TRUE(r.host.patches.empty());
  }
}

// Programs set bits 19 and 18 for later generations, with numbers that are whole on this one.
TEST(UserScan, ClearsTheBitsThatAddAnEnginesBaseElsewhere) {
  const Dwords streams[] = {{0x11080001, 0x22600, 1},
                            {0x12080002, 0x22600, 0x2000, 0},
                            {0x14880002, 0x22600, 0x2000, 0},
                            {0x150c0001, 0x223a8, 0x22600}};
  for (const Dwords& s : streams) {
    const auto r = run_user(s, EngineId::bcs);
    EXPECT_EQ(r.reason(), Reject::none) << std::hex << s[0];
    EXPECT_EQ(r.copy[0], s[0] & ~(3u << 18));
  }
  EXPECT_EQ(run_user({0x11080001, 0x600, 1}, EngineId::bcs).reason(), Reject::forbidden_register)
      << "a number is never taken for one relative to the base";
}

TEST(UserScan, StoresByIndexIntoTheContextsOwnPage) {
  const auto r = run_user({0x10800001, 0x100, 0});  // the engine's, which is not the guest's
  EXPECT_EQ(r.reason(), Reject::none);
  EXPECT_EQ(r.copy[0], 0x10a00001u);
  EXPECT_EQ(run_user({0x10800001, 0xffc, 0}).reason(), Reject::ggtt_address);
}

TEST(UserScan, LoadsWhatMesaLoads) {
  for (uint32_t reg : {0x20d8u, 0x7034u, 0x7000u, 0x7004u, 0x7008u, 0x20c0u, 0x2580u, 0x2400u,
                       0x2418u, 0x2430u, 0x2440u, 0x2500u, 0x2600u, 0x267cu, 0x5280u}) {
    EXPECT_EQ(run_user({0x11000001, reg, 1}).reason(), Reject::none) << std::hex << reg;
  }
}

TEST(UserScan, RefusesPrivilegedRegisters) {
  for (uint32_t reg : {0x2030u, 0x2080u, 0x2230u, 0x229cu, 0x2270u, 0x24d0u, 0x4260u, 0x941cu,
                       0xc800u, 0x44050u, 0x22600u, 0x100000u}) {
    const auto s = run_user({0x11000001, reg, 1});
    EXPECT_EQ(s.reason(), Reject::forbidden_register) << std::hex << reg;
    EXPECT_EQ(s.outcome.refusal.detail, reg);
  }
}

TEST(UserScan, MovesNoPrivilegedRegister) {
  EXPECT_EQ(run_user({0x12000002, 0x2080, 0x2000, 0}).reason(), Reject::forbidden_register);
  EXPECT_EQ(run_user({0x14800002, 0x2358, 0x2000, 0}).reason(), Reject::forbidden_register);
  EXPECT_EQ(run_user({0x15000001, 0x2080, 0x2600}).reason(), Reject::forbidden_register);
  EXPECT_EQ(run_user({0x15000001, 0x2600, 0x2080}).reason(), Reject::forbidden_register);
  EXPECT_EQ(run_user({0x15000001, 0x2600, 0x2602}).reason(), Reject::register_offset);
}

TEST(UserScan, ARegisterPollIsARegisterRead) {
  EXPECT_EQ(run_user({0x0e010002, 0, 0x2600, 0}).reason(), Reject::none);
  EXPECT_EQ(run_user({0x0e010002, 0, 0x2080, 0}).reason(), Reject::forbidden_register);
}

TEST(UserScan, AChainedStartEndsTheScanWithoutTouchingWhatFollows) {
  const auto s = test::run({0x18800101, 0x1000, 0, 0xffffffff}, batch(Rules::user));
  EXPECT_EQ(s.reason(), Reject::none);
  EXPECT_EQ(s.outcome.dwords, 3u);
  EXPECT_TRUE(s.host.patches.empty());
}

TEST(UserScan, SecondLevelBatchesMayChainButNotCall) {
  const auto request = batch(Rules::user, EngineId::rcs, 2);
  const auto chain = test::run({0x18800101, 0x1000, 0}, request);
  EXPECT_EQ(chain.reason(), Reject::none);
  EXPECT_EQ(chain.host.starts[0].level, 2u);
  EXPECT_EQ(test::run({0x18c00101, 0x1000, 0, kEnd}, request).reason(), Reject::batch_level);
}

TEST(UserScan, StatusIndexStaysInItsPage) {
  EXPECT_EQ(run_user({0x10a00001, 0x1000, 0}).reason(), Reject::ggtt_address);
}

TEST(BlitterScan, LoadsItsShortListOnly) {
  for (uint32_t reg : {0x22200u, 0x22600u, 0x2267cu}) {
    EXPECT_EQ(run_user({0x11000001, reg, 1}, EngineId::bcs).reason(), Reject::none);
  }
  // CVE-2019-0155: the blitter's own check lets these through.
  for (uint32_t reg :
       {0x22030u, 0x2600u, 0x2358u, 0x7034u, 0x220c0u, 0x22244u, 0x22400u, 0x22358u, 0x223a8u}) {
    EXPECT_EQ(run_user({0x11000001, reg, 1}, EngineId::bcs).reason(), Reject::forbidden_register)
        << std::hex << reg;
  }
  EXPECT_EQ(run_user({0x12000002, 0x2358, 0x2000, 0}, EngineId::bcs).reason(), Reject::none);
}

TEST(BlitterScan, RefusesPredicationThatCouldSkipABatchStart) {
  EXPECT_EQ(run_user({0x00800001}, EngineId::bcs).reason(), Reject::forbidden_command);
  EXPECT_EQ(run_user({0x00800000}, EngineId::bcs).reason(), Reject::none);
}

TEST(BlitterScan, PassesBlits) {
  const auto s = run_user({0x54f00008, 0x03cc0400, 0, 0x00100010, 0x4000, 0, 0, 0x400, 0x8000, 0},
                          EngineId::bcs);
  EXPECT_EQ(s.reason(), Reject::none);
  EXPECT_EQ(s.outcome.commands, 2u);
}

}  // namespace
}  // namespace mediator

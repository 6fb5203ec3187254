// SPDX-License-Identifier: MIT
// Settings that cannot be are refused with the rule they break.
#include "mediator/shares.h"

#include <gtest/gtest.h>

#include <array>

#include "mediator/trouble.h"

namespace {
using mediator::broken_rule;
using mediator::GpuShares;
using mediator::Policy;
using mediator::Share;
using mediator::Trouble;
using mediator::TroubleRecord;

TEST(Shares, GoodOnesBreakNoRule) {
  EXPECT_EQ(broken_rule(Share{}), nullptr);
  EXPECT_EQ(broken_rule(Share{.weight = 65'535, .cap = 10'000, .slice_ns = 30'000'000}), nullptr);
  EXPECT_EQ(broken_rule(GpuShares{}, {}, false), nullptr);
}

TEST(Shares, ImpossibleOnesAreRefusedWithTheRule) {
  EXPECT_STREQ(broken_rule(Share{.weight = 0}), "a weight is 1 to 65535");
  EXPECT_STREQ(broken_rule(Share{.weight = 65'536}), "a weight is 1 to 65535");
  EXPECT_STREQ(broken_rule(Share{.cap = 10'001}), "a cap is at most 100 per cent");
  EXPECT_STREQ(broken_rule(Share{.slice_ns = 999'999}), "a slice is 1 to 30 ms");
  EXPECT_NE(broken_rule(GpuShares{.slice_ns = 31'000'000}, {}, false), nullptr);
  EXPECT_NE(broken_rule(GpuShares{.window_ns = 1}, {}, false), nullptr);
  EXPECT_NE(broken_rule(GpuShares{.policy = static_cast<Policy>(9)}, {}, false), nullptr);
}

TEST(Shares, FixedSharesMayNotBeMissingOrOvercommitted) {
  const GpuShares fixed{.policy = Policy::fixed_share};
  const std::array<Share, 2> whole{Share{.fixed = 4'000}, Share{.fixed = 6'000}};
  EXPECT_EQ(broken_rule(fixed, whole, false), nullptr);
  const std::array<Share, 2> over{Share{.fixed = 4'001}, Share{.fixed = 6'000}};
  EXPECT_STREQ(broken_rule(fixed, over, false), mediator::kOvercommitted);
  const std::array<Share, 2> missing{Share{.fixed = 4'001}, Share{}};
  EXPECT_NE(broken_rule(fixed, missing, false), nullptr);
}

TEST(Shares, ExclusiveNeedsItsHolder) {
  const GpuShares gpu{.policy = Policy::exclusive, .holder = hv::VgpuId{3}};
  EXPECT_NE(broken_rule(gpu, {}, false), nullptr);
  EXPECT_EQ(broken_rule(gpu, {}, true), nullptr);
}

TEST(Trouble, HangsAreToldHeldBackAndThenHopeless) {
  TroubleRecord r;
  EXPECT_EQ(r.hang_ns(200, 0), 200u);
  EXPECT_EQ(r.note(Trouble::hang, 1), 0u);
  EXPECT_EQ(r.hang_ns(200, 1), 50u);
  EXPECT_EQ(r.note(Trouble::hang, 2), TroubleRecord::kHoldNs);
  EXPECT_EQ(r.hang_ns(200, 2), 25u);
  EXPECT_EQ(r.note(Trouble::hang, 3), 2 * TroubleRecord::kHoldNs);
  EXPECT_FALSE(r.hopeless());
  (void)r.note(Trouble::hang, 4);
  EXPECT_TRUE(r.hopeless());
}

TEST(Trouble, AQuietMinuteHalvesTheCount) {
  TroubleRecord r;
  (void)r.note(Trouble::hang, 0);
  (void)r.note(Trouble::hang, 1);
  EXPECT_EQ(r.note(Trouble::hang, TroubleRecord::kQuietNs + 2), TroubleRecord::kHoldNs);
  EXPECT_EQ(r.note(Trouble::hang, 40 * TroubleRecord::kQuietNs), 0u);
  EXPECT_FALSE(r.hopeless());
}

TEST(Trouble, CommandErrorsCountLessThanHangs) {
  TroubleRecord r;
  for (int i = 0; i < 15; ++i) EXPECT_EQ(r.note(Trouble::command_error, 0), 0u);
  EXPECT_FALSE(r.hopeless());
  (void)r.note(Trouble::command_error, 0);
  EXPECT_TRUE(r.hopeless());
}

}  // namespace

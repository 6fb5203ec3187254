// SPDX-License-Identifier: MIT
// Where a domain's CPU weight stands depends on its cpupool's scheduler.
#include "hv/xen/cpu_weight.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>

namespace hv::xen {
namespace {

constexpr CpuScheduler kCredit = CpuScheduler::credit, kCredit2 = CpuScheduler::credit2;
constexpr CpuScheduler kNull{9}, kRtds{8}, kArinc{7};
constexpr DomId kDomain{3};
constexpr uint32_t kPool0 = 0, kPool1 = 1, kPool4 = 4;

/// Each scheduler has weights of its own, and knows only domains of its pools.
struct FakeWeights final : WeightCalls {
  bool pool(uint32_t id, Pool& out) override {
    const auto it = pools.lower_bound(id);
    if (it == pools.end()) return false;
    out = {it->first, it->second};
    return true;
  }
  int get(CpuScheduler of, DomId domain, CpuWeight& out) override {
    if (get_error) return get_error;
    const auto it = weights.find({of, domain});
    if (it == weights.end()) return EINVAL;
    out = it->second;
    return 0;
  }
  int set(CpuScheduler of, DomId domain, const CpuWeight& to) override {
    ++sets;
    if (set_error) return set_error;
    if (!weights.contains({of, domain})) return EINVAL;
    weights[{of, domain}] = to;
    return 0;
  }
  std::map<uint32_t, CpuScheduler> pools{{kPool0, kCredit2}, {kPool1, kCredit}, {kPool4, kCredit2}};
  std::map<std::pair<CpuScheduler, DomId>, CpuWeight> weights;
  int get_error = 0, set_error = 0, sets = 0;
};

struct CpuWeightTest : testing::Test {
  FakeWeights calls;
  CpuWeight out;
};

TEST_F(CpuWeightTest, EachPoolIsAskedByItsOwnScheduler) {
  calls.weights[{kCredit2, kDomain}] = {512, 40};
  EXPECT_EQ(get_cpu_weight(calls, kPool0, kDomain, out), 0);
  EXPECT_EQ(out, (CpuWeight{512, 40}));
  EXPECT_EQ(get_cpu_weight(calls, kPool1, kDomain, out), EINVAL) << "credit does not know it";
  calls.weights[{kCredit, DomId{4}}] = {100, 0};
  EXPECT_EQ(get_cpu_weight(calls, kPool1, DomId{4}, out), 0);
  EXPECT_EQ(out, (CpuWeight{100, 0}));
}

TEST_F(CpuWeightTest, SchedulersWithoutWeightsHaveNone) {
  calls.weights[{kCredit2, kDomain}] = calls.weights[{kCredit, kDomain}] = {512, 40};
  for (const CpuScheduler s : {kNull, kRtds, kArinc, CpuScheduler{0}}) {
    calls.pools[kPool1] = s;
    EXPECT_EQ(get_cpu_weight(calls, kPool1, kDomain, out), ENOSYS);
    EXPECT_EQ(set_cpu_weight(calls, kPool1, kDomain, 9), ENOSYS);
  }
  EXPECT_EQ(calls.sets, 0);
}

// Xen answers a question about a pool that is gone with the next one.
TEST_F(CpuWeightTest, APoolThatIsGoneIsNotTakenForAnother) {
  calls.weights[{kCredit2, kDomain}] = {512, 40};
  EXPECT_EQ(get_cpu_weight(calls, 2, kDomain, out), ENOSYS);
  EXPECT_EQ(set_cpu_weight(calls, 2, kDomain, 9), ENOSYS);
  EXPECT_EQ(get_cpu_weight(calls, 5, kDomain, out), ENOSYS) << "and there is no next one";
  EXPECT_EQ(calls.sets, 0);
}

TEST_F(CpuWeightTest, AWeightIsSetWithTheCapThatIsThere) {
  for (const auto& [pool, scheduler] : {std::pair{kPool0, kCredit2}, {kPool1, kCredit}}) {
    calls.weights[{scheduler, kDomain}] = {256, 75};
    EXPECT_EQ(set_cpu_weight(calls, pool, kDomain, 1024), 0);
    EXPECT_EQ((calls.weights[{scheduler, kDomain}]), (CpuWeight{1024, 75}));
  }
}

TEST_F(CpuWeightTest, ADomainThatMovedIsAskedWhereItIsNow) {
  calls.weights[{kCredit2, kDomain}] = {256, 75};
  ASSERT_EQ(get_cpu_weight(calls, kPool0, kDomain, out), 0);
  calls.weights.clear();
  calls.weights[{kCredit, kDomain}] = {128, 10};
  EXPECT_EQ(set_cpu_weight(calls, kPool0, kDomain, 1024), EINVAL) << "it is not there any more";
  EXPECT_EQ(calls.sets, 0);
  EXPECT_EQ(set_cpu_weight(calls, kPool1, kDomain, 1024), 0);
  EXPECT_EQ((calls.weights[{kCredit, kDomain}]), (CpuWeight{1024, 10}));
  calls.pools[kPool1] = kCredit2;  // the pool is made anew with another scheduler
  EXPECT_EQ(get_cpu_weight(calls, kPool1, kDomain, out), EINVAL);
}

TEST_F(CpuWeightTest, WhatTheHypervisorRefusesIsToldAndNothingIsSet) {
  calls.weights[{kCredit2, kDomain}] = {256, 75};
  calls.get_error = EPERM;
  EXPECT_EQ(get_cpu_weight(calls, kPool0, kDomain, out), EPERM);
  EXPECT_EQ(set_cpu_weight(calls, kPool0, kDomain, 1024), EPERM);
  EXPECT_EQ(calls.sets, 0) << "a cap that is not known would be taken away";
  calls.get_error = 0;
  calls.set_error = ESRCH;
  EXPECT_EQ(set_cpu_weight(calls, kPool0, kDomain, 1024), ESRCH);
}

}  // namespace
}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// The budget of what a guest makes the mediator do, and page tables that are made and dropped
// within it.
#include "shadow/work.h"

#include "tests/unit/shadow/ppgtt_fixture.h"

namespace shadow::test {
namespace {

constexpr Work::Limits kLimits{.burst_ns = 1000, .resume_ns = 200, .pays = 2};

TEST(WorkTest, ItIsSpentAtTheBurstAndPaidOffByTime) {
  Work w(kLimits);
  w.settle(5000);
  w.charge(999);
  EXPECT_FALSE(w.spent());
  EXPECT_EQ(w.ready_ns(5000), 0u);
  w.charge(1);
  EXPECT_TRUE(w.spent());
  EXPECT_EQ(w.ready_ns(5000), 5000 + (1000 - 200) * 2u);
  w.settle(5400);
  EXPECT_EQ(w.debt_ns(), 800u);
  EXPECT_EQ(w.total_ns(), 1000u);
  EXPECT_EQ(w.most_ns(), 1000u);
}

TEST(WorkTest, WhoWasOverWaitsUntilLittleIsLeft) {
  Work w(kLimits);
  w.charge(1000);
  w.settle(1000);  // 500 left: less than the burst, more than what it may go on with
  EXPECT_FALSE(w.spent());
  EXPECT_EQ(w.ready_ns(1000), 1000 + (500 - 200) * 2u);
  w.settle(1600);
  EXPECT_EQ(w.ready_ns(1600), 0u);
  w.charge(500);
  EXPECT_EQ(w.ready_ns(1600), 0u) << "it has a burst again";
}

TEST(WorkTest, WhoWasOverWaitsAsLongIfNobodySettledMeanwhile) {
  Work w(kLimits);
  w.charge(1000);
  EXPECT_EQ(w.ready_ns(1000), 1000 + (500 - 200) * 2u);
  EXPECT_EQ(w.ready_ns(1600), 0u);
}

TEST(WorkTest, WhatIsSaidForLaterAgreesWithWhatIsSaidThen) {
  Work w(kLimits);
  w.charge(5000);
  w.settle(0);
  const uint64_t ready = w.ready_ns(0);
  EXPECT_GT(w.ready_ns(ready - 2), ready - 2);
  EXPECT_LE(w.ready_ns(ready), ready);
}

TEST(WorkTest, AClockThatStandsStillOrGoesBackPaysNothing) {
  Work w(kLimits);
  w.settle(1000);
  w.charge(900);
  w.settle(1000);
  w.settle(10);
  EXPECT_EQ(w.debt_ns(), 900u);
}

struct BudgetTest : PpgttTest {
  static constexpr unsigned kLeaves = 60;
  // All can be read within the burst, but not made. Beyond: what an upper table's end takes.
  static constexpr uint64_t kBurst = 60'000, kMostBeyond = kLeaves * cost::kTable + 30'000;
  void SetUp() override {
    work = std::make_unique<Work>(Work::Limits{.burst_ns = kBurst, .resume_ns = 5'000});
    start();
    chain();
    for (unsigned i = 0; i < kLeaves; ++i) {
      write(kPd, i, entry(100 + i));
      for (unsigned k = 0; k < 512; k += 4) domain.poke((100 + i) * kPage + k * 8, entry(k + 1));
    }
  }
  bool reaches_all(RootId r) {
    for (unsigned i = 0; i < kLeaves; ++i)
      if (walk(r, va_of(0, 0, i, 4)) != page_of(5)) return false;
    return true;
  }
};

TEST_F(BudgetTest, ALargeAddressSpaceIsMadeInSteps) {
  const RootId r = root_of();
  unsigned steps = 0;
  while (!set->sync(r).ok()) {
    ASSERT_LT(work->debt_ns(), kBurst + kMostBeyond);
    ASSERT_LT(++steps, 1000u);
    pay();
  }
  EXPECT_GT(steps, 5u);
  EXPECT_TRUE(reaches_all(r));
  EXPECT_EQ(set->counts().bad_entries, 0u);
  expect_all_dropped();
}

TEST_F(BudgetTest, WhatIsNotThereYetIsScratch) {
  const RootId r = root_of();
  EXPECT_EQ(set->sync(r).error(), hv::Error::busy);
  EXPECT_FALSE(reaches_all(r));
  for (unsigned i = 0; i < kLeaves; ++i) {
    const Seen seen = walk(r, va_of(0, 0, i, 4));
    EXPECT_TRUE(seen == page_of(5) || seen.kind != Seen::page) << seen;
  }
  expect_all_dropped();
}

TEST_F(BudgetTest, ADroppedAddressSpaceIsTakenApartInSteps) {
  const RootId r = root_of();
  ASSERT_TRUE(sync(r).ok());
  work->charge(kBurst);
  set->release(r);
  EXPECT_TRUE(set->untidy());
  EXPECT_GT(domain.total_pins(), 0u);
  unsigned steps = 0;
  for (; set->untidy(); ++steps) {
    pay();
    set->tidy();
    ASSERT_LT(work->debt_ns(), kBurst + kMostBeyond);
  }
  EXPECT_GT(steps, 5u);
  expect_all_dropped();
}

TEST_F(BudgetTest, TablesThatWaitToBeTakenApartMayBeUsedAgain) {
  const RootId r = root_of();
  ASSERT_TRUE(sync(r).ok());
  work->charge(kBurst);
  set->release(r);
  const RootId again = root_of();
  write(kPd, 0, entry(100 + 1));
  ASSERT_TRUE(sync(again).ok());
  EXPECT_TRUE(reaches_all(again));
  expect_all_dropped();
}

// Code in a page it names as a table makes a domain say so.
TEST_F(BudgetTest, ADomainThatIsBusyIsNotTakenForASpentBudget) {
  work = std::make_unique<Work>();
  start();
  domain.busy.insert(kPd);
  const RootId r = root_of();
  EXPECT_TRUE(set->sync(r).ok()) << "what cannot be had now is scratch, and nobody waits for it";
  EXPECT_EQ(walk(r, va_of(0, 0, 0, 4)).kind, Seen::scratch);
  domain.busy.clear();
  ASSERT_TRUE(set->sync(r).ok());
  EXPECT_TRUE(reaches_all(r));
  expect_all_dropped();
}

TEST_F(BudgetTest, ATreePutInTheWayOfALiveEntryIsReadWithinTheBudget) {
  const RootId live = root_of();
  ASSERT_TRUE(sync(live).ok());
  constexpr uint64_t kOther = 20;  // its leaves are there, and none of them is read
  const RootId other = root_of(kOther);
  write(kOther, 0, entry(kOther + 1));
  write(kOther + 1, 0, entry(kOther + 2));
  for (unsigned i = 0; i < kLeaves; ++i) {
    write(kOther + 2, i, entry(200 + i));
    for (unsigned k = 0; k < 512; k += 4) domain.poke((200 + i) * kPage + k * 8, entry(k + 1));
    pay();
  }
  write(kPml4, 0, entry(kOther + 1));
  EXPECT_LT(work->debt_ns(), kBurst + 30'000);
  ASSERT_TRUE(sync(live).ok());
  EXPECT_TRUE(reaches_all(live));
  EXPECT_TRUE(reaches_all(other));
  expect_all_dropped();
}

TEST_F(BudgetTest, OnlyTheEndOfTheSetWaitsForNothing) {
  const RootId r = root_of();
  ASSERT_TRUE(sync(r).ok());
  work->charge(kBurst);
  set.reset();
  EXPECT_TRUE(retired.flush().ok());
  EXPECT_EQ(domain.total_pins(), 0u);
  EXPECT_EQ(domain.protected_pages(), 0u);
}

}  // namespace
}  // namespace shadow::test

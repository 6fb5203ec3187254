// SPDX-License-Identifier: MIT
// Modelled time against wall time, and the lock that keeps traps from waiting.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "dom0/daemon/fair_lock.h"
#include "dom0/daemon/pacer.h"
#include "dom0/daemon/step_size.h"

namespace xengvtd {
namespace {

TEST(StepSize, FollowsWhatStepsTake) {
  StepSize size(10'000);
  EXPECT_EQ(size.until(500, 600, UINT64_MAX - 1), 1500u);
  size.took(10'001);
  EXPECT_EQ(size.until(500, 600, UINT64_MAX - 1), 1000u);
  size.took(4'999);
  EXPECT_EQ(size.until(500, 600, UINT64_MAX - 1), 1125u);
  size.took(5'000);
  EXPECT_EQ(size.until(500, 600, UINT64_MAX - 1), 1125u);
  for (int i = 0; i < 100; ++i) size.took(1);
  EXPECT_EQ(size.until(0, 0, UINT64_MAX - 1), StepSize::kLongestNs);
  for (int i = 0; i < 100; ++i) size.took(1'000'000);
  EXPECT_EQ(size.until(0, 0, UINT64_MAX - 1), StepSize::kShortestNs);
}

TEST(StepSize, NeverGoesBeyondThePresent) {
  const StepSize size(10'000);
  EXPECT_EQ(size.until(500, 600, 700), 700u);
  EXPECT_EQ(size.until(500, 900, 700), 700u);
  EXPECT_EQ(size.until(500, UINT64_MAX, 700), 700u) << "idle";
}

// Spinning batches look at memory once in a millisecond of the model's. In steps of the shortest
// kind that took five thousand for one look, and half a second to see that a loop's end had been
// written.
TEST(StepSize, TimeInWhichNothingHappensIsOneStep) {
  StepSize size(10'000);
  for (int i = 0; i < 100; ++i) size.took(1'000'000);
  EXPECT_EQ(size.until(1000, 1'001'000, 9'000'000), 1'001'000u);
}

TEST(Pacer, FollowsTheWallByTheFactor) {
  const Pacer half(0.5, 1000);
  EXPECT_EQ(half.model_time(10'000), 5'000u);
  EXPECT_EQ(half.wall_time(5'000), 10'000u);
}

TEST(Pacer, ForgivesOnlyWhatIsBeyondTheBound) {
  Pacer p(1.0, 1000);
  p.forgive(500, 1500);
  EXPECT_EQ(p.forgiven_ns(), 0u);
  EXPECT_EQ(p.model_time(1500), 1500u);
  p.forgive(500, 1501);
  EXPECT_EQ(p.forgiven_ns(), 1001u);
  EXPECT_EQ(p.model_time(1501), 500u);
  EXPECT_EQ(p.model_time(1601), 600u);
}

TEST(Pacer, TimesToldNeverGoBack) {
  Pacer p(2.0, 100);
  uint64_t last_wall = 0, model = 0;
  for (uint64_t wall = 0; wall < 100'000; wall += 777) {
    model += wall % 5 == 0 ? 900 : 10;  // sometimes fast enough, mostly not
    p.forgive(model, wall);
    const uint64_t told = p.wall_time(model);
    EXPECT_GE(told, last_wall);
    last_wall = told;
  }
  EXPECT_GT(p.forgiven_ns(), 0u);
}

TEST(FairLock, HandsOnInTheOrderItWasAskedForAlsoToWhoJustHadIt) {
  constexpr unsigned kThreads = 4;
  FairLock lock;
  std::vector<unsigned> order;  // covered by the lock
  lock.lock();
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      lock.lock();
      order.push_back(i);
      lock.unlock();
    });
    while (lock.queued() != i + 2) std::this_thread::yield();
  }
  lock.unlock();
  lock.lock();
  order.push_back(kThreads);
  lock.unlock();
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(order, (std::vector<unsigned>{0, 1, 2, 3, 4}));
}

}  // namespace
}  // namespace xengvtd

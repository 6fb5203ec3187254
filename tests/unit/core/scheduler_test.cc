// SPDX-License-Identifier: MIT
#include "mediator/scheduler.h"

#include <gtest/gtest.h>

namespace {
using hv::VgpuId;
using mediator::RoundRobin;

TEST(RoundRobin, GivesTurnsInOrderOfArrival) {
  RoundRobin rr(1000);
  rr.ready(VgpuId{1});
  rr.ready(VgpuId{2});
  EXPECT_EQ(rr.next(0), VgpuId{1});
  rr.yield(true);
  EXPECT_EQ(rr.next(10), VgpuId{2});
  rr.yield(false);
  EXPECT_EQ(rr.next(20), VgpuId{1});
  rr.yield(false);
  EXPECT_EQ(rr.next(30), std::nullopt);
}

TEST(RoundRobin, ASliceEndsOnlyIfSomebodyWaits) {
  RoundRobin rr(1000);
  rr.ready(VgpuId{1});
  (void)rr.next(500);
  EXPECT_EQ(rr.slice_end_ns(), UINT64_MAX);
  rr.ready(VgpuId{2});
  EXPECT_EQ(rr.slice_end_ns(), 1500u);
}

TEST(RoundRobin, BeingReadyTwiceIsBeingReadyOnce) {
  RoundRobin rr(1000);
  rr.ready(VgpuId{1});
  rr.ready(VgpuId{1});
  EXPECT_EQ(rr.next(0), VgpuId{1});
  rr.ready(VgpuId{1});
  EXPECT_FALSE(rr.others_waiting());
}

TEST(RoundRobin, AGoneVgpuIsNeitherWaitingNorCurrent) {
  RoundRobin rr(1000);
  rr.ready(VgpuId{1});
  rr.ready(VgpuId{2});
  (void)rr.next(0);
  rr.not_ready(VgpuId{2});
  EXPECT_FALSE(rr.others_waiting());
  rr.not_ready(VgpuId{1});
  EXPECT_FALSE(rr.current());
}

}  // namespace

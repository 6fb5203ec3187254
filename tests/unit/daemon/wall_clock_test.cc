// SPDX-License-Identifier: MIT
#include "dom0/daemon/wall_clock.h"

#include <gtest/gtest.h>

#include <vector>

namespace xengvtd {
namespace {

// One processor: 2 ticks a nanosecond; a look at the time takes `look_ticks`.
struct Machine {
  uint64_t ticks = 1000, look_ticks = 0;
  unsigned looks = 0;
} machine;

uint64_t fake_time() {
  machine.ticks += machine.look_ticks;
  ++machine.looks;
  return machine.ticks / 2;
}
uint64_t fake_ticks() { return machine.ticks; }

struct WallClockTest : testing::Test {
  WallClock make(uint64_t look_ticks) {
    machine = {.look_ticks = look_ticks};
    return WallClock({fake_time, fake_ticks});
  }
  static void pass(uint64_t ns) { machine.ticks += 2 * ns; }
};

TEST_F(WallClockTest, LooksEachTimeWhereThatIsCheap) {
  WallClock clock = make(20);
  EXPECT_TRUE(clock.cheap());
  const unsigned before = machine.looks;
  for (int i = 0; i < 10; ++i) (void)clock.now_ns();
  EXPECT_EQ(machine.looks - before, 10u);
}

TEST_F(WallClockTest, GoesByTicksWhereALookIsASystemCall) {
  WallClock clock = make(4000);
  EXPECT_FALSE(clock.cheap());
  pass(50'000'000);
  (void)clock.now_ns();  // the rate is known from here on
  const unsigned before = machine.looks;
  const uint64_t at = clock.now_ns();
  pass(100'000);
  EXPECT_NEAR(static_cast<double>(clock.now_ns() - at), 100'000, 2'000);
  EXPECT_EQ(machine.looks, before);
}

TEST_F(WallClockTest, LooksAgainAfterAWhile) {
  WallClock clock = make(4000);
  pass(50'000'000);
  (void)clock.now_ns();
  const unsigned before = machine.looks;
  pass(WallClock::kStaleNs * 3);
  (void)clock.now_ns();
  EXPECT_EQ(machine.looks, before + 1);
}

TEST_F(WallClockTest, NeverGoesBackWhateverTicksDo) {
  WallClock clock = make(4000);
  pass(50'000'000);
  uint64_t last = clock.now_ns();
  // To and fro between processors whose counters are far apart, either way.
  for (const int64_t jump : {-9'000'000, 8'900'000, -90'000, 80'000, 10, -600, 17'000'000}) {
    machine.ticks += static_cast<uint64_t>(jump);
    const uint64_t now = clock.now_ns();
    EXPECT_GE(now, last);
    EXPECT_LE(now - last, 2 * WallClock::kStaleNs + 1'000'000);
    last = now;
  }
}

TEST(RealWallClock, KeepsItsPace) {
  WallClock clock;
  uint64_t last = clock.now_ns();
  for (int i = 0; i < 100; ++i) {
    const uint64_t now = clock.now_ns();
    EXPECT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// Display bring-up answers, vblank and flip timing, plane views.
#include "mediator/vblank.h"
#include "tests/unit/device/device_fixture.h"

namespace device_test {
namespace {

constexpr uint64_t kFrame = mediator::kDefaultFrameNs;
constexpr uint32_t kOn = 1u << 31, kState = 1u << 30;

struct BringUp : DeviceTest {};

TEST_F(BringUp, StatesFollowRequests) {
  w32(0x45404, 0xa00002aa);
  EXPECT_EQ(r32(0x45404), 0xf00003ffu);
  w32(0x45404, 0x55);
  EXPECT_EQ(r32(0x45404), 0u);
  for (uint32_t at : {0x45008u, 0xf0008u, 0xf1008u, 0x7f008u, 0x70008u}) {
    w32(at, kOn);
    EXPECT_EQ(r32(at), kOn | kState);
    w32(at, kState);
    EXPECT_EQ(r32(at), 0u) << "state is not the guest's to write";
  }
  w32(0xc2004, 1u << 12);
  EXPECT_EQ(r32(0xc2004), 3u << 12);
  w32(0xc7204, 1);
  EXPECT_EQ(r32(0xc7200), 0x80000008u);
}

TEST_F(BringUp, PllsLock) {
  EXPECT_EQ(r32(0x6c060), 1u) << "DPLL 0 runs at reset";
  EXPECT_EQ(r32(0x46010), 0xc0000000u);
  w32(0x46014, 0x80001234);
  w32(0x46060, 0x80001234);
  EXPECT_EQ(r32(0x46014), 0xc0000000u);
  EXPECT_EQ(r32(0x46060), 0x80001234u);
  EXPECT_EQ(r32(0x6c060), 0x01000101u);
  w32(0x46010, 0);
  EXPECT_EQ(r32(0x6c060), 0x01000100u);
}

TEST_F(BringUp, FusesAndStrapsShowPortD) {
  EXPECT_EQ(r32(0x42000), 0x8e000000u);
  EXPECT_TRUE(r32(0xc2014) & 1);
  EXPECT_TRUE(r32(0xc4000) & 1u << 23);
  EXPECT_EQ(r32(0x51000), 0u);
  EXPECT_NE(r32(0x4f060) & 0xffffff, 0u);
}

TEST_F(BringUp, PortsTrainAndIdle) {
  EXPECT_EQ(r32(0x64300), 0x80u);
  w32(0x64300, kOn);
  EXPECT_EQ(r32(0x64300), kOn);
  w32(0x64300, 0);
  EXPECT_EQ(r32(0x64300), 0x80u);
  w32(0x64340, kOn | 2u << 8);
  EXPECT_EQ(r32(0x64344), 1u << 25);
  w32(0x64344, 1u << 25);
  EXPECT_EQ(r32(0x64344), 0u);
}

TEST_F(BringUp, SidebandRemembersAFewRegisters) {
  const auto write = [&](uint32_t at, uint32_t v) {
    w32(0xc6000, at << 16);
    w32(0xc6004, v);
    w32(0xc6008, 0x0701);
  };
  const auto read = [&](uint32_t at) {
    w32(0xc6000, at << 16);
    w32(0xc6008, 0x0601);
    EXPECT_EQ(r32(0xc6008) & 3, 0u);
    return r32(0xc6004);
  };
  write(0x20c, 7);
  EXPECT_EQ(read(0x20c), 7u);
  EXPECT_EQ(read(0x20d), 0u);
  for (uint32_t i = 0; i < 100; ++i) write(i, i + 1);
  EXPECT_EQ(read(99), 100u);
  EXPECT_EQ(read(0), 0u) << "bounded: the oldest is gone";
}

TEST_F(BringUp, PlaneScalingIsRefused) {
  w32(0x68180, 1u << 25);
  EXPECT_EQ(r32(0x68180), 0u);
  w32(0x69180, kOn);
  EXPECT_EQ(r32(0x69180), kOn);
  EXPECT_EQ(dev().counts().refused_writes, 1u);
}

TEST_F(BringUp, VgaStaysDisabledAndPsrZero) {
  w32(0x41000, 0);
  EXPECT_EQ(r32(0x41000), kOn);
  w32(0x64834, ~0u);
  EXPECT_EQ(r32(0x64834), 0u);
}

struct Vblank : DeviceTest {
  void listen(unsigned pipe) {
    w32(0x4440c + 0x10 * pipe, ~0u);
    w32(0x44404 + 0x10 * pipe, 0);
  }
  uint32_t events(unsigned pipe = 0) {
    const uint32_t iir = r32(0x44408 + 0x10 * pipe);
    w32(0x44408 + 0x10 * pipe, iir);
    return iir;
  }
  void pass(uint64_t ns) {
    sink_.now += ns;
    dev().run_timers(sink_.now);
  }
};

TEST_F(Vblank, ComesEveryFrameWhileThePipeRuns) {
  listen(0);
  EXPECT_EQ(dev().next_deadline_ns(), UINT64_MAX);
  w32(0x70008, kOn);
  EXPECT_EQ(dev().next_deadline_ns(), sink_.now + kFrame);
  pass(kFrame - 1);
  EXPECT_EQ(events(), 0u);
  pass(1);
  EXPECT_EQ(events(), 1u);
  EXPECT_EQ(r32(0x70040), 1u);
  pass(10 * kFrame);
  EXPECT_EQ(events(), 1u) << "late: one event, all frames counted";
  EXPECT_EQ(r32(0x70040), 11u);
  w32(0x70008, 0);
  EXPECT_EQ(dev().next_deadline_ns(), UINT64_MAX);
  pass(kFrame);
  EXPECT_EQ(events(), 0u);
}

TEST_F(Vblank, NobodyListeningCostsNoTimerButFramesCount) {
  w32(0x70008, kOn);
  EXPECT_EQ(dev().next_deadline_ns(), UINT64_MAX);
  pass(5 * kFrame + 10);
  EXPECT_EQ(r32(0x70040), 5u);
  listen(0);
  EXPECT_EQ(events(), 0u) << "old vblanks are not news";
  EXPECT_EQ(dev().next_deadline_ns(), sink_.now - 10 + kFrame);
}

TEST_F(Vblank, PipesAreIndependent) {
  listen(0);
  listen(2);
  w32(0x72008, kOn);
  pass(kFrame);
  EXPECT_EQ(events(0), 0u);
  EXPECT_EQ(events(2), 1u);
}

TEST_F(Vblank, PeriodFollowsTheProgrammedTiming) {
  // 154 MHz over four lanes at 324 MHz: the link values are there at reset.
  w32(0x60000, 2079u << 16 | 1919);
  w32(0x6000c, 1234u << 16 | 1199);
  EXPECT_EQ(mediator::frame_period_ns(dev().registers(), 0), kFrame) << "no port yet";
  w32(0x60400, kOn | 3u << 28 | 2u << 24);
  EXPECT_NEAR(1e9 / mediator::frame_period_ns(dev().registers(), 0), 59.95, 0.01);
}

TEST_F(Vblank, NonsenseTimingStaysBetweenOneAndAThousandHertz) {
  w32(0x60400, kOn | 3u << 28 | 2u << 24);
  w32(0x60000, 0x1fff0000);
  w32(0x6000c, 0x1fff0000);
  w32(0x60040, 1);
  w32(0x60044, 0xffffff);
  EXPECT_EQ(mediator::frame_period_ns(dev().registers(), 0), kFrame) << "clock rounds to nothing";
  w32(0x60044, 0xffff);
  EXPECT_EQ(mediator::frame_period_ns(dev().registers(), 0), mediator::kMaxFrameNs);
  w32(0x60000, 1);
  w32(0x6000c, 1);
  w32(0x60040, 0xffffff);
  w32(0x60044, 1);
  EXPECT_EQ(mediator::frame_period_ns(dev().registers(), 0), mediator::kMinFrameNs);
}

TEST_F(Vblank, ScanLineMoves) {
  w32(0x6000c, 999u << 16 | 799);
  w32(0x60010, 999u << 16 | 799);
  w32(0x60400, kOn | 2u << 24);
  EXPECT_EQ(r32(0x70000), 0u);
  w32(0x70008, kOn);
  EXPECT_EQ(r32(0x70000), 799u) << "a frame begins with blanking, and the counter lags by one";
  sink_.now += kFrame / 10 + 1;
  EXPECT_EQ(r32(0x70000), 899u);
  sink_.now += kFrame / 5 + 1;
  EXPECT_EQ(r32(0x70000), 99u);
}

// What i915 does with both before and after an update: a line it takes for one of the blank before
// the frame is counted would have it write in the last moments of a frame.
TEST_F(Vblank, LineAndFrameCountAgreeOnWhereAFrameEnds) {
  w32(0x6000c, 999u << 16 | 799);
  w32(0x60010, 999u << 16 | 799);
  for (const auto& [mode, lag] : {std::pair{0u, 2u}, {1u, 2u}, {2u, 1u}, {3u, 1u}}) {
    w32(0x60400, kOn | mode << 24);
    w32(0x70008, kOn);
    const uint32_t before = r32(0x70040);
    sink_.now += kFrame - 1;
    EXPECT_EQ(r32(0x70040), before);
    EXPECT_EQ((r32(0x70000) + lag) % 1000, 799u) << "the last visible line, in mode " << mode;
    sink_.now += 1;
    EXPECT_EQ(r32(0x70040), before + 1);
    EXPECT_EQ((r32(0x70000) + lag) % 1000, 800u) << "the first blank line, in mode " << mode;
    w32(0x70008, 0);
  }
}

TEST_F(Vblank, ScanLineOfNonsenseTimingIsALine) {
  w32(0x60400, kOn);
  for (const uint32_t total : {0u, 1u, 0x1fffu})
    for (const uint32_t blank : {0u, 1u, 0x1fffu}) {
      w32(0x6000c, total << 16);
      w32(0x60010, blank);
      w32(0x70008, kOn);
      sink_.now += kFrame / 3;
      EXPECT_LE(r32(0x70000), total == 0 ? 805u : total);
      w32(0x70008, 0);
    }
}

struct Flips : Vblank {
  void start_pipe() {
    listen(0);
    w32(0x70008, kOn);
    w32(0x70180, kOn | 4u << 24);
  }
};

TEST_F(Flips, ShowAtTheNextVblank) {
  start_pipe();
  w32(0x7019c, 0x100000);
  EXPECT_EQ(r32(0x701ac), 0u);
  pass(kFrame);
  EXPECT_EQ(r32(0x701ac), 0x100000u);
  EXPECT_EQ(events(), 1u | 1u << 3);
  EXPECT_EQ(r32(0x70044), 1u);
  pass(kFrame);
  EXPECT_EQ(events(), 1u);
}

TEST_F(Flips, AsyncOnesShowAtOnce) {
  start_pipe();
  w32(0x70180, kOn | 4u << 24 | 1u << 9);
  w32(0x7019c, 0x200000);
  EXPECT_EQ(r32(0x701ac), 0x200000u);
  EXPECT_EQ(events(), 1u << 3);
}

TEST_F(Flips, OnAStoppedPipeNeedNoVblank) {
  w32(0x7019c, 0x300000);
  EXPECT_EQ(r32(0x701ac), 0x300000u);
  start_pipe();
  w32(0x7019c, 0x400000);
  w32(0x70008, 0);
  EXPECT_EQ(r32(0x701ac), 0x400000u);
}

TEST_F(Flips, AFlipAloneArmsTheTimer) {
  w32(0x70008, kOn);
  sink_.now += 3 * kFrame + 5;
  w32(0x7019c, 0x500000);
  EXPECT_EQ(dev().next_deadline_ns(), sink_.now - 5 + kFrame);
  pass(kFrame);
  EXPECT_EQ(r32(0x701ac), 0x500000u);
  EXPECT_EQ(dev().next_deadline_ns(), UINT64_MAX);
}

TEST_F(Flips, SecondPlaneAndMirrorRegistersHaveTheirOwnEvents) {
  start_pipe();
  w32(0x7029c, 0x600000);
  pass(kFrame);
  EXPECT_EQ(events(), 1u | 1u << 4);
  w32(0x50080, 0x700001);
  EXPECT_EQ(r32(0x701ac), 0x700000u);
  EXPECT_EQ(events(), 1u << 3);
  w32(0x50090, 0x800001);
  EXPECT_EQ(r32(0x702ac), 0x800000u);
  EXPECT_EQ(events(), 1u << 4);
}

TEST_F(Flips, CommandsFlipLikeRegisters) {
  start_pipe();
  dev().display_flip(0, 0x900007, 64u << 6 | 1, false);
  EXPECT_EQ(r32(0x7019c), 0x900000u);
  EXPECT_EQ(r32(0x70188), 64u);
  EXPECT_EQ(r32(0x70180) >> 10 & 7, 1u);
  pass(kFrame);
  EXPECT_EQ(dev().primary_plane(0).address, 0x900000u);
  dev().display_flip(31, 0xa00000, 0, true);
  dev().display_flip(3, 0xa00000, 0, true);
  EXPECT_EQ(dev().counts().flips, 1u) << "no such plane";
}

TEST_F(Flips, PlaneViewIsWhatTheGuestProgrammed) {
  EXPECT_FALSE(dev().primary_plane(0).enabled);
  start_pipe();
  w32(0x70188, 64);
  w32(0x70190, 767u << 16 | 1023);
  w32(0x701a4, 5u << 16 | 3);
  w32(0x7019c, 0x400000);
  pass(kFrame);
  const auto v = dev().primary_plane(0);
  EXPECT_TRUE(v.enabled);
  EXPECT_EQ(v.width, 1024u);
  EXPECT_EQ(v.height, 768u);
  EXPECT_EQ(v.stride, 4096u);
  EXPECT_EQ(v.address, 0x400000u);
  EXPECT_EQ(v.format, 4u);
  EXPECT_EQ(v.tiling, 0u);
  EXPECT_EQ(v.pan_x, 3u);
  EXPECT_EQ(v.pan_y, 5u);
  EXPECT_EQ(v.frames, 1u);
  w32(0x70180, kOn | 4u << 24 | 1u << 10);
  EXPECT_EQ(dev().primary_plane(0).stride, 64u * 512);
  w32(0x70180, kOn | 4u << 24 | 4u << 10);
  EXPECT_EQ(dev().primary_plane(0).stride, 64u * 128);
  EXPECT_FALSE(dev().primary_plane(7).enabled);
}

TEST_F(Flips, CursorViewHasModeAndPosition) {
  start_pipe();
  EXPECT_FALSE(dev().cursor_plane(0).enabled);
  w32(0x70080, 0x27);
  w32(0x70088, (0x8000u | 5) << 16 | 100);
  w32(0x70084, 0x123000);
  const auto v = dev().cursor_plane(0);
  EXPECT_TRUE(v.enabled);
  EXPECT_EQ(v.width, 64u);
  EXPECT_EQ(v.stride, 256u);
  EXPECT_EQ(v.address, 0x123000u);
  EXPECT_EQ(v.screen_x, 100);
  EXPECT_EQ(v.screen_y, -5);
}

}  // namespace
}  // namespace device_test

// SPDX-License-Identifier: MIT
#include "mediator/execlist.h"

#include <gtest/gtest.h>

#include "shadow/gen9/regs.h"

namespace {
using gen9::EngineId;
using mediator::Execlist;
using mediator::Signal;
using mediator::VirtualExeclist;
namespace csb = gen9::csb;

struct Event {
  uint32_t event, id;
  Signal signal;
  friend bool operator==(const Event&, const Event&) = default;
};

struct Sink final : mediator::StatusSink {
  void context_status(EngineId, uint32_t event, uint32_t id, Signal signal) override {
    events.push_back({event, id, signal});
  }
  std::vector<Event> events;
};

uint64_t descriptor(uint32_t id, uint32_t lrca) {
  return uint64_t{id} << 32 | lrca | gen9::descriptor::kValid | 3u << 3;
}
Execlist list(uint64_t first, uint64_t second = 0) { return {{first, second}, second ? 2u : 1u}; }

struct ExeclistTest : testing::Test {
  Sink sink;
  VirtualExeclist execlist{EngineId::rcs, sink};
  const uint64_t a = descriptor(1, 0x10000), b = descriptor(2, 0x40000), c = descriptor(3, 0x80000);
};

TEST_F(ExeclistTest, CollectsPortOneThenPortZeroHighFirst) {
  EXPECT_FALSE(execlist.write(2));
  EXPECT_FALSE(execlist.write(0x40019));
  EXPECT_FALSE(execlist.write(1));
  const auto got = execlist.write(0x10019);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->count, 2u);
  EXPECT_EQ(got->descriptor[0], a);
  EXPECT_EQ(got->descriptor[1], b);
}

TEST_F(ExeclistTest, AnInvalidFirstElementMakesAnEmptyList) {
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(execlist.write(0));
  EXPECT_EQ(execlist.write(0x10018)->count, 0u);
}

TEST_F(ExeclistTest, OneContextGoesIdleActiveCompleteIdle) {
  EXPECT_EQ(execlist.accept(list(a)), VirtualExeclist::Accepted::started);
  execlist.head_complete();
  const std::vector<Event> want{{csb::kIdleToActive, 0, Signal::late},
                                {csb::kContextComplete | csb::kActiveToIdle, 1, Signal::now}};
  EXPECT_EQ(sink.events, want);
  EXPECT_FALSE(execlist.active());
}

TEST_F(ExeclistTest, TwoContextsSwitchElements) {
  EXPECT_EQ(execlist.accept(list(a, b)), VirtualExeclist::Accepted::started);
  execlist.head_complete();
  EXPECT_EQ(execlist.head(), b);
  execlist.head_complete();
  const std::vector<Event> want{{csb::kIdleToActive, 0, Signal::late},
                                {csb::kContextComplete | csb::kElementSwitch, 1, Signal::now},
                                {csb::kContextComplete | csb::kActiveToIdle, 2, Signal::now}};
  EXPECT_EQ(sink.events, want);
}

TEST_F(ExeclistTest, TheRunningContextAgainIsALiteRestore) {
  (void)execlist.accept(list(a));
  EXPECT_EQ(execlist.accept(list(a, b)), VirtualExeclist::Accepted::lite_restore);
  EXPECT_EQ(sink.events.back(), (Event{csb::kPreempted | csb::kLiteRestore, 1, Signal::late}));
  EXPECT_EQ(execlist.remaining(), (std::vector<uint64_t>{a, b}));
}

TEST_F(ExeclistTest, LiteRestoreOfTheSecondElementOnceItRuns) {
  (void)execlist.accept(list(a, b));
  execlist.head_complete();
  EXPECT_EQ(execlist.accept(list(b, c)), VirtualExeclist::Accepted::lite_restore);
  EXPECT_EQ(execlist.remaining(), (std::vector<uint64_t>{b, c}));
}

TEST_F(ExeclistTest, AnotherContextWaitsAndPreempts) {
  (void)execlist.accept(list(a));
  EXPECT_EQ(execlist.accept(list(b)), VirtualExeclist::Accepted::queued);
  EXPECT_EQ(execlist.status() & 4, 4u) << "queue full";
  execlist.head_preempted();
  EXPECT_EQ(sink.events.back(), (Event{csb::kPreempted, 1, Signal::now}));
  EXPECT_EQ(execlist.head(), b);
}

TEST_F(ExeclistTest, AQueuedListTakesOverWithoutInterruptBetween) {
  (void)execlist.accept(list(a));
  (void)execlist.accept(list(b));
  execlist.head_complete();
  const size_t n = sink.events.size();
  EXPECT_EQ(sink.events[n - 2],
            (Event{csb::kContextComplete | csb::kActiveToIdle, 1, Signal::none}));
  EXPECT_EQ(sink.events[n - 1], (Event{csb::kIdleToActive, 0, Signal::now}));
  EXPECT_EQ(execlist.head(), b);
}

TEST_F(ExeclistTest, StatusShowsTheActiveContext) {
  EXPECT_EQ(execlist.status() >> 32, 0u);
  (void)execlist.accept(list(b));
  EXPECT_EQ(execlist.status() >> 32, 2u);
}

TEST_F(ExeclistTest, ResetForgetsHalfWrittenSubmissions) {
  (void)execlist.write(7);
  execlist.reset();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(execlist.write(0));
  EXPECT_TRUE(execlist.write(0));
}

}  // namespace

// SPDX-License-Identifier: MIT
#include "dom0/gpu/driver/ports.h"

#include <gtest/gtest.h>

#include <random>

#include "shadow/gen9/regs.h"

namespace {

using gpu::Bundle;
using gpu::Departures;
using gpu::ExeclistPorts;
namespace csb = gen9::csb;

constexpr uint64_t descriptor(uint32_t id) { return uint64_t{id} << 32 | id << 12 | 0x109; }
constexpr uint64_t kIdle = descriptor(0x99), kA = descriptor(1), kB = descriptor(2),
                   kC = descriptor(3);
constexpr uint32_t id_of(uint64_t d) { return static_cast<uint32_t>(d >> 32); }

struct PortsTest : testing::Test {
  ExeclistPorts ports{kIdle};
  Departures gone;

  hv::Status queue(std::initializer_list<uint64_t> d) {
    return ports.queue(std::span(d.begin(), d.size()));
  }
  void event(uint32_t status, uint64_t d) {
    gone.clear();
    ports.on_event(status, id_of(d), gone);
  }
  void start(std::initializer_list<uint64_t> d) {
    ASSERT_TRUE(queue(d).ok());
    ports.take_ready();
    event(csb::kIdleToActive, 0);
  }
};

TEST_F(PortsTest, PairRunsInOrderAndEachEndsOnce) {
  start({kA, kB});
  event(csb::kContextComplete | csb::kElementSwitch, kA);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].descriptor, kA);
  EXPECT_TRUE(gone[0].complete);
  EXPECT_FALSE(ports.idle());
  event(csb::kContextComplete | csb::kActiveToIdle, kB);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].descriptor, kB);
  EXPECT_TRUE(ports.idle());
}

TEST_F(PortsTest, RefusesWhatElspCannotTake) {
  EXPECT_EQ(queue({}).error(), hv::Error::bad_argument);
  EXPECT_EQ(queue({kA, kA}).error(), hv::Error::bad_argument);
  EXPECT_EQ(queue({kA, kB, kC}).error(), hv::Error::bad_argument);
  EXPECT_EQ(queue({kIdle}).error(), hv::Error::bad_argument);
  EXPECT_EQ(queue({kA & ~uint64_t{1}}).error(), hv::Error::bad_argument);
  EXPECT_TRUE(ports.idle());
}

TEST_F(PortsTest, BusyEngineTakesOnlyItsOwnContext) {
  start({kA});
  EXPECT_EQ(queue({kB}).error(), hv::Error::busy);
  EXPECT_TRUE(queue({kA, kB}).ok());
  EXPECT_EQ(queue({kA}).error(), hv::Error::busy) << "A is no longer alone";
}

TEST_F(PortsTest, SecondWriteWaitsForTheFirstToBeAcknowledged) {
  ASSERT_TRUE(queue({kA}).ok());
  EXPECT_EQ(ports.take_ready(), Bundle{kA});
  ASSERT_TRUE(queue({kA}).ok());
  EXPECT_TRUE(ports.take_ready().empty());
  event(csb::kIdleToActive, 0);
  EXPECT_EQ(ports.take_ready(), Bundle{kA});
  event(csb::kPreempted | csb::kLiteRestore, kA);
  EXPECT_TRUE(gone.empty());
  event(csb::kContextComplete | csb::kActiveToIdle, kA);
  EXPECT_EQ(gone.size(), 1u);
}

TEST_F(PortsTest, LateLiteRestoreReportsOneEnd) {
  start({kA});
  ASSERT_TRUE(queue({kA}).ok());
  ports.take_ready();
  event(csb::kContextComplete | csb::kActiveToIdle, kA);  // before the hardware saw the write
  EXPECT_TRUE(gone.empty());
  EXPECT_FALSE(ports.idle());
  event(csb::kIdleToActive, 0);
  event(csb::kContextComplete | csb::kActiveToIdle, kA);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_TRUE(gone[0].complete);
}

TEST_F(PortsTest, PreemptionEndsBothContexts) {
  start({kA, kB});
  ports.request_preempt();
  EXPECT_EQ(ports.take_ready(), Bundle{kIdle});
  event(csb::kPreempted, kA);
  ASSERT_EQ(gone.size(), 2u);
  EXPECT_FALSE(gone[0].complete);
  EXPECT_FALSE(gone[1].complete);
  EXPECT_TRUE(ports.idle());
  event(csb::kContextComplete | csb::kActiveToIdle, kIdle);
  EXPECT_TRUE(gone.empty());
}

TEST_F(PortsTest, CompletionWinsOverLatePreemption) {
  start({kA});
  ports.request_preempt();
  ports.take_ready();
  event(csb::kContextComplete | csb::kActiveToIdle, kA);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_TRUE(gone[0].complete);
  // The engine counts as free, but the next write waits until the idle context was taken.
  ASSERT_TRUE(queue({kB}).ok());
  EXPECT_TRUE(ports.take_ready().empty());
  event(csb::kIdleToActive, 0);
  EXPECT_EQ(ports.take_ready(), Bundle{kB});
  event(csb::kContextComplete | csb::kActiveToIdle, kIdle);
  event(csb::kIdleToActive, 0);
  EXPECT_EQ(ports.running(), kB);
}

TEST_F(PortsTest, PreemptionBeforeTheAcknowledgeIsNotLost) {
  ASSERT_TRUE(queue({kA}).ok());
  ports.take_ready();
  ports.request_preempt();
  EXPECT_TRUE(ports.take_ready().empty());
  EXPECT_EQ(queue({kA}).error(), hv::Error::busy) << "it was asked to leave";
  event(csb::kIdleToActive, 0);
  EXPECT_EQ(ports.take_ready(), Bundle{kIdle});
}

TEST_F(PortsTest, PreemptingAnIdleEngineDoesNothing) {
  ports.request_preempt();
  EXPECT_TRUE(ports.take_ready().empty());
}

TEST_F(PortsTest, StrayEntriesAreCountedAndIgnored) {
  event(csb::kIdleToActive, 0);
  event(csb::kContextComplete, kA);
  event(csb::kWaitSemaphore, kA);
  EXPECT_EQ(ports.unexpected(), 3u);
  start({kA});
  event(csb::kContextComplete, kB);
  EXPECT_TRUE(gone.empty());
  EXPECT_EQ(ports.unexpected(), 4u);
}

/// Hardware side of the ports, for random histories: what was written and when it is taken.
struct Silicon {
  Bundle running, written;
  std::mt19937 random;
  template <class Event>
  void step(Event&& event) {
    if (!written.empty() && random() % 2) {
      const Bundle old = running;
      running = written;
      written.clear();
      if (old.empty()) return event(csb::kIdleToActive, 0);
      const bool same = old[0] == running[0];
      return event(csb::kPreempted | (same ? csb::kLiteRestore : 0u), old[0]);
    }
    if (running.empty()) return;
    const uint64_t d = running.front();
    running.erase(running.begin());
    event(csb::kContextComplete | (running.empty() ? csb::kActiveToIdle : csb::kElementSwitch), d);
  }
};

TEST_F(PortsTest, EverySubmittedContextEndsExactlyOnceWhateverTheOrder) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    ports = ExeclistPorts(kIdle);
    Silicon hw{.running = {}, .written = {}, .random = std::mt19937(seed)};
    std::map<uint64_t, int> open;
    const auto on_event = [&](uint32_t status, uint64_t d) {
      event(status, d);
      for (const auto& departure : gone) EXPECT_EQ(--open[departure.descriptor], 0);
    };
    for (int i = 0; i < 300; ++i) {
      const uint64_t first = descriptor(1 + hw.random() % 3), second = descriptor(4);
      if (hw.random() % 4 == 0) ports.request_preempt();
      const bool pair = hw.random() % 2;
      if (pair ? queue({first, second}).ok() : queue({first}).ok()) {
        open[first] = 1;
        if (pair) open[second] = 1;
      }
      if (const Bundle b = ports.take_ready(); !b.empty()) {
        EXPECT_TRUE(hw.written.empty()) << "two writes unacknowledged";
        hw.written = b;
      }
      hw.step(on_event);
    }
    for (int i = 0; i < 50; ++i) {
      if (const Bundle b = ports.take_ready(); !b.empty()) hw.written = b;
      hw.step(on_event);
    }
    for (const auto& [d, count] : open) EXPECT_EQ(count, 0) << std::hex << d;
    EXPECT_TRUE(ports.idle());
    EXPECT_EQ(ports.unexpected(), 0u);
  }
}

}  // namespace

// SPDX-License-Identifier: MIT
// Submission and status-buffer rules of the embedded driver, against a scripted engine.
#include "dom0/guests/driver/execlists.h"

#include <gtest/gtest.h>

#include <memory>

#include "shadow/gen9/context_image.h"
#include "tests/fake/fake_guest_port.h"

namespace {

using gen9::EngineId;
namespace csb = gen9::csb;
constexpr uint32_t kElsp = 0x22230;

class ExeclistsTest : public testing::Test {
 protected:
  ExeclistsTest()
      : frames_(16, 1024),
        ggtt_(port_, frames_, {0, 64u << 20, 256u << 20, 64u << 20}),
        status_(*ggtt_.create(1)),
        lists_(port_, EngineId::bcs, status_) {
    for (uint32_t i = 0; i < 3; ++i)
      contexts_[i] = guests::Context::create(port_, ggtt_, {EngineId::bcs, i + 1, hv::Gpa{0x8000}});
    lists_.enable();
    port_.log.clear();
  }

  uint32_t queue(unsigned context) {
    guests::Request r{contexts_[context].get()};
    EXPECT_TRUE(r.context->emit(0x1000, false, r.tail, r.wa_tail));
    r.seqno = r.context->last_seqno();
    lists_.queue(r);
    return r.seqno;
  }
  /// What the GPU writes when the context got to `seqno`.
  void finish(unsigned context, uint32_t seqno) { port_.ram_store(timeline(context), 4, seqno); }
  hv::Gpa timeline(unsigned context) {
    // The timeline page is the last one created for the context.
    return hv::Gpa{port_.regs[gen9::kGttOffset + (contexts_[context]->breadcrumb() >> 12) * 8] &
                   ~uint64_t{0xfff}};
  }
  void event(uint32_t bits) {
    next_ = (next_ + 1) % gen9::kCsbEntries;
    port_.ram_store(status_.at(4 * (0x10 + 2 * next_)), 4, bits);
    port_.ram_store(status_.at(4 * 0x1f), 4, next_);
    lists_.process_csb();
  }
  /// Context ids of the last ELSP write, port 0 first.
  std::array<uint64_t, 2> last_ports() {
    const auto w = port_.writes_to(kElsp);
    if (w.size() < 4) return {};
    return {w[w.size() - 2], w[w.size() - 4]};
  }
  size_t submissions() { return port_.writes_to(kElsp).size() / 4; }
  uint32_t image_tail(unsigned context) {
    return port_.ram_load<uint32_t>(
        contexts_[context]->image().at(4096 + 4 * gen9::ctx::kRingTail));
  }

  fake::GuestPort port_;
  guests::Frames frames_;
  guests::GuestGgtt ggtt_;
  guests::GgttObject status_;
  guests::Execlists lists_;
  std::array<std::unique_ptr<guests::Context>, 3> contexts_;
  uint32_t next_ = 5;
};

TEST_F(ExeclistsTest, FirstRequestGoesToPortZeroAlone) {
  queue(0);
  EXPECT_EQ(submissions(), 1u);
  EXPECT_EQ(last_ports(), (std::array<uint64_t, 2>{1, 0}));
}

TEST_F(ExeclistsTest, NothingIsSubmittedUntilTheLastOneWasTaken) {
  queue(0);
  queue(1);
  EXPECT_EQ(submissions(), 1u);
  event(csb::kIdleToActive);
  EXPECT_EQ(submissions(), 2u);
  EXPECT_EQ(last_ports(), (std::array<uint64_t, 2>{1, 2})) << "the running context stays in front";
}

TEST_F(ExeclistsTest, TwoWaitingContextsFillBothPorts) {
  const uint32_t s = queue(0);
  queue(1);
  queue(2);
  finish(0, s);
  event(csb::kIdleToActive);
  EXPECT_EQ(last_ports(), (std::array<uint64_t, 2>{2, 3}));
}

TEST_F(ExeclistsTest, LiteRestoreMovesTheTailOfTheRunningContext) {
  queue(0);
  event(csb::kIdleToActive);
  const uint32_t before = image_tail(0);
  queue(0);
  EXPECT_EQ(last_ports(), (std::array<uint64_t, 2>{1, 0}));
  EXPECT_GT(image_tail(0), before);
  EXPECT_EQ(lists_.counts().lite_restores, 1u);
}

TEST_F(ExeclistsTest, ResubmittingTheSameRequestStillMovesItsTail) {
  queue(0);
  event(csb::kIdleToActive);
  const uint32_t before = image_tail(0);
  queue(1);  // context 0 goes along in front, with no new request
  EXPECT_EQ(image_tail(0), before + 8);
}

TEST_F(ExeclistsTest, CompletionMovesTheSecondElementUp) {
  const uint32_t a = queue(0);
  queue(1);
  event(csb::kIdleToActive);
  event(csb::kPreempted | csb::kLiteRestore);
  finish(0, a);
  event(csb::kContextComplete | csb::kElementSwitch);
  EXPECT_FALSE(lists_.idle());
  EXPECT_EQ(lists_.counts().csb_errors, 0u);
  EXPECT_EQ(lists_.retire().size(), 1u);
}

TEST_F(ExeclistsTest, AnEventThatFitsNothingIsCounted) {
  event(csb::kContextComplete | csb::kActiveToIdle);
  EXPECT_EQ(lists_.counts().csb_errors, 1u);
}

TEST_F(ExeclistsTest, CompletionBeforeTheBreadcrumbIsCounted) {
  queue(0);
  event(csb::kIdleToActive);
  event(csb::kContextComplete | csb::kActiveToIdle);
  EXPECT_EQ(lists_.counts().csb_errors, 1u);
}

TEST_F(ExeclistsTest, ResetWritesOffTheRunningContextAndRunsTheOther) {
  const uint32_t a = queue(0);
  event(csb::kIdleToActive);
  queue(1);
  event(csb::kPreempted | csb::kLiteRestore);
  port_.regs[0x220d0] = gen9::kResetReady;
  lists_.reset();
  next_ = 5;
  EXPECT_EQ(contexts_[0]->completed(), a);
  EXPECT_EQ(last_ports(), (std::array<uint64_t, 2>{2, 0}));
  EXPECT_EQ(port_.writes_to(gen9::kGdrst), std::vector<uint64_t>{1u << 3});
  EXPECT_EQ(lists_.retire().size(), 1u);
}

TEST_F(ExeclistsTest, ARingThatIsFullRefusesRequests) {
  guests::Request r{contexts_[0].get()};
  unsigned n = 0;
  while (r.context->emit(0x1000, false, r.tail, r.wa_tail)) ASSERT_LT(++n, 1000u);
  EXPECT_GT(n, 50u);
  finish(0, r.context->last_seqno());
  EXPECT_TRUE(r.context->emit(0x1000, false, r.tail, r.wa_tail));
}

}  // namespace

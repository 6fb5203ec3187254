// SPDX-License-Identifier: MIT
// The host driver in front of the model: what it will be on silicon.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "dom0/gpu/driver/driver.h"
#include "tests/fake/gpu_world.h"

namespace {

using fake::Context;
using gen9::EngineId;
using mediator::GpuEvent;
using mediator::GpuEventKind;
namespace mi = fake::mi;

struct DriverOnModel : testing::Test {
  fake::GpuWorld world;
  gpu::Driver driver{world.model, {.ggtt_bytes = uint64_t{16} << 20}};
  fake::Ppgtt ppgtt{world.memory};
  uint32_t cell = 0;  ///< a GGTT dword that streams write

  void SetUp() override {
    ASSERT_TRUE(driver.start().ok());
    cell = world.alloc_ggtt();
  }
  Context context(EngineId e = EngineId::rcs) { return world.make_context(e, ppgtt.root()); }
  hv::Status submit(std::initializer_list<Context> contexts) {
    std::vector<uint64_t> d;
    for (const Context& c : contexts) d.push_back(c.descriptor());
    return driver.submit(contexts.begin()->engine, d);
  }
  /// Polls while the model works for at most `ns`.
  std::vector<GpuEvent> run(uint64_t ns = 1'000'000) {
    std::vector<GpuEvent> all;
    const uint64_t end = world.model.now_ns() + ns;
    const auto poll = [&] {
      GpuEvent some[8];
      while (const size_t n = driver.poll(some)) all.insert(all.end(), some, some + n);
    };
    poll();
    for (uint64_t next; (next = world.model.next_event_ns()) <= end; poll()) {
      world.model.advance_to(next);
    }
    world.model.advance_to(end);
    poll();
    return all;
  }
  static std::vector<std::pair<GpuEventKind, uint32_t>> brief(const std::vector<GpuEvent>& events) {
    std::vector<std::pair<GpuEventKind, uint32_t>> kinds;
    for (const GpuEvent& e : events) kinds.emplace_back(e.kind, e.context_id);
    return kinds;
  }
  using Brief = std::vector<std::pair<GpuEventKind, uint32_t>>;
  /// Waits, where preemption may happen, until the cell holds `value`.
  void emit_wait(Context& c, uint32_t value) {
    world.emit(c, mi::semaphore_wait(cell, value, 4, true));
  }
};

TEST_F(DriverOnModel, ContextRunsToItsTailAndSaysSo) {
  Context c = context();
  world.emit(c, mi::join({mi::store(cell, 77, true), {mi::kUserInterrupt, mi::kNoop}}));
  ASSERT_TRUE(submit({c}).ok());
  EXPECT_EQ(brief(run()),
            (Brief{{GpuEventKind::user_interrupt, 0}, {GpuEventKind::context_complete, c.id}}));
  EXPECT_EQ(world.ggtt32(cell), 77u);
  EXPECT_TRUE(driver.idle(EngineId::rcs));
}

TEST_F(DriverOnModel, PairCompletesInOrderOnEveryEngine) {
  for (EngineId e : gen9::kAllEngines) {
    Context a = context(e), b = context(e);
    world.emit(a, {mi::kNoop, mi::kNoop});
    world.emit(b, {mi::kNoop, mi::kNoop});
    ASSERT_TRUE(submit({a, b}).ok());
    EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::context_complete, a.id},
                                   {GpuEventKind::context_complete, b.id}}));
  }
}

TEST_F(DriverOnModel, PreemptedContextGoesOnWhereItLeft) {
  Context a = context(), b = context();
  world.set_ggtt32(cell, 0);
  emit_wait(a, 1);
  world.emit(a, mi::store(cell + 8, 5, true));
  world.emit(b, {mi::kNoop, mi::kNoop});
  ASSERT_TRUE(submit({a, b}).ok());
  EXPECT_TRUE(run().empty());
  ASSERT_TRUE(driver.preempt(EngineId::rcs).ok());
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::context_preempted, a.id},
                                 {GpuEventKind::context_preempted, b.id}}));
  EXPECT_EQ(world.ggtt32(cell + 8), 0u);

  world.set_ggtt32(cell, 1);
  ASSERT_TRUE(submit({a, b}).ok());
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::context_complete, a.id},
                                 {GpuEventKind::context_complete, b.id}}));
  EXPECT_EQ(world.ggtt32(cell + 8), 5u);
}

TEST_F(DriverOnModel, PreemptionThatComesTooLateIsACompletion) {
  Context a = context();
  world.emit(a, {mi::kNoop, mi::kNoop});
  ASSERT_TRUE(submit({a}).ok());
  world.model.advance_to(world.model.now_ns() + 1'000'000);
  ASSERT_TRUE(driver.preempt(EngineId::rcs).ok());  // nothing was polled meanwhile
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::context_complete, a.id}}));
  ASSERT_TRUE(submit({a}).ok());
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::context_complete, a.id}}));
}

TEST_F(DriverOnModel, LiteRestoreMovesTheTail) {
  Context a = context();
  world.set_ggtt32(cell, 0);
  emit_wait(a, 1);
  ASSERT_TRUE(submit({a}).ok());
  EXPECT_TRUE(run().empty());
  world.emit(a, mi::store(cell + 8, 9, true));
  ASSERT_TRUE(submit({a}).ok());
  EXPECT_TRUE(run().empty());
  world.set_ggtt32(cell, 1);
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::context_complete, a.id}}));
  EXPECT_EQ(world.ggtt32(cell + 8), 9u);
}

TEST_F(DriverOnModel, ContextThatForbidsArbitrationStaysUntilItIsDone) {
  Context a = context();
  world.emit(a, {mi::kArbOff, mi::kNoop});
  for (int i = 0; i < 200; ++i) world.emit(a, {mi::kNoop, mi::kNoop});
  ASSERT_TRUE(submit({a}).ok());
  ASSERT_TRUE(run(5'000).empty());
  ASSERT_TRUE(driver.preempt(EngineId::rcs).ok());
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::context_complete, a.id}}));
}

TEST_F(DriverOnModel, HangIsSeenReportedAndReset) {
  Context a = context(), b = context();
  world.emit(a, {0x12345678, mi::kNoop});  // no command
  world.emit(b, mi::store(cell, 3, true));
  ASSERT_TRUE(submit({a}).ok());
  const auto events = run();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, GpuEventKind::command_error);
  EXPECT_EQ(events[0].detail, 0x12345678u);
  const uint64_t before = driver.progress(EngineId::rcs);
  run();
  EXPECT_EQ(driver.progress(EngineId::rcs), before);
  ASSERT_TRUE(driver.reset_engine(EngineId::rcs).ok());
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::reset_done, 0}}));
  ASSERT_TRUE(submit({b}).ok());
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::context_complete, b.id}}));
  EXPECT_EQ(world.ggtt32(cell), 3u);
}

TEST_F(DriverOnModel, ResetOfOneEngineLeavesTheOthersAlone) {
  Context a = context(), b = context(EngineId::bcs);
  world.set_ggtt32(cell, 0);
  emit_wait(a, 1);
  emit_wait(b, 1);
  ASSERT_TRUE(submit({a}).ok());
  ASSERT_TRUE(submit({b}).ok());
  run();
  ASSERT_TRUE(driver.reset_engine(EngineId::rcs).ok());
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::reset_done, 0}}));
  world.set_ggtt32(cell, 1);
  EXPECT_EQ(brief(run()), (Brief{{GpuEventKind::context_complete, b.id}}));
}

TEST_F(DriverOnModel, PageFaultCarriesEngineAndAddress) {
  Context a = context(EngineId::bcs);
  world.emit(a, mi::store(0x5678'9abc'd000, 1));
  ASSERT_TRUE(submit({a}).ok());
  const auto events = run();
  const auto fault = std::find_if(events.begin(), events.end(),
                                  [](const GpuEvent& e) { return e.kind == GpuEventKind::fault; });
  ASSERT_NE(fault, events.end());
  EXPECT_EQ(fault->engine, EngineId::bcs);
  EXPECT_EQ(fault->detail, 0x5678'9abc'd000u);
}

TEST_F(DriverOnModel, StaleTranslationsLiveUntilTheInvalidation) {
  const auto first = driver.alloc_page(shadow::PageUse::status, hv::kHostOwner);
  const auto second = driver.alloc_page(shadow::PageUse::status, hv::kHostOwner);
  ASSERT_TRUE(first && second);
  const uint64_t address = uint64_t{15} << 20;
  const auto map = [&](hv::BusFrame frame) {
    const uint64_t entry = hv::bus_address(frame) | gen9::kPtePresent;
    driver.write_ggtt(address >> 12, std::span(&entry, 1));
  };
  const auto store = [&](uint32_t value) {
    Context c = context(EngineId::vcs);
    world.emit(c, mi::store(address, value, true));
    ASSERT_TRUE(submit({c}).ok());
    run();
  };
  const auto value = [&](hv::BusFrame frame) {
    std::byte bytes[4];
    driver.read_page(frame, 0, bytes);
    return hv::load<uint32_t>(bytes);
  };
  map(*first);
  ASSERT_TRUE(driver.invalidate_tlbs().ok());
  store(1);
  map(*second);
  store(2);
  EXPECT_EQ(value(*first), 2u);
  ASSERT_TRUE(driver.invalidate_tlbs().ok());
  store(3);
  EXPECT_EQ(value(*first), 2u);
  EXPECT_EQ(value(*second), 3u);
}

TEST_F(DriverOnModel, EveryContextEndsOnceUnderRandomPreemption) {
  std::mt19937 random(7);
  std::vector<Context> contexts;
  for (int i = 0; i < 4; ++i) contexts.push_back(context());
  std::map<uint32_t, int> open;
  std::map<GpuEventKind, int> ends;
  for (int round = 0; round < 300; ++round) {
    Context &a = contexts[random() % 4], &b = contexts[random() % 4];
    for (Context* c : {&a, &b}) {
      if (open[c->id] == 0) {
        for (unsigned n = random() % 20; n < 20; ++n) world.emit(*c, {mi::kArbCheck, mi::kNoop});
      }
    }
    const bool preempt = random() % 3 == 0;
    ASSERT_TRUE(!preempt || driver.preempt(EngineId::rcs).ok());
    if (a.id != b.id && submit({a, b}).ok()) open[a.id] = open[b.id] = 1;
    if (submit({a}).ok()) open[a.id] = 1;
    for (const GpuEvent& e : run(random() % 8000)) {
      ASSERT_EQ(--open[e.context_id], 0) << "round " << round;
      ++ends[e.kind];
    }
  }
  for (const GpuEvent& e : run()) --open[e.context_id];
  for (const auto& [id, count] : open) EXPECT_EQ(count, 0) << id;
  EXPECT_GT(ends[GpuEventKind::context_complete], 30);
  EXPECT_GT(ends[GpuEventKind::context_preempted], 30);
  EXPECT_EQ(driver.unexpected_events(EngineId::rcs), 0u);
}

}  // namespace

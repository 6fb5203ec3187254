// SPDX-License-Identifier: MIT
// Virtual time: exact events, stated costs, waits, determinism; and the observers.
#include "tests/unit/model/model_fixture.h"

namespace {

using gen9::EngineId;
namespace mi = fake::mi;
namespace rel = gen9::rel;
using fake::Context;

struct TimingTest : fake::ModelTest {
  using ModelTest::ModelTest;
};

TEST_F(TimingTest, EventsComeWhenTheCostsSay) {
  world.emit(context, {mi::kNoop, mi::kNoop});
  world.submit(context);
  std::vector<uint64_t> times;
  for (uint64_t t; (t = world.model.next_event_ns()) != UINT64_MAX; world.model.advance_to(t))
    times.push_back(t);
  EXPECT_EQ(times, (std::vector<uint64_t>{4000, 4020, 4040, 7040}));
  EXPECT_EQ(world.model.busy_ns(EngineId::rcs), 7040u);
}

TEST_F(TimingTest, AnEffectHappensAtTheEndOfItsCommand) {
  world.emit(context, mi::store(page, 1, true));
  world.submit(context);
  world.model.advance_to(4020);
  EXPECT_EQ(world.ggtt32(page), 0u);
  world.model.advance_to(4021);
  EXPECT_EQ(world.ggtt32(page), 1u);
}

TEST_F(TimingTest, DrawsAndWalkersCostByTheirSize) {
  const auto busy = [this](const fake::Dwords& d) {
    const uint64_t before = world.model.busy_ns(EngineId::rcs);
    run_ring(d);
    return world.model.busy_ns(EngineId::rcs) - before - 7000;
  };
  EXPECT_EQ(busy({0x7b000005, 4, 1000, 0, 3, 0, 0}), 4000u + 3000 * 2);
  EXPECT_EQ(busy({0x7b000005, 4, ~0u, 0, ~0u, 0, 0}), 2'000'000u);
  EXPECT_EQ(busy({0x7105000d, 0, 0, 0, 0, 0, 0, 4, 0, 0, 2, 0, 3, ~0u, ~0u}), 5000u + 24 * 100);
  EXPECT_EQ(busy(mi::pipe_control(0)), 400u);
}

TEST_F(TimingTest, TimestampsTickAtTwelveMegahertz) {
  world.model.advance_to(1'000'000'000);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kTimestamp), 12'000'000u);
  EXPECT_EQ(world.model.read32(0xd00), 4u);
}

TEST_F(TimingTest, AWaitIsSatisfiedByAnotherEngineAtThePollAfter) {
  Context blit = world.make_context(EngineId::bcs, space.root());
  world.emit(context, mi::join({mi::semaphore_wait(page, 1, 1, true), mi::store(kData, 1)}));
  world.emit(blit, mi::join({fake::Dwords(100, mi::kNoop), mi::store(page, 1, true)}));
  world.submit(context);
  world.submit(blit);
  world.run();
  EXPECT_EQ(data32(), 1u);
  EXPECT_TRUE(world.idle(EngineId::rcs));
  EXPECT_EQ(world.model.now_ns(), 4020u + 3000 + 21 + 3000);
}

TEST_F(TimingTest, AWaitIsSatisfiedByTheCpu) {
  world.emit(context, mi::semaphore_wait(kData, 1));
  world.execute(context);
  EXPECT_EQ(world.model.next_event_ns(), UINT64_MAX);
  hv::store<uint32_t>(data, 1);
  EXPECT_EQ(world.model.next_event_ns(), 4020u);
  world.run();
  EXPECT_TRUE(world.idle(EngineId::rcs));
}

// How many events the model has until `ns`: what it costs the processor.
struct SpinTest : TimingTest {
  const fake::Dwords kEndUnlessSet{0x36u << 23 | 1u << 21 | 2, 0, mi::lo(kData), mi::hi(kData)};
  uint64_t events_until(uint64_t ns) {
    uint64_t n = 0;
    for (uint64_t t; (t = world.model.next_event_ns()) < ns; world.model.advance_to(t + 1)) ++n;
    return n;
  }
  void endless(const fake::Dwords& commands) {
    fake::put(batch_page, mi::join({commands, mi::batch_start(kBatch)}));
    world.emit(context, mi::batch_start(kBatch));
    world.submit(context);
  }
};

TEST_F(SpinTest, ABatchThatOnlyWaitsForMemoryLooksNowAndThen) {
  endless(kEndUnlessSet);
  hv::store<uint32_t>(data, 1);
  EXPECT_LT(events_until(10'000'000), 40u);
  EXPECT_FALSE(world.idle(EngineId::rcs));
  hv::store<uint32_t>(data, 0);
  world.model.advance_to(10'000'000 + 8'100'000);
  EXPECT_TRUE(world.idle(EngineId::rcs)) << "and sees it soon";
}

TEST_F(SpinTest, ALongLoopIsSeenToEndAsSoonAsAShortOne) {
  endless(mi::join({fake::Dwords(500, mi::kNoop), kEndUnlessSet}));
  hv::store<uint32_t>(data, 1);
  world.model.advance_to(10'000'000);
  EXPECT_FALSE(world.idle(EngineId::rcs));
  hv::store<uint32_t>(data, 0);
  world.model.advance_to(10'000'000 + 8'100'000);
  EXPECT_TRUE(world.idle(EngineId::rcs));
}

TEST_F(SpinTest, WhatFollowsALoopTakesItsOwnTime) {
  fake::put(batch_page, mi::join({kEndUnlessSet, mi::batch_start(kBatch)}));
  world.emit(context, mi::join({mi::batch_start(kBatch), fake::Dwords(100, mi::kNoop)}));
  hv::store<uint32_t>(data, 1);
  world.submit(context);
  world.model.advance_to(1'000'000);
  hv::store<uint32_t>(data, 0);
  world.model.advance_to(1'000'000 + 2'010'000);
  EXPECT_TRUE(world.idle(EngineId::rcs));
}

TEST_F(SpinTest, ABatchThatDoesSomethingEachTimeIsNotHeldUp) {
  endless(mi::store(kData, 7));
  EXPECT_GT(events_until(1'000'000), 10'000u);
}

TEST_F(SpinTest, ALoopLeavesAtOnceWhenAnotherContextComes) {
  endless(mi::join({fake::Dwords(100, mi::kNoop), {mi::kArbCheck}}));
  world.model.advance_to(3'000'000);
  Context other = world.make_context(EngineId::rcs, space.root());
  world.emit(other, mi::store(kData, 9));
  world.submit(other);
  world.model.advance_to(3'000'000 + 102 * 20 + 3000 + 4000 + 50);
  EXPECT_EQ(data32(), 9u);
}

TEST_F(TimingTest, ASignalWakesASignalModeWait) {
  fake::Dwords wait = mi::semaphore_wait(page, 1, 1, true);
  wait[0] &= ~(1u << 15);
  world.emit(context, wait);
  world.execute(context);
  world.set_ggtt32(page, 1);
  world.model.advance_to(100'000);
  EXPECT_FALSE(world.idle(EngineId::rcs));
  Context blit = world.make_context(EngineId::bcs, space.root());
  world.emit(blit, {0x1bu << 23, context.id});
  world.execute(blit);
  EXPECT_TRUE(world.idle(EngineId::rcs));
}

TEST_F(TimingTest, EnginesWorkAtTheSameTime) {
  Context blit = world.make_context(EngineId::bcs, space.root());
  for (Context* c : {&context, &blit}) world.emit(*c, fake::Dwords(500, mi::kNoop));
  world.submit(context);
  world.submit(blit);
  world.run();
  EXPECT_EQ(world.model.now_ns(), 4000u + 500 * 20 + 3000);
}

struct FreeTest : TimingTest {
  static gpu::model::Config config() {
    gpu::model::Config c;
    c.cost = {};
    c.cost.mi_ns = c.cost.spin_ns = 0;
    return c;
  }
  FreeTest() : TimingTest(config()) {}
};

TEST_F(FreeTest, AnEndlessLoopOfFreeCommandsStillTakesTime) {
  fake::put(batch_page, mi::batch_start(kBatch));
  world.emit(context, mi::batch_start(kBatch));
  world.submit(context);
  world.model.advance_to(20'000);
  EXPECT_EQ(world.model.now_ns(), 20'000u);
  EXPECT_EQ(world.model.next_event_ns(), 20'001u);
}

struct FixedTest : TimingTest {
  static gpu::model::Config config() {
    gpu::model::Config c;
    c.cost.fixed_batch_ns = 200'000;
    return c;
  }
  FixedTest() : TimingTest(config()) {}
};

TEST_F(FixedTest, ABatchTakesTheTimeThatWasSet) {
  run_batch(mi::join({mi::pipe_control(0), mi::store(kData, 1), {mi::kNoop}}));
  EXPECT_EQ(world.model.busy_ns(EngineId::rcs), 4000u + 20 + 200'000 + 3000);
}

struct Log final : gpu::model::DmaObserver, gpu::model::CommandObserver {
  void on_access(const gpu::model::DmaAccess& access) override { accesses.push_back(access); }
  void on_command(const gpu::model::ExecutedCommand& c) override {
    names.push_back(c.desc->name);
    from.push_back(c.from);
    dwords.insert(dwords.end(), c.dwords.begin(), c.dwords.end());
  }
  [[nodiscard]] size_t count(gpu::model::DmaPurpose purpose, bool write) const {
    size_t n = 0;
    for (const auto& a : accesses) n += a.purpose == purpose && a.write == write;
    return n;
  }
  std::vector<gpu::model::DmaAccess> accesses;
  std::vector<std::string> names;
  std::vector<gpu::model::ExecutedCommand::From> from;
  std::vector<uint32_t> dwords;
};

TEST_F(TimingTest, EveryCommandIsReportedOnceInOrder) {
  using From = gpu::model::ExecutedCommand::From;
  Log log;
  world.model.set_command_observer(&log);
  run_batch({mi::kArbCheck});
  EXPECT_EQ(log.names, (std::vector<std::string>{"MI_BATCH_BUFFER_START", "MI_ARB_CHECK",
                                                 "MI_BATCH_BUFFER_END"}));
  EXPECT_EQ(log.from, (std::vector<From>{From::ring, From::batch, From::batch}));
  EXPECT_EQ(log.dwords.size(), 5u);
}

TEST_F(TimingTest, EveryAccessIsReportedWithItsPurpose) {
  using gpu::model::DmaPurpose;
  Log log;
  world.model.set_dma_observer(&log);
  run_batch(mi::store(kData, 1));
  EXPECT_EQ(log.count(DmaPurpose::table_walk, false), 8u);  // two pages, four levels
  EXPECT_EQ(log.count(DmaPurpose::data, true), 1u);
  EXPECT_EQ(log.count(DmaPurpose::status, true), 4u);  // two events, entry and pointer each
  EXPECT_GE(log.count(DmaPurpose::ring, false), 1u);
  EXPECT_GE(log.count(DmaPurpose::batch, false), 2u);
  EXPECT_EQ(log.count(DmaPurpose::context, true), 2u + 20);  // around the tail; pages 2 to 21
  for (const auto& a : log.accesses) {
    EXPECT_EQ(a.engine, EngineId::rcs);
    EXPECT_LE(a.offset + a.bytes, hv::kPageSize);
  }
}

TEST_F(TimingTest, OtherEnginesSaveTwoPages) {
  Log log;
  Context blit = world.make_context(EngineId::bcs, space.root());
  world.model.set_dma_observer(&log);
  world.execute(blit);
  EXPECT_EQ(log.count(gpu::model::DmaPurpose::context, true), 2u);
}

/// The same inputs give the same accesses, in the same order, at the same times.
TEST(DeterminismTest, TwoRunsAreEqual) {
  const auto run = [] {
    fake::GpuWorld world;
    fake::Ppgtt space(world.memory);
    space.alloc(0x1000);
    Log log;
    world.model.set_dma_observer(&log);
    for (const EngineId e : gen9::kAllEngines) {
      Context c = world.make_context(e, space.root());
      world.emit(c, mi::join({fake::Dwords(20, mi::kNoop), mi::store(0x1000, 1)}));
      world.submit(c);
    }
    world.run();
    std::vector<std::tuple<unsigned, uint64_t, uint64_t>> all;
    for (const auto& a : log.accesses)
      all.emplace_back(gen9::index(a.engine), a.address, a.frame.v);
    return std::pair(all, world.model.now_ns());
  };
  EXPECT_EQ(run(), run());
}

}  // namespace

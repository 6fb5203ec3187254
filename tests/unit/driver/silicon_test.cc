// SPDX-License-Identifier: MIT
// What the host driver asks of a bus that costs microseconds: each access is counted.
#include <gtest/gtest.h>

#include "dom0/gpu/driver/driver.h"
#include "tests/fake/fake_device.h"

namespace {

using gen9::engine_reg;
using gen9::EngineId;
using mediator::GpuEvent;
using mediator::GpuEventKind;
namespace csb = gen9::csb;
namespace rel = gen9::rel;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t descriptor(uint32_t id) { return uint64_t{id} << 32 | id << 16 | 0x119; }

struct SiliconDriver : testing::Test {
  fake::FakeDevice device;
  gpu::Driver driver{device, {.ggtt_bytes = uint64_t{16} << 20, .silicon = true}};

  void SetUp() override {
    ASSERT_TRUE(driver.start().ok());
    device.writes.clear();
    device.executes = false;
    device.time_ns = 5000 * kMs;
    poll();
    device.time_ns += kMs;
  }
  void begin(EngineId e, uint32_t id = 5) {
    const uint64_t d = descriptor(id);
    ASSERT_TRUE(driver.submit(e, {&d, 1}).ok());
    device.push_csb(e, csb::kIdleToActive, 0);
  }
  void end(EngineId e, uint32_t id = 5) {
    device.push_csb(e, csb::kContextComplete | csb::kActiveToIdle, id);
  }
  std::vector<GpuEvent> poll() {
    std::vector<GpuEvent> all(16);
    all.resize(driver.poll(all));
    return all;
  }
  /// Accesses of a poll at `ms` after the last one that was at 0.
  uint64_t looks_at(uint64_t ms) {
    device.time_ns = began + ms * kMs;
    const uint64_t before = device.accesses;
    events = poll();
    return device.accesses - before;
  }
  void stay(EngineId e) {
    begin(e);
    began = device.time_ns;
    poll();
  }
  bool told() const { return events.size() == 1 && events[0].kind == GpuEventKind::user_interrupt; }
  uint64_t began = 0;
  std::vector<GpuEvent> events;
};

struct HeardDriver : testing::Test {
  fake::FakeDevice device;
  gpu::Driver driver{device,
                     {.ggtt_bytes = uint64_t{16} << 20, .silicon = true, .interrupts = true}};
  void SetUp() override {
    ASSERT_TRUE(driver.start().ok());
    device.executes = false;
    device.writes.clear();
  }
  std::vector<GpuEvent> poll() {
    std::vector<GpuEvent> all(16);
    all.resize(driver.poll(all));
    return all;
  }
  static constexpr uint32_t kIir = 0x44308;
};

TEST_F(HeardDriver, LetsInterruptsOut) {
  EXPECT_NE(device.regs[gen9::kMasterIrq] & gen9::kMasterIrqEnable, 0u);
}
TEST_F(HeardDriver, LooksForTheReasonWhenToldAndAcknowledgesIt) {
  device.regs[kIir] = gen9::irq::kUser << gen9::info(EngineId::rcs).irq_shift;
  device.regs[gen9::kMasterIrq] |= 1;
  EXPECT_TRUE(poll().empty()) << "nobody was told";
  const uint64_t before = device.accesses;
  poll();
  EXPECT_EQ(device.accesses, before) << "and it costs nothing";
  driver.interrupted();
  const auto events = poll();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, GpuEventKind::user_interrupt);
  EXPECT_EQ(events[0].engine, EngineId::rcs);
  EXPECT_EQ(device.regs[kIir], 0u);
  const auto master = device.written(gen9::kMasterIrq);
  ASSERT_EQ(master.size(), 2u) << "low while it is acknowledged";
  EXPECT_EQ(master[0], 0u);
  EXPECT_EQ(master[1], gen9::kMasterIrqEnable);
  EXPECT_TRUE(poll().empty());
}
TEST_F(HeardDriver, GuessesNoInterrupts) {
  const uint64_t d = descriptor(5);
  ASSERT_TRUE(driver.submit(EngineId::bcs, {&d, 1}).ok());
  device.push_csb(EngineId::bcs, csb::kIdleToActive, 0);
  poll();
  device.time_ns += 50 * kMs;
  EXPECT_TRUE(poll().empty());
}

TEST_F(SiliconDriver, ASubmissionCostsFourAccessesAndItsEndNone) {
  const uint64_t before = device.accesses;
  for (unsigned i = 1; i <= 300; ++i) {
    begin(EngineId::rcs);
    poll();
    device.time_ns += 20 * kMs;
    end(EngineId::rcs);
    poll();
    ASSERT_EQ(device.accesses - before, 4 * i);
  }
}

TEST_F(SiliconDriver, AContextThatStaysTellsItsUserBeforeAnyRegisterIsRead) {
  stay(EngineId::rcs);
  for (const uint64_t ms : {5, 9, 12, 19, 25, 49, 60, 99}) {
    EXPECT_EQ(looks_at(ms), 0u);
    EXPECT_EQ(told(), ms == 12 || ms == 25 || ms == 60)
        << ms << ", the next guess at twice the time";
  }
  EXPECT_EQ(looks_at(100), 2u) << "the sum of all interrupts, and the fault register";
  EXPECT_EQ(looks_at(105), 0u);
  EXPECT_EQ(looks_at(110), 2u);
  EXPECT_FALSE(told()) << "known by now not to be";
  device.regs[gen9::kMasterIrq] = 1;
  device.regs[0x44308] = gen9::irq::kUser;
  looks_at(120);
  EXPECT_TRUE(told());
}

TEST_F(SiliconDriver, AFaultOfAContextThatStaysIsFound) {
  stay(EngineId::bcs);
  looks_at(100);
  device.regs[gen9::kRingFault] = 1 | gen9::info(EngineId::bcs).fault_id << 12;
  looks_at(110);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, GpuEventKind::fault);
  EXPECT_EQ(events[0].context_id, 5u);
}

TEST_F(SiliconDriver, AFaultFromBeforeIsNotPutOnWhoRunsNow) {
  device.regs[gen9::kRingFault] = 1 | gen9::info(EngineId::bcs).fault_id << 12;
  stay(EngineId::bcs);
  looks_at(100);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].context_id, mediator::kNobodysContext);
}

TEST_F(SiliconDriver, AnEngineThatIsBusyHidesNoneThatStands) {
  stay(EngineId::bcs);
  uint64_t most = 0;
  for (uint64_t ms = 5; ms <= 110; ms += 5) {
    begin(EngineId::rcs);
    end(EngineId::rcs);
    most = std::max(most, looks_at(ms));
  }
  EXPECT_EQ(most, 2u);
}

TEST_F(SiliconDriver, WhatTheStatusPageSaysIsReadBeforeRegistersAre) {
  stay(EngineId::rcs);
  end(EngineId::rcs);
  EXPECT_EQ(looks_at(500), 0u) << "whoever looks may have been late himself";
}

TEST_F(SiliconDriver, LooksOnceWhenItHasRestedForASecond) {
  stay(EngineId::rcs);
  end(EngineId::rcs);
  looks_at(1);
  EXPECT_EQ(looks_at(900), 0u);
  EXPECT_EQ(looks_at(1001), 2u);
  EXPECT_EQ(looks_at(5000), 0u);
}

TEST_F(SiliconDriver, AGpuThatIsGoneIsNoticedWhileAContextStays) {
  stay(EngineId::rcs);
  for (const uint32_t r : {gen9::kMasterIrq, gen9::kForcewakeRenderAck, gen9::kGdrst})
    device.regs[r] = ~0u;
  looks_at(100);
  EXPECT_TRUE(driver.wedged());
}

TEST_F(SiliconDriver, WrittenEntriesAreFlushedOnceBeforeWorkThatMayUseThem) {
  begin(EngineId::bcs, 1);
  EXPECT_EQ(device.written(gen9::kGfxFlushCntl).size(), 0u);
  const uint64_t own = driver.gpu_info().ggtt_free_base / 4096, entry = device.ggtt[0];
  driver.write_ggtt(own, std::span(&entry, 1));
  driver.write_ggtt(own + 1, std::span(&entry, 1));
  EXPECT_EQ(device.written(gen9::kGfxFlushCntl).size(), 0u);
  begin(EngineId::rcs, 2);
  EXPECT_EQ(device.written(gen9::kGfxFlushCntl).size(), 1u);
}

TEST_F(SiliconDriver, EnginesThatRanNothingSinceHaveNoTranslationsToDrop) {
  const auto dropped = [this] {
    device.writes.clear();
    EXPECT_TRUE(driver.invalidate_tlbs().ok());
    std::string names;
    for (const EngineId e : gen9::kAllEngines)
      if (!device.written(gen9::info(e).tlb_reg).empty()) names += gen9::info(e).name;
    return names;
  };
  dropped();  // what start() ran
  EXPECT_EQ(dropped(), "");
  begin(EngineId::bcs);
  EXPECT_EQ(dropped(), "bcs0");
  EXPECT_EQ(dropped(), "bcs0") << "it runs, and goes on filling them";
  end(EngineId::bcs);
  poll();
  EXPECT_EQ(dropped(), "bcs0");
  EXPECT_EQ(dropped(), "");
  ASSERT_TRUE(driver.reset_engine(EngineId::vcs).ok());
  EXPECT_EQ(dropped(), "vcs0");
}

TEST_F(SiliconDriver, AnEngineThatDoesNotForgetIsAskedNothingElse) {
  begin(EngineId::bcs);
  device.stuck.insert(gen9::info(EngineId::bcs).tlb_reg);
  EXPECT_EQ(driver.invalidate_tlbs().error(), hv::Error::io);
  EXPECT_TRUE(driver.wedged());
}

TEST_F(SiliconDriver, CountsWhatItCostsToBringAnotherVgpuOntoAnEngine) {
  const mediator::RegisterValue mocs[] = {{0xc800, 0x11}, {0xc804, 0x22}, {0xc808, 0x33}};
  for (const uint32_t vgpu : {1, 1, 2, 2, 1}) {
    const uint32_t id = vgpu << 16 | 7;
    ASSERT_TRUE(driver.load_registers(EngineId::rcs, mocs).ok());
    const uint64_t d = uint64_t{id} << 32 | 0x100119;
    ASSERT_TRUE(driver.submit(EngineId::rcs, {&d, 1}).ok());
    device.push_csb(EngineId::rcs, csb::kIdleToActive, 0);
    end(EngineId::rcs, id);
    poll();
  }
  EXPECT_EQ(driver.counts().submissions, 5u);
  EXPECT_EQ(driver.counts().switches, 2u);
  EXPECT_EQ(driver.counts().switch_accesses, 2u * (3 + 4));
}

}  // namespace

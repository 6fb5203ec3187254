// SPDX-License-Identifier: MIT
#include "dom0/gpu/driver/driver.h"

#include <gtest/gtest.h>

#include "shadow/gen9/context_image.h"
#include "shadow/gen9/pte.h"
#include "tests/fake/fake_device.h"

namespace {

using gen9::engine_reg;
using gen9::EngineId;
using mediator::GpuEvent;
using mediator::GpuEventKind;
namespace csb = gen9::csb;
namespace rel = gen9::rel;

constexpr gpu::DriverConfig kSmall{.ggtt_bytes = uint64_t{16} << 20};
constexpr uint64_t descriptor(uint32_t id) {
  return uint64_t{id} << 32 | 0x100000 | id << 16 | 0x119;
}

struct DriverTest : testing::Test {
  fake::FakeDevice device;
  gpu::Driver driver{device, kSmall};

  void SetUp() override {
    ASSERT_TRUE(driver.start().ok());
    device.writes.clear();
    device.executes = false;
  }
  hv::Status submit(EngineId e, std::initializer_list<uint64_t> d) {
    return driver.submit(e, std::span(d.begin(), d.size()));
  }
  std::vector<GpuEvent> poll() {
    std::vector<GpuEvent> events(16);
    events.resize(driver.poll(events));
    return events;
  }
  std::byte* entry_target(uint64_t entry) { return device.page(gen9::pte_frame(entry)); }
};

TEST_F(DriverTest, StartLeavesEveryEngineInExeclistModeWithItsOwnStatusPage) {
  std::set<uint32_t> pages;
  for (EngineId e : gen9::kAllEngines) {
    EXPECT_EQ(device.regs[engine_reg(e, rel::kRingMode)],
              hv::masked_enable(gen9::kModeRunListEnable));
    const uint32_t hwsp = device.regs[engine_reg(e, rel::kHwsPga)];
    EXPECT_TRUE(pages.insert(hwsp).second);
    EXPECT_LT(hwsp, driver.gpu_info().ggtt_free_base);
    ASSERT_NE(device.at_ggtt(hwsp), nullptr);
    EXPECT_EQ(driver.page_use(gen9::pte_frame(device.ggtt[hwsp >> 12])), shadow::PageUse::status);
    EXPECT_EQ(device.regs[engine_reg(e, rel::kImr)] & gen9::irq::kContextSwitch
                                                          << gen9::info(e).irq_shift,
              0u);
  }
  EXPECT_EQ(device.regs[gen9::kMasterIrq], gen9::kMasterIrqEnable);
  EXPECT_EQ(device.regs[0x44304], ~0x01190119u);
}

TEST_F(DriverTest, EveryGgttEntryAsFarAsTheGpuCanFetchAheadPointsAtMemory) {
  const auto info = driver.gpu_info();
  const uint64_t own = info.ggtt_free_base / 4096, last = info.ggtt_bytes / 4096;
  const auto expect_memory = [&](uint64_t end) {
    for (uint64_t i = 0; i < end; ++i) {
      ASSERT_TRUE(device.ggtt[i] & gen9::kPtePresent) << i;
      ASSERT_NE(entry_target(device.ggtt[i]), nullptr) << i;
    }
  };
  expect_memory(own + 1);
  const uint64_t scratch = device.ggtt[0];
  driver.write_ggtt(own + 300, std::span(&scratch, 1));
  expect_memory(own + 301 + 1);
  driver.write_ggtt(last - 1, std::span(&scratch, 1));
  expect_memory(last);
}

TEST_F(DriverTest, EntriesAreFilledOnceAndThenWrittenOnlyWhereTheyChange) {
  const uint64_t own = driver.gpu_info().ggtt_free_base / 4096, entry = device.ggtt[0];
  driver.write_ggtt(own, std::span(&entry, 1));
  const uint64_t before = device.ggtt_writes;
  driver.write_ggtt(own + 1, std::span(&entry, 1));
  EXPECT_LE(device.ggtt_writes - before, 2u);
}

TEST_F(DriverTest, MediatorCannotMapOverTheDriversOwnRange) {
  const auto info = driver.gpu_info();
  const std::vector<uint64_t> before = device.ggtt;
  const uint64_t entries[] = {0x777001, 0x778001};
  driver.write_ggtt(info.ggtt_free_base / 4096 - 1, entries);
  driver.write_ggtt(info.ggtt_bytes / 4096 - 1, entries);
  driver.write_ggtt(~uint64_t{0}, entries);
  EXPECT_EQ(device.ggtt, before);
  driver.write_ggtt(info.ggtt_bytes / 4096 - 2, entries);
  EXPECT_EQ(device.ggtt.back(), 0x778001u);
}

TEST_F(DriverTest, UnmappedGgttEntriesBecomeScratch) {
  const uint64_t first = driver.gpu_info().ggtt_free_base / 4096, none = 0;
  driver.write_ggtt(first, std::span(&none, 1));
  EXPECT_EQ(driver.page_use(gen9::pte_frame(device.ggtt[first])), shadow::PageUse::scratch);
  EXPECT_TRUE(device.ggtt[first] & gen9::kPtePresent);
}

TEST_F(DriverTest, SubmitWritesTheSecondPortFirst) {
  ASSERT_TRUE(submit(EngineId::vcs, {descriptor(5), descriptor(6)}).ok());
  const auto a = descriptor(5), b = descriptor(6);
  const std::vector<uint32_t> expected{static_cast<uint32_t>(b >> 32), static_cast<uint32_t>(b),
                                       static_cast<uint32_t>(a >> 32), static_cast<uint32_t>(a)};
  EXPECT_EQ(device.written(engine_reg(EngineId::vcs, rel::kElsp)), expected);
  EXPECT_EQ(device.writes.size(), 4u);
}

TEST_F(DriverTest, StatusBufferEntriesBecomeEvents) {
  ASSERT_TRUE(submit(EngineId::rcs, {descriptor(5), descriptor(6)}).ok());
  device.push_csb(EngineId::rcs, csb::kIdleToActive, 0);
  EXPECT_TRUE(poll().empty());
  device.time_ns = 1234;
  device.push_csb(EngineId::rcs, csb::kContextComplete | csb::kElementSwitch, 5);
  device.push_csb(EngineId::rcs, csb::kContextComplete | csb::kActiveToIdle, 6);
  const auto events = poll();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, GpuEventKind::context_complete);
  EXPECT_EQ(events[0].context_id, 5u);
  EXPECT_EQ(events[0].time_ns, 1234u);
  EXPECT_EQ(events[1].context_id, 6u);
  EXPECT_TRUE(driver.idle(EngineId::rcs));
}

TEST_F(DriverTest, StatusBufferWrapsManyTimes) {
  for (uint32_t id = 1; id < 20; ++id) {
    ASSERT_TRUE(submit(EngineId::bcs, {descriptor(id)}).ok());
    device.push_csb(EngineId::bcs, csb::kIdleToActive, 0);
    device.push_csb(EngineId::bcs, csb::kContextComplete | csb::kActiveToIdle, id);
    const auto events = poll();
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].context_id, id);
  }
}

TEST_F(DriverTest, NonsenseWritePointerIsIgnored) {
  std::byte* hwsp = device.at_ggtt(device.regs[engine_reg(EngineId::rcs, rel::kHwsPga)]);
  hv::store(hwsp + 0x7c, uint32_t{7});
  EXPECT_TRUE(poll().empty());
  EXPECT_EQ(driver.unexpected_events(EngineId::rcs), 0u);
}

TEST_F(DriverTest, PollHandsOutEventsInPieces) {
  ASSERT_TRUE(submit(EngineId::rcs, {descriptor(5), descriptor(6)}).ok());
  device.push_csb(EngineId::rcs, csb::kIdleToActive, 0);
  device.push_csb(EngineId::rcs, csb::kContextComplete | csb::kElementSwitch, 5);
  device.push_csb(EngineId::rcs, csb::kContextComplete | csb::kActiveToIdle, 6);
  GpuEvent one;
  ASSERT_EQ(driver.poll(std::span(&one, 1)), 1u);
  EXPECT_EQ(one.context_id, 5u);
  ASSERT_EQ(driver.poll(std::span(&one, 1)), 1u);
  EXPECT_EQ(one.context_id, 6u);
  EXPECT_EQ(driver.poll(std::span(&one, 1)), 0u);
}

TEST_F(DriverTest, PreemptPutsAnIdleContextOfNoOpsInFront) {
  ASSERT_TRUE(submit(EngineId::bcs, {descriptor(5)}).ok());
  device.push_csb(EngineId::bcs, csb::kIdleToActive, 0);
  poll();
  device.writes.clear();
  ASSERT_TRUE(driver.preempt(EngineId::bcs).ok());
  const auto elsp = device.written(engine_reg(EngineId::bcs, rel::kElsp));
  ASSERT_EQ(elsp.size(), 4u);
  EXPECT_EQ(elsp[0] | elsp[1], 0u);
  EXPECT_EQ(elsp[2], gpu::kIdleContextId + 1);
  const uint64_t lrca = elsp[3] & ~0xfffu;
  auto* state = reinterpret_cast<uint32_t*>(device.at_ggtt(lrca + 0x1000));
  EXPECT_NE(state[gen9::ctx::kRingHead], state[gen9::ctx::kRingTail]);
  EXPECT_EQ(state[gen9::ctx::kRingHead - 1], engine_reg(EngineId::bcs, rel::kRingHead));
  EXPECT_EQ(state[gen9::ctx::kPdp0Ldw - 1], engine_reg(EngineId::bcs, rel::kPdp0Ldw));
  const auto* ring = reinterpret_cast<uint32_t*>(device.at_ggtt(state[gen9::ctx::kRingStart]));
  EXPECT_TRUE(std::all_of(ring, ring + 1024, [](uint32_t dword) { return dword == 0; }));

  device.push_csb(EngineId::bcs, csb::kPreempted, 5);
  device.push_csb(EngineId::bcs, csb::kContextComplete | csb::kActiveToIdle, elsp[2]);
  const auto events = poll();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, GpuEventKind::context_preempted);
  EXPECT_EQ(events[0].context_id, 5u);
}

TEST_F(DriverTest, IdleContextSeesOnlyScratch) {
  ASSERT_TRUE(submit(EngineId::rcs, {descriptor(5)}).ok());
  device.push_csb(EngineId::rcs, csb::kIdleToActive, 0);
  poll();
  device.writes.clear();
  ASSERT_TRUE(driver.preempt(EngineId::rcs).ok());
  const uint64_t lrca = device.written(engine_reg(EngineId::rcs, rel::kElsp))[3] & ~0xfffu;
  auto* state = reinterpret_cast<uint32_t*>(device.at_ggtt(lrca + 0x1000));
  uint64_t table = state[gen9::ctx::kPdp0Ldw] | uint64_t{state[gen9::ctx::kPdp0Udw]} << 32;
  for (int level = 4; level >= 1; --level) {
    EXPECT_EQ(driver.page_use(hv::BusFrame{table >> 12}), shadow::PageUse::page_table);
    const std::byte* page = device.page(hv::BusFrame{table >> 12});
    table = gen9::pte_address(hv::load<uint64_t>(page + 8 * (level * 100)));
  }
  EXPECT_EQ(driver.page_use(hv::BusFrame{table >> 12}), shadow::PageUse::scratch);
}

TEST_F(DriverTest, InterruptsAreAcknowledgedAndReported) {
  device.regs[0x44308] = gen9::irq::kUser | (gen9::irq::kPipeControlNotify << 16);
  device.regs[0x44338] = gen9::irq::kUser;
  const auto events = poll();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].kind, GpuEventKind::user_interrupt);
  EXPECT_EQ(events[0].engine, EngineId::rcs);
  EXPECT_EQ(events[1].kind, GpuEventKind::pipe_control_notify);
  EXPECT_EQ(events[1].engine, EngineId::bcs);
  EXPECT_EQ(events[2].engine, EngineId::vecs);
  EXPECT_EQ(device.regs[0x44308], 0u);
  EXPECT_EQ(device.written(gen9::kMasterIrq), (std::vector<uint32_t>{0, gen9::kMasterIrqEnable}));
  EXPECT_TRUE(poll().empty());
}

TEST_F(DriverTest, CommandErrorCarriesTheHeader) {
  device.regs[0x44318] = gen9::irq::kCsError;
  device.regs[engine_reg(EngineId::vcs, rel::kIpehr)] = 0xdeadbeef;
  const auto events = poll();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, GpuEventKind::command_error);
  EXPECT_EQ(events[0].detail, 0xdeadbeefu);
}

TEST_F(DriverTest, FaultIsReportedOnceWithItsAddress) {
  device.regs[gen9::kRingFault] = 1 | gen9::info(EngineId::bcs).fault_id << 12;
  device.regs[gen9::kFaultTlbData0] = 0x00345678;
  device.regs[gen9::kFaultTlbData1] = 0x2;
  const auto events = poll();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, GpuEventKind::fault);
  EXPECT_EQ(events[0].engine, EngineId::bcs);
  EXPECT_EQ(events[0].detail, 0x2003'4567'8000u);
  EXPECT_TRUE(poll().empty());
}

TEST_F(DriverTest, ResetLosesTheContextsAndBringsTheEngineBack) {
  ASSERT_TRUE(submit(EngineId::vecs, {descriptor(5)}).ok());
  device.regs[engine_reg(EngineId::vecs, rel::kRingMode)] = 0;
  device.writes.clear();
  ASSERT_TRUE(driver.reset_engine(EngineId::vecs).ok());
  EXPECT_EQ(device.written(gen9::kGdrst),
            std::vector<uint32_t>{gen9::info(EngineId::vecs).reset_bit});
  EXPECT_EQ(device.regs[engine_reg(EngineId::vecs, rel::kResetCtl)] & gen9::kResetRequest, 0u);
  EXPECT_EQ(device.regs[engine_reg(EngineId::vecs, rel::kRingMode)],
            hv::masked_enable(gen9::kModeRunListEnable));
  const auto events = poll();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, GpuEventKind::reset_done);
  EXPECT_EQ(events[0].engine, EngineId::vecs);
  EXPECT_TRUE(submit(EngineId::vecs, {descriptor(6)}).ok());
}

TEST_F(DriverTest, EngineThatDoesNotGetReadyIsResetAnyway) {
  device.stuck.insert(engine_reg(EngineId::rcs, rel::kResetCtl));
  ASSERT_TRUE(driver.reset_engine(EngineId::rcs).ok());
  EXPECT_GE(device.paused_ns, 700'000u);
  EXPECT_EQ(poll().size(), 1u);
}

TEST_F(DriverTest, FailedEngineResetBecomesAFullOne) {
  device.stuck.insert(gen9::kGdrst);
  device.stuck_resets = ~gen9::kGdrstFull;
  ASSERT_TRUE(driver.reset_engine(EngineId::rcs).ok());
  const auto events = poll();
  EXPECT_EQ(events.size(), gen9::kEngines);
  for (const GpuEvent& e : events) EXPECT_EQ(e.kind, GpuEventKind::reset_done);
  EXPECT_FALSE(driver.wedged());
}

TEST_F(DriverTest, GpuThatNeverResetsIsWedged) {
  device.stuck.insert(gen9::kGdrst);
  EXPECT_EQ(driver.reset_engine(EngineId::rcs).error(), hv::Error::io);
  EXPECT_TRUE(driver.wedged());
  EXPECT_EQ(submit(EngineId::bcs, {descriptor(1)}).error(), hv::Error::gone);
  EXPECT_EQ(driver.preempt(EngineId::bcs).error(), hv::Error::gone);
  EXPECT_EQ(driver.invalidate_tlbs().error(), hv::Error::gone);
}

TEST_F(DriverTest, TlbInvalidationWaitsForEveryEngine) {
  ASSERT_TRUE(driver.invalidate_tlbs().ok());
  EXPECT_EQ(device.written(gen9::kGfxFlushCntl).size(), 1u);
  for (EngineId e : gen9::kAllEngines) {
    EXPECT_EQ(device.written(gen9::info(e).tlb_reg), std::vector<uint32_t>{1});
  }
  device.stuck.insert(gen9::info(EngineId::vcs).tlb_reg);
  EXPECT_EQ(driver.invalidate_tlbs().error(), hv::Error::io);
}

TEST_F(DriverTest, AGpuThatDoesNotForgetTranslationsIsNotTrustedAgain) {
  device.stuck.insert(gen9::info(EngineId::vcs).tlb_reg);
  EXPECT_EQ(driver.invalidate_tlbs().error(), hv::Error::io);
  EXPECT_TRUE(driver.wedged());
  device.stuck.clear();
  EXPECT_EQ(driver.invalidate_tlbs().error(), hv::Error::gone);
}

TEST_F(DriverTest, RegistersAreLoadedOnlyIntoAnIdleEngine) {
  const mediator::RegisterValue mocs[] = {{0xc800, 0x11}, {0xc804, 0x22}};
  ASSERT_TRUE(driver.load_registers(EngineId::rcs, mocs).ok());
  EXPECT_EQ(driver.read_register(0xc804), 0x22u);
  const mediator::RegisterValue odd[] = {{0xc800, 0x33}, {0xc802, 0x33}};
  EXPECT_EQ(driver.load_registers(EngineId::rcs, odd).error(), hv::Error::bad_argument);
  EXPECT_EQ(driver.read_register(0xc800), 0x11u);
  ASSERT_TRUE(submit(EngineId::rcs, {descriptor(1)}).ok());
  EXPECT_EQ(driver.load_registers(EngineId::rcs, mocs).error(), hv::Error::busy);
  EXPECT_EQ(driver.read_register(gen9::kMmioBytes), 0u);
}

TEST_F(DriverTest, ProgressChangesWithTheHeadAndOnlyThen) {
  const uint64_t before = driver.progress(EngineId::rcs);
  EXPECT_EQ(driver.progress(EngineId::rcs), before);
  device.regs[engine_reg(EngineId::rcs, rel::kActhd)] += 4;
  EXPECT_NE(driver.progress(EngineId::rcs), before);
  EXPECT_EQ(driver.progress(EngineId::bcs), driver.progress(EngineId::bcs));
}

TEST_F(DriverTest, PagesAreZeroedTaggedAndBounded) {
  auto frame = driver.alloc_page(shadow::PageUse::batch, hv::VgpuId{3});
  ASSERT_TRUE(frame.ok());
  std::array<std::byte, 8> bytes{};
  bytes.fill(std::byte{1});
  driver.read_page(*frame, 4088, bytes);
  EXPECT_EQ(hv::load<uint64_t>(bytes.data()), 0u);
  EXPECT_EQ(driver.page_use(*frame), shadow::PageUse::batch);
  EXPECT_EQ(driver.page_owner(*frame), hv::VgpuId{3});
  driver.write_entry(*frame, 511, 0x1122334455667788);
  driver.read_page(*frame, 4088, bytes);
  EXPECT_EQ(hv::load<uint64_t>(bytes.data()), 0x1122334455667788u);
  driver.write_page(*frame, 4089, bytes);  // beyond the end: dropped
  driver.write_entry(*frame, 512, 1);
  EXPECT_TRUE(driver.page_equals(*frame, 4088, bytes));
  EXPECT_FALSE(driver.page_equals(*frame, 4080, bytes));
  driver.free_page(*frame);
  EXPECT_EQ(driver.page_use(*frame), std::nullopt);
  driver.write_entry(*frame, 0, 1);  // no longer ours: dropped
  driver.free_page(*frame);
}

TEST_F(DriverTest, FramesBeyondTheAddressWidthAreRefused) {
  device.first_frame = uint64_t{1} << 27;
  EXPECT_EQ(driver.alloc_page(shadow::PageUse::ring, hv::kHostOwner).error(), hv::Error::no_memory);
  device.first_frame = (uint64_t{1} << 27) - 1;
  const auto last = driver.alloc_page(shadow::PageUse::ring, hv::kHostOwner);
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(driver.page_use(*last), shadow::PageUse::ring);
}

TEST(DriverLife, EveryPageIsGivenBack) {
  fake::FakeDevice device;
  {
    gpu::Driver driver(device, kSmall);
    ASSERT_TRUE(driver.start().ok());
    ASSERT_TRUE(driver.alloc_page(shadow::PageUse::ring, hv::kHostOwner).ok());
    EXPECT_EQ(device.pages_in_use(), driver.pages());
  }
  EXPECT_EQ(device.pages_in_use(), 0u);
}

TEST(DriverLife, StartFailsCleanlyWhereverMemoryEnds) {
  for (uint64_t pages = 0; pages <= 41; ++pages) {
    fake::FakeDevice device;
    device.pages_left = pages;
    {
      gpu::Driver driver(device, kSmall);
      EXPECT_EQ(driver.start().ok(), pages == 41) << pages;
    }
    EXPECT_EQ(device.pages_in_use(), 0u);
  }
}

TEST(DriverLife, GpuThatStaysAsleepIsAnError) {
  for (uint32_t domain : {gen9::kForcewakeRender, gen9::kForcewakeBlitter, gen9::kForcewakeMedia}) {
    fake::FakeDevice device;
    device.stuck.insert(domain);
    gpu::Driver driver(device, kSmall);
    EXPECT_EQ(driver.start().error(), hv::Error::io);
    EXPECT_EQ(driver.preempt(EngineId::rcs).error(), hv::Error::busy);
  }
}

}  // namespace

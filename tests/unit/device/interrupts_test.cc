// SPDX-License-Identifier: MIT
// The interrupt tree: who hears of an event, and that nothing is lost.
#include "tests/unit/device/device_fixture.h"

namespace device_test {
namespace {

constexpr uint32_t kMaster = gen9::kMasterIrq, kEnable = gen9::kMasterIrqEnable;

struct InterruptTree : DeviceTest {
  InterruptTree() {
    enable_msi();
    w32(kMaster, kEnable);
  }
  /// Opens one engine's path: ring IMR, GT IMR, GT IER.
  void open(EngineId e, uint32_t bits) {
    const auto& info = gen9::info(e);
    w32(gen9::engine_reg(e, gen9::rel::kImr), ~(bits << info.irq_shift));
    w32(info.gt_iir - 4, r32(info.gt_iir - 4) & ~(bits << info.irq_shift));
    w32(info.gt_iir + 4, r32(info.gt_iir + 4) | bits << info.irq_shift);
  }
  mediator::Interrupts& irq() { return dev().interrupts(); }
};

TEST_F(InterruptTree, EachEngineHasItsBitsAndItsPlaceInTheMaster) {
  const uint32_t master_bit[] = {1u << 0, 1u << 1, 1u << 2, 1u << 6};
  for (EngineId e : gen9::kAllEngines) {
    open(e, gen9::irq::kContextSwitch);
    irq().engine_event(e, gen9::irq::kContextSwitch);
    const auto& info = gen9::info(e);
    EXPECT_EQ(r32(info.gt_iir), gen9::irq::kContextSwitch << info.irq_shift) << info.name;
    EXPECT_EQ(r32(kMaster), kEnable | master_bit[index(e)]) << info.name;
    w32(info.gt_iir, ~0u);
    EXPECT_EQ(r32(kMaster), kEnable);
  }
  EXPECT_EQ(sink_.msis, std::vector(4, std::pair(uint64_t{0xfee00000}, 0x4021u)));
}

TEST_F(InterruptTree, EveryMaskStopsIt) {
  irq().engine_event(EngineId::rcs, gen9::irq::kUser);
  EXPECT_EQ(r32(0x44308), 0u) << "all masked at reset";

  open(EngineId::rcs, gen9::irq::kUser);
  w32(0x20a8, ~0u);
  irq().engine_event(EngineId::rcs, gen9::irq::kUser);
  EXPECT_EQ(r32(0x44308), 0u) << "ring mask";

  open(EngineId::rcs, gen9::irq::kUser);
  w32(0x44304, ~0u);
  irq().engine_event(EngineId::rcs, gen9::irq::kUser);
  EXPECT_EQ(r32(0x44308), 0u) << "GT mask";

  w32(0x44304, 0);
  w32(0x4430c, 0);
  irq().engine_event(EngineId::rcs, gen9::irq::kUser);
  EXPECT_EQ(r32(0x44308), 1u) << "latched";
  EXPECT_EQ(r32(kMaster), kEnable) << "but not enabled";
  EXPECT_TRUE(sink_.msis.empty());
  w32(0x4430c, 1);
  EXPECT_EQ(sink_.msis.size(), 1u) << "enabling finds it";
}

TEST_F(InterruptTree, TheMasterHoldsBackAndSendsWhenOpened) {
  open(EngineId::rcs, gen9::irq::kUser);
  w32(kMaster, 0);
  irq().engine_event(EngineId::rcs, gen9::irq::kUser);
  EXPECT_EQ(r32(kMaster), 1u);
  EXPECT_TRUE(sink_.msis.empty());
  w32(kMaster, 0xffffffff);
  EXPECT_EQ(r32(kMaster), kEnable | 1u) << "summary bits are not the guest's to write";
  EXPECT_EQ(sink_.msis.size(), 1u);
}

TEST_F(InterruptTree, ASetBitWaitsAndWhatComesMeanwhileIsSentAgain) {
  open(EngineId::rcs, gen9::irq::kUser | gen9::irq::kContextSwitch);
  irq().engine_event(EngineId::rcs, gen9::irq::kUser);
  irq().engine_event(EngineId::rcs, gen9::irq::kUser);
  EXPECT_EQ(sink_.msis.size(), 1u);
  w32(kMaster, 0);
  irq().engine_event(EngineId::rcs, gen9::irq::kContextSwitch);
  w32(0x44308, gen9::irq::kUser);
  EXPECT_EQ(sink_.msis.size(), 1u);
  w32(kMaster, kEnable);
  EXPECT_EQ(sink_.msis.size(), 2u);
  w32(0x44308, gen9::irq::kContextSwitch);
  EXPECT_EQ(sink_.msis.size(), 2u);
}

TEST_F(InterruptTree, OneMessageIsEnoughForWhatTheGuestFindsTogether) {
  open(EngineId::rcs, gen9::irq::kUser | gen9::irq::kContextSwitch);
  open(EngineId::vecs, gen9::irq::kUser);
  irq().engine_event(EngineId::rcs, gen9::irq::kUser);
  irq().engine_event(EngineId::rcs, gen9::irq::kContextSwitch);
  EXPECT_EQ(sink_.msis.size(), 1u);
  EXPECT_EQ(r32(0x44308), gen9::irq::kUser | gen9::irq::kContextSwitch);
  irq().engine_event(EngineId::vecs, gen9::irq::kUser);
  EXPECT_EQ(sink_.msis.size(), 2u) << "another group's is another message";
}

TEST_F(InterruptTree, AnAcknowledgeThatLeavesSomethingSendsAgain) {
  open(EngineId::rcs, gen9::irq::kUser | gen9::irq::kContextSwitch);
  irq().engine_event(EngineId::rcs, gen9::irq::kUser);
  irq().engine_event(EngineId::rcs, gen9::irq::kContextSwitch);
  const size_t before = sink_.msis.size();
  w32(0x44308, gen9::irq::kUser);
  EXPECT_EQ(sink_.msis.size(), before + 1);
}

TEST_F(InterruptTree, DisplayGroupsHaveTheirMasterBits) {
  for (uint32_t group : {0x44400u, 0x44410u, 0x44420u, 0x44440u, 0xc4000u}) {
    w32(group + 4, 0);
    w32(group + 12, ~0u);
  }
  irq().pipe_event(0, 1);
  irq().pipe_event(1, 1);
  irq().pipe_event(2, 1);
  irq().port_event(1u << 27);
  irq().pch_event(1u << 23);
  EXPECT_EQ(r32(kMaster), kEnable | 7u << 16 | 1u << 20 | 1u << 23);
}

TEST_F(InterruptTree, NothingIsSentWithoutMsiAndItIsSentOnceEnabled) {
  dev().config_write(0xae, 2, 0);
  open(EngineId::vcs, gen9::irq::kUser);
  irq().engine_event(EngineId::vcs, gen9::irq::kUser);
  EXPECT_TRUE(sink_.msis.empty());
  enable_msi(0x1'fee01004, 0x4055);
  ASSERT_EQ(sink_.msis.size(), 1u);
  EXPECT_EQ(sink_.msis[0], std::pair(uint64_t{0x1'fee01004}, 0x4055u));
  EXPECT_EQ(dev().counts().interrupts, 1u);
}

}  // namespace
}  // namespace device_test

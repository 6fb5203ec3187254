// SPDX-License-Identifier: MIT
// The host driver on silicon's terms, through a PCI function that a model answers.
#include "dom0/gpu/selftest/selftest.h"

#include "dom0/gpu/selftest/context.h"
#include "hv/bits.h"
#include "tests/unit/pci/pci_world.h"

namespace pci_test {
namespace {

namespace fault = gpu::proxy::fault;

class SiliconTest : public testing::Test {
 protected:
  Memory memory;
  ModelBars bars{memory};
  ModelClock clock{bars};
  gpu::pci::PciDevice device{bars, memory, clock, 0x1912, 6};
  gpu::Driver driver{device, {.ggtt_bytes = uint64_t{16} << 20, .silicon = true}};

  void set(uint32_t faults) { bars.registers.set(faults); }
  /// The names of the rows that did not pass.
  std::string failed() {
    std::string names;
    for (const auto& r : gpu::selftest(device, driver))
      if (!r.passed) names += r.name + ": " + r.detail + "; ";
    return names;
  }
};

TEST_F(SiliconTest, PassesItsOwnTest) {
  ASSERT_TRUE(driver.start().ok());
  EXPECT_EQ(failed(), "");
}
TEST_F(SiliconTest, PassesWhenEverythingIsLate) {
  set(fault::kLateAcks | fault::kLateStatus);
  ASSERT_TRUE(driver.start().ok());
  EXPECT_EQ(failed(), "");
}
TEST_F(SiliconTest, GivesUpWhenForcewakeIsNeverAcknowledged) {
  set(fault::kNoForcewake);
  EXPECT_EQ(driver.start().error(), hv::Error::io);
}
TEST_F(SiliconTest, SaysThatADeviceIsGone) {
  set(fault::kAllOnes);
  EXPECT_EQ(driver.start().error(), hv::Error::gone);
}
TEST_F(SiliconTest, NoticesADeviceThatLeavesWhileItWorks) {
  ASSERT_TRUE(driver.start().ok());
  set(fault::kAllOnes);
  EXPECT_NE(failed(), "");
  EXPECT_TRUE(driver.wedged());
}
TEST_F(SiliconTest, IsWedgedByAResetThatHangsAndSaysSo) {
  ASSERT_TRUE(driver.start().ok());
  set(fault::kHungReset);
  const std::string why = failed();
  EXPECT_NE(why.find("hang and reset rcs0: reset failed"), std::string::npos) << why;
  EXPECT_NE(why.find("store after all: not run"), std::string::npos) << why;
  EXPECT_TRUE(driver.wedged());
}
TEST_F(SiliconTest, FreesNoPageWhileTlbsMayHoldIt) {
  ASSERT_TRUE(driver.start().ok());
  set(fault::kNoTlbEnd);
  const size_t before = memory.pages.size();
  EXPECT_NE(failed(), "");
  EXPECT_GT(memory.pages.size(), before) << "kept for good";
}
TEST_F(SiliconTest, AppliesWorkaroundsAndKeepsTheInterruptLineLow) {
  ASSERT_TRUE(driver.start().ok());
  EXPECT_EQ(bars.model.read32(0x4090), hv::bit(25) | hv::bit(8));
  EXPECT_EQ(bars.model.read32(0xb118) & hv::bit(21), hv::bit(21));
  EXPECT_EQ(bars.model.read32(gen9::kMasterIrq) & gen9::kMasterIrqEnable, 0u);
}
TEST(SystemClockTest, GoesOnFromTheTimeItWasSetTo) {
  gpu::pci::SystemClock clock;
  clock.set(5'000'000'000);
  const uint64_t now = clock.now_ns();
  EXPECT_GE(now, 5'000'000'000u);
  EXPECT_LT(now, 6'000'000'000u);
  clock.set(7'000'000'000);
  EXPECT_GE(clock.now_ns(), 7'000'000'000u);
}
TEST_F(SiliconTest, ASubmissionCostsFourAccessesOfTheBusAndNoGttEntry) {
  ASSERT_TRUE(driver.start().ok());
  gpu::TestContext c(driver, gen9::EngineId::bcs, 1, driver.gpu_info().ggtt_free_base);
  gpu::pci::BarCounts before;
  constexpr unsigned kTimes = 20;
  for (unsigned i = 0; i <= kTimes; ++i) {
    if (i == 1) before = device.counts();  // the first tells the GPU of the context's GGTT entries
    c.emit({0, 0});
    c.publish();
    const uint64_t d = c.descriptor();
    ASSERT_TRUE(driver.submit(gen9::EngineId::bcs, {&d, 1}).ok());
    mediator::GpuEvent events[8];
    while (!driver.idle(gen9::EngineId::bcs)) {
      device.pause_ns(10'000);
      driver.poll(events);
    }
  }
  EXPECT_EQ(device.counts().all() - before.all(), 4 * kTimes);
  EXPECT_EQ(device.counts().ggtt_writes, before.ggtt_writes);
}

}  // namespace
}  // namespace pci_test

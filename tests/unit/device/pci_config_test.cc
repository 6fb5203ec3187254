// SPDX-License-Identifier: MIT
// Configuration space as firmware and a kernel use it.
#include "tests/unit/device/device_fixture.h"

namespace device_test {
namespace {

struct PciConfig : DeviceTest {
  uint64_t size_bar(uint32_t at) {
    const uint32_t low = c32(at), high = c32(at + 4);
    dev().config_write(at, 4, 0xffffffff);
    dev().config_write(at + 4, 4, 0xffffffff);
    const uint64_t mask = (c32(at) & ~0xfu) | uint64_t{c32(at + 4)} << 32;
    dev().config_write(at, 4, low);
    dev().config_write(at + 4, 4, high);
    return ~mask + 1;
  }
};

TEST_F(PciConfig, IdentifiesTheDevice) {
  EXPECT_EQ(c32(0x00), 0x19128086u);
  EXPECT_EQ(dev().config_read(0x08, 1), 6u);
  EXPECT_EQ(c32(0x08) >> 8, 0x030000u);
  EXPECT_EQ(dev().config_read(0x0e, 1), 0u);
  dev().config_write(0x00, 4, 0xffffffff);
  EXPECT_EQ(c32(0x00), 0x19128086u);
}

TEST_F(PciConfig, GmchControlHasAFullGgttAndNoStolenMemory) {
  EXPECT_EQ(dev().config_read(0x50, 2), 0x00c0u);
  dev().config_write(0x50, 2, 0xffff);
  EXPECT_EQ(dev().config_read(0x50, 2), 0x00c0u);
}

TEST_F(PciConfig, BarsAnswerTheSizingDance) {
  EXPECT_EQ(c32(0x10) & 0xf, 0x4u);
  EXPECT_EQ(c32(0x18) & 0xf, 0xcu);
  EXPECT_EQ(size_bar(0x10), 16u << 20);
  EXPECT_EQ(size_bar(0x18), 256u << 20);
  EXPECT_EQ(c32(0x20), 0u);
  dev().config_write(0x20, 4, 0xffffffff);
  dev().config_write(0x30, 4, 0xffffffff);
  EXPECT_EQ(c32(0x20), 0u);
  EXPECT_EQ(c32(0x30), 0u);
  EXPECT_TRUE(sink_.bars.empty()) << "decoding was off all the time";
}

TEST_F(PciConfig, BarsAppearMoveAndGoWithDecoding) {
  dev().config_write(0x10, 4, 0xf0000000);
  dev().config_write(0x18, 4, 0xe0000000);
  dev().config_write(0x04, 2, 0x0006);
  dev().config_write(0x04, 2, 0x0006);
  dev().config_write(0x13, 1, 0xf1);  // one byte of the address
  dev().config_write(0x04, 2, 0);
  const std::vector<BarChange> expected{{hv::Range::bar0, true, 0xf0000000, 16u << 20},
                                        {hv::Range::bar2, true, 0xe0000000, 256u << 20},
                                        {hv::Range::bar0, true, 0xf1000000, 16u << 20},
                                        {hv::Range::bar0, false, 0xf1000000, 16u << 20},
                                        {hv::Range::bar2, false, 0xe0000000, 256u << 20}};
  EXPECT_EQ(sink_.bars, expected);
}

TEST_F(PciConfig, AnUnplacedBarStaysAway) {
  dev().config_write(0x04, 2, 0x0002);
  EXPECT_TRUE(sink_.bars.empty());
  dev().config_write(0x14, 4, 0x1);  // above 4 GiB
  EXPECT_EQ(sink_.bars, (std::vector<BarChange>{{hv::Range::bar0, true, 1ull << 32, 16u << 20}}));
}

TEST_F(PciConfig, AResetTakesPlacedBarsAway) {
  dev().config_write(0x10, 4, 0xf0000000);
  dev().config_write(0x04, 2, 2);
  dev().reset(true);
  ASSERT_EQ(sink_.bars.size(), 2u);
  EXPECT_FALSE(sink_.bars[1].enabled);
  EXPECT_EQ(c32(0x10), 0x4u);
}

TEST_F(PciConfig, CapabilityListHoldsMsiAndPowerManagement) {
  EXPECT_TRUE(dev().config_read(0x06, 2) & 0x10);
  EXPECT_EQ(dev().config_read(0x34, 1), 0xacu);
  EXPECT_EQ(dev().config_read(0xac, 1), 5u);
  EXPECT_EQ(dev().config_read(0xad, 1), 0xd0u);
  EXPECT_EQ(dev().config_read(0xd0, 1), 1u);
  EXPECT_EQ(dev().config_read(0xd1, 1), 0u);
  dev().config_write(0xae, 2, 0xffff);
  EXPECT_EQ(dev().config_read(0xae, 2), 0x0081u) << "64-bit, one message";
}

TEST_F(PciConfig, PowerStateIsTracked) {
  dev().config_write(0xd4, 2, 0xffff);
  EXPECT_EQ(dev().config_read(0xd4, 2), 3u);
  EXPECT_EQ(dev().power_state(), 3u);
  dev().config_write(0xd4, 2, 0);
  EXPECT_EQ(dev().power_state(), 0u);
}

TEST_F(PciConfig, OpRegionPointerIsScratch) {
  EXPECT_EQ(c32(0xfc), 0u);
  dev().config_write(0xfc, 4, 0x7fff0000);
  EXPECT_EQ(c32(0xfc), 0x7fff0000u);
}

TEST_F(PciConfig, OddAccessesAreBytesAndStopAtTheEnd) {
  EXPECT_EQ(dev().config_read(0x01, 4), (c32(0x00) >> 8) | (c32(0x04) << 24));
  EXPECT_EQ(dev().config_read(0x00, 8), c32(0x00) | uint64_t{c32(0x04)} << 32);
  EXPECT_EQ(dev().config_read(0xfe, 4), 0xffff0000u);
  dev().config_write(0xfe, 8, ~0ull);
  EXPECT_EQ(c32(0xfc), 0xffff0000u);
}

}  // namespace
}  // namespace device_test

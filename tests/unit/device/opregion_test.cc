// SPDX-License-Identifier: MIT
// The OpRegion, and what becomes of the address that the guest's firmware gives for it.
#include "mediator/opregion.h"

#include <cstring>

#include "tests/unit/device/device_fixture.h"

namespace {

template <class T>
T at(const std::vector<std::byte>& image, size_t offset) {
  return hv::load<T>(image.data() + offset);
}

TEST(OpRegion, has_signature_version_size_and_the_mailbox_of_the_vbt) {
  const auto image = mediator::opregion_image({});
  EXPECT_EQ(image.size(), 8192u);
  EXPECT_EQ(std::memcmp(image.data(), "IntelGraphicsMem", 16), 0);
  EXPECT_EQ(at<uint32_t>(image, 0x10), 8u);
  EXPECT_EQ(at<uint8_t>(image, 0x17), 2u) << "major version";
  EXPECT_EQ(at<uint32_t>(image, 0x58), 8u) << "no mailbox that would have to be answered";
}
TEST(OpRegion, lists_one_output_on_port_d_as_the_monitor_hangs) {
  for (const auto link : {mediator::MonitorLink::display_port, mediator::MonitorLink::hdmi}) {
    mediator::VgpuConfig config;
    config.monitor = link;
    const auto image = mediator::opregion_image(config);
    const size_t vbt = 0x400, blocks = vbt + at<uint32_t>(image, vbt + 28);
    EXPECT_EQ(std::memcmp(image.data() + vbt, "$VBT", 4), 0);
    EXPECT_EQ(std::memcmp(image.data() + blocks, "BIOS_DATA_BLOCK", 15), 0);
    EXPECT_EQ(vbt + at<uint16_t>(image, vbt + 24), blocks + at<uint16_t>(image, blocks + 20));
    uint8_t sum = 0;
    for (size_t i = 0; i < at<uint16_t>(image, vbt + 24); ++i) sum += at<uint8_t>(image, vbt + i);
    EXPECT_EQ(sum, 0u);
    size_t block = blocks + at<uint16_t>(image, blocks + 18);
    while (at<uint8_t>(image, block) != 2) block += 3u + at<uint16_t>(image, block + 1);
    EXPECT_EQ(at<uint16_t>(image, block + 1), 5u + 33u);
    const bool dp = link == mediator::MonitorLink::display_port;
    EXPECT_EQ(at<uint16_t>(image, block + 3 + 5 + 2), dp ? 0x68c6u : 0x60d2u);
    EXPECT_EQ(at<uint8_t>(image, block + 3 + 5 + 16), dp ? 9u : 3u);
  }
}

class AslsTest : public device_test::DeviceTest {};

TEST_F(AslsTest, a_request_for_an_opregion_is_passed_on) {
  dev().config_write(0xfc, 4, 0xfdffc000);
  EXPECT_EQ(sink_.opregions, std::vector<uint32_t>{0xfdffc000});
  EXPECT_EQ(dev().config_read(0xfc, 4), 0xfdffc000u);
  dev().config_write(0xfc, 4, 0xfdffc000);
  EXPECT_EQ(sink_.opregions.size(), 1u);
}
TEST_F(AslsTest, without_an_opregion_the_register_stays_zero) {
  sink_.give_opregion = false;
  dev().config_write(0xfc, 4, 0xfdffc000);
  EXPECT_EQ(dev().config_read(0xfc, 4), 0u);
}

}  // namespace

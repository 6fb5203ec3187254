// SPDX-License-Identifier: MIT
// Finding and taking a PCI function, and every reason not to.
#include "dom0/gpu/pci/function.h"

#include "dom0/gpu/pci/device.h"
#include "dom0/gpu/pci/ids.h"
#include "tests/unit/pci/pci_world.h"

namespace pci_test {
namespace {

using gpu::pci::choose_gpu;
using gpu::pci::Function;

class FunctionTest : public testing::Test {
 protected:
  std::string refusal(const std::string& address = "") {
    const auto f = choose_gpu(host.places, address);
    if (f.ok()) return "";
    EXPECT_FALSE(f.error().cure.empty());
    EXPECT_EQ(f.error().cause.find('\n'), std::string::npos);
    return f.error().cause;
  }
  std::unique_ptr<Function> claim() {
    auto f = Function::claim(host.places, choose_gpu(host.places, "").value());
    EXPECT_TRUE(f.ok());
    return f.ok() ? std::move(*f) : nullptr;
  }
  uint32_t command() { return static_cast<uint8_t>(host.read("config")[4]); }
  Host host;
};

TEST_F(FunctionTest, FindsTheOneThereIs) {
  const auto f = choose_gpu(host.places, "");
  ASSERT_TRUE(f.ok());
  EXPECT_EQ(f->address, kAddress);
  EXPECT_EQ(f->device, 0x1912);
  EXPECT_EQ(f->bars[0].address, 0xf0000000u);
  EXPECT_EQ(f->bars[2].bytes, 256u << 20);
}
TEST_F(FunctionTest, TakesBarsAbove4GiB) {
  host.write("resource",
             "0x0000004000000000 0x0000004000ffffff 0x0000000000140204\n0 0 0\n"
             "0x0000006000000000 0x000000600fffffff 0x000000000014220c\n");
  EXPECT_EQ(choose_gpu(host.places, "")->bars[2].address, 0x6000000000u);
}
TEST_F(FunctionTest, RefusesWhatItDoesNotKnowByName) {
  host.write("device", "0x5a84");
  EXPECT_NE(refusal().find("Apollo or Gemini Lake (8086:5a84)"), std::string::npos);
  host.write("device", "0x1234");
  EXPECT_NE(refusal().find("unknown (8086:1234)"), std::string::npos);
}
TEST_F(FunctionTest, RefusesWhatAKernelDriverHolds) {
  host.link(std::string("sys/bus/pci/devices/") + kAddress + "/driver", "../../drivers/i915");
  EXPECT_NE(refusal().find("held by the kernel driver i915"), std::string::npos);
}
TEST_F(FunctionTest, TakesWhatIsBoundForItsInterruptAlone) {
  host.link(std::string("sys/bus/pci/devices/") + kAddress + "/driver",
            "../../drivers/uio_pci_generic");
  EXPECT_EQ(refusal(), "");
}
TEST_F(FunctionTest, RefusesWhatFirmwaresFramebufferDrawsOn) {
  host.link("sys/bus/platform/devices/simple-framebuffer.0/driver", "../x/simple-framebuffer");
  EXPECT_NE(refusal().find("simple-framebuffer"), std::string::npos);
}
TEST_F(FunctionTest, RefusesAKernelThatIsLockedDown) {
  host.put("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
  EXPECT_NE(refusal().find("locked down (integrity)"), std::string::npos);
  host.put("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  EXPECT_EQ(refusal(), "");
}
TEST_F(FunctionTest, RefusesBarsWithoutAddresses) {
  host.write("resource", "0 0 0\n0 0 0\n0 0 0\n");
  EXPECT_NE(refusal().find("no addresses for its BARs"), std::string::npos);
}
TEST_F(FunctionTest, RefusesADeviceThatIsNotThere) {
  EXPECT_NE(refusal("0000:00:03.0").find("no GPU of Intel's at 0000:00:03.0"), std::string::npos);
  host.write("class", "0x020000");
  EXPECT_NE(refusal().find("there is no GPU"), std::string::npos);
}
TEST_F(FunctionTest, RefusesAFunctionThatLeftTheBus) {
  const auto info = choose_gpu(host.places, "").value();
  host.write("config", std::string(256, '\xff'));
  const auto f = Function::claim(host.places, info);
  ASSERT_FALSE(f.ok());
  EXPECT_NE(f.error().cause.find("left the bus"), std::string::npos);
}
TEST_F(FunctionTest, IsTakenByOneAtATime) {
  auto first = claim();
  const auto second = Function::claim(host.places, first->info());
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().cause.find("another xengvtd has the GPU"), std::string::npos);
  first.reset();
  EXPECT_TRUE(Function::claim(host.places, choose_gpu(host.places, "").value()).ok());
}
TEST_F(FunctionTest, IsTakenWithoutBusMasteringAndGivenBackAsItWas) {
  auto f = claim();
  EXPECT_EQ(command() & 6u, 2u) << "memory, but no bus mastering yet";
  EXPECT_EQ(host.read("enable"), "1");
  EXPECT_TRUE(f->set_bus_master(true));
  EXPECT_EQ(command() & 6u, 6u);
  f.reset();
  EXPECT_EQ(command() & 4u, 0u);
  EXPECT_EQ(host.read("reset"), "1");
  EXPECT_EQ(host.read("enable"), "0");
}
TEST_F(FunctionTest, IsNotResetOnceItLeftTheBus) {
  auto f = claim();
  host.write("config", std::string(256, '\xff'));
  f.reset();
  EXPECT_EQ(host.read("reset"), "") << "the kernel would wait a minute for its end";
  const auto info = choose_gpu(host.places, "").value();
  EXPECT_FALSE(Function::claim(host.places, info).ok());
  EXPECT_EQ(host.read("reset"), "");
}
TEST_F(FunctionTest, StaysEnabledIfItWas) {
  host.write("enable", "1");
  claim().reset();
  EXPECT_EQ(host.read("enable"), "1");
}
TEST_F(FunctionTest, MapsBothBars) {
  const auto f = claim();
  gpu::pci::MappedBars bars(f->bar(0), f->bar(2));
  bars.write32(gen9::kPatLo, 0x1234);
  bars.write64(gen9::kGttOffset + 8, 0x1122334455667788);
  EXPECT_EQ(bars.read32(gen9::kPatLo), 0x1234u);
  std::ifstream in(host.file("resource0"), std::ios::binary);
  in.seekg(gen9::kGttOffset + 8);
  EXPECT_EQ(in.get(), 0x88);
  EXPECT_EQ(bars.aperture_bytes(), 256u << 20);
}
TEST_F(FunctionTest, SaysWhichBarCannotBeMapped) {
  const auto info = choose_gpu(host.places, "").value();
  fs::remove(host.file("resource2"));
  const auto f = Function::claim(host.places, info);
  ASSERT_FALSE(f.ok());
  EXPECT_NE(f.error().cause.find("cannot map BAR 2"), std::string::npos);
}

TEST(Ids, KnowEachFamilyOnce) {
  EXPECT_STREQ(gpu::pci::family_of(0x1912), "Sky Lake");
  EXPECT_STREQ(gpu::pci::family_of(0x5912), "Kaby Lake");
  EXPECT_STREQ(gpu::pci::family_of(0x3e92), "Coffee Lake");
  EXPECT_STREQ(gpu::pci::family_of(0x9bc5), "Comet Lake");
  EXPECT_EQ(gpu::pci::family_of(0x8a52), nullptr);
}
TEST(Ids, GttSizeDecidesHowManyAddressesThereAre) {
  EXPECT_EQ(gpu::pci::ggtt_bytes_of(0), 0u);
  EXPECT_EQ(gpu::pci::ggtt_bytes_of(1 << 6), uint64_t{1} << 30);
  EXPECT_EQ(gpu::pci::ggtt_bytes_of(3 << 6), uint64_t{4} << 30);
}

}  // namespace
}  // namespace pci_test

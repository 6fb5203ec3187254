// SPDX-License-Identifier: MIT
// xengvt check: of a host that is described by files, and of a guest's xl.cfg.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "dom0/daemon/guest_check.h"

namespace xengvtd {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const Check& find(const std::vector<Check>& all, const std::string& name) {
  for (const Check& c : all)
    if (c.name == name) return c;
  throw std::out_of_range(name);
}

class HostCheck : public testing::Test {
 protected:
  HostCheck() {
    root_ = fs::temp_directory_path() / ("xengvt_check_" + std::to_string(getpid()));
    put("sys/hypervisor/type", "xen");
    put("sys/hypervisor/version/major", "4");
    put("sys/hypervisor/version/minor", "17");
    put("sys/hypervisor/version/extra", ".5");
    put("sys/hypervisor/guest_type", "PV");
    put("sys/hypervisor/properties/capabilities", "xen-3.0-x86_64 hvm-3.0-x86_64");
    put("sys/devices/system/cpu/online", "0-1");
    put("proc/xen/capabilities", "control_d");
    put("dev/xen/privcmd", "");
    put("dev/xen/evtchn", "");
    put("run/xenstored/socket", "");
    put("usr/libexec/xen-qemu-system-i386", "");
    put("usr/libexec/xengvt/xengvt-dm", "");
    fs::permissions(root_ / "usr/libexec/xengvt/xengvt-dm", fs::perms::owner_all);
  }
  ~HostCheck() override { fs::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text << '\n';
  }
  Check check(const std::string& name) { return find(check_host(root_, xl_info_), name); }
  fs::path root_;
  std::string xl_info_ =
      "host : h\nvirt_caps              : pv hvm hvm_directio pv_directio hap iommu_hap_pt_share\n"
      "xen_commandline        : placeholder dom0_mem=1024M\n";
};

TEST_F(HostCheck, AGoodHostHasNothingToMend) {
  for (const Check& c : check_host(root_, xl_info_)) {
    EXPECT_EQ(c.verdict, Verdict::good) << c.name << ": " << c.found;
    EXPECT_EQ(c.cure, "") << c.name;
  }
}
TEST_F(HostCheck, AGpuThatTheKernelHoldsIsNamedWithTheWayToReleaseIt) {
  const std::string gpu = "sys/bus/pci/devices/0000:00:02.0/";
  put(gpu + "vendor", "0x8086");
  put(gpu + "device", "0x1912");
  put(gpu + "class", "0x030000");
  put(gpu + "resource", "0xf0000000 0xf0ffffff 0x140204\n0 0 0\n0xe0000000 0xefffffff 0x14220c");
  EXPECT_EQ(check("GPU").verdict, Verdict::good);
  fs::create_symlink("../../drivers/i915", root_ / (gpu + "driver"));
  EXPECT_EQ(check("GPU").verdict, Verdict::unknown);
  EXPECT_THAT(check("GPU").found, HasSubstr("held by the kernel driver i915"));
  EXPECT_THAT(check("GPU").cure, HasSubstr("dom0 loses its own screen"));
}
TEST_F(HostCheck, NestedPagingIsToldApartFromOtherWords) {
  xl_info_ = "virt_caps : pv hvm iommu_hap_pt_share\n";
  EXPECT_EQ(check("HAP").verdict, Verdict::bad);
  xl_info_ = "xen_version : 4.17\n";
  EXPECT_EQ(check("HAP").verdict, Verdict::unknown);
}
TEST_F(HostCheck, AStrictIommuIsNamed) {
  xl_info_ = "virt_caps : hvm hap hvm_directio\nxen_commandline : x dom0-iommu=strict y\n";
  EXPECT_EQ(check("IOMMU").verdict, Verdict::unknown);
  EXPECT_THAT(check("IOMMU").cure, HasSubstr("dom0-iommu=strict"));
}
TEST_F(HostCheck, WhatIsMissingIsBadAndHasACure) {
  xl_info_.clear();
  EXPECT_EQ(check("xl").verdict, Verdict::bad);
  for (const auto& [path, name] : std::vector<std::pair<const char*, const char*>>{
           {"dev/xen/privcmd", "privcmd"},
           {"dev/xen/evtchn", "evtchn"},
           {"run/xenstored/socket", "xenstore"},
           {"usr/libexec/xen-qemu-system-i386", "device model"},
           {"usr/libexec/xengvt/xengvt-dm", "wrapper"},
           {"proc/xen/capabilities", "domain"},
           {"sys/hypervisor/type", "hypervisor"}}) {
    fs::remove(root_ / path);
    EXPECT_EQ(check(name).verdict, Verdict::bad) << name;
    EXPECT_NE(check(name).cure, "") << name;
  }
}
TEST_F(HostCheck, OtherXensAndDom0sAreNamed) {
  put("sys/hypervisor/version/minor", "18");
  EXPECT_EQ(check("hypervisor").verdict, Verdict::unknown);
  put("sys/hypervisor/guest_type", "PVH");
  EXPECT_EQ(check("dom0 kind").verdict, Verdict::bad);
  put("sys/devices/system/cpu/online", "0");
  EXPECT_EQ(check("dom0 vCPUs").verdict, Verdict::unknown);
}

std::vector<Check> guest(const std::string& changes) {
  std::istringstream in(
      "# a guest\nname = 'g'\ntype = \"hvm\"  # HVM\nmemory = 512\nvga=\"none\"\n"
      "device_model_version = \"qemu-xen\"\n"
      "device_model_override = \"/usr/libexec/xengvt/xengvt-dm\"\n"
      "device_model_args_hvm = [\n  \"-xgpu\",\n  \"type=small\" ]\n" +
      changes);
  return check_guest_file(in);
}
TEST(GuestCheck, AGoodFileHasNothingToMend) {
  for (const Check& c : guest("disk = [ 'a,b=c#d' ]\n"))
    EXPECT_EQ(c.verdict, Verdict::good) << c.name << ": " << c.found;
}
TEST(GuestCheck, WhatXlWouldNotSayIsSaid) {
  const auto bad = [](const std::string& line, const std::string& name) {
    return find(guest(line), name).verdict == Verdict::bad;
  };
  EXPECT_TRUE(bad("type = \"pvh\"\n", "type"));
  EXPECT_TRUE(bad("type = 'pv'\n", "type"));
  EXPECT_TRUE(bad("maxmem = 1024\n", "memory"));
  EXPECT_FALSE(bad("maxmem = 512\n", "memory"));
  EXPECT_TRUE(bad("vga = \"stdvga\"\n", "display"));
  EXPECT_TRUE(bad("hap=0\n", "paging"));
  EXPECT_TRUE(bad("device_model_override = \"/bin/qemu\"\n", "device model"));
  EXPECT_TRUE(bad("device_model_args_hvm = []\n", "vGPU"));
  EXPECT_TRUE(bad("device_model_args_hvm = [\"-xgpu\", \"resolution=800x600\"]\n", "vGPU"));
  EXPECT_TRUE(bad("dm_restrict=1\n", "rest"));
  EXPECT_THAT(find(guest("type = \"pvh\"\n"), "type").found, HasSubstr("PVH"));
}
TEST(GuestCheck, AnEmptyFileIsAPvGuestWithoutAnything) {
  std::istringstream in("");
  EXPECT_EQ(find(check_guest_file(in), "type").verdict, Verdict::bad);
}
TEST(GuestCheck, AnyBytesAreRead) {
  for (const char* text : {"=", "[", "a=[", "'", "a='", "#", "a=\"", "\xff\xfe=\n="}) {
    std::istringstream in(text);
    EXPECT_FALSE(check_guest_file(in).empty());
  }
}

}  // namespace
}  // namespace xengvtd

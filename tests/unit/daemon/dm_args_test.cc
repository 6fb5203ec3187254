// SPDX-License-Identifier: MIT
// What the device-model wrapper makes of libxl's command line.
#include "dom0/xl/dm_args.h"

#include <gmock/gmock.h>

#include <sstream>

namespace xengvt_dm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;

Words libxl(const Words& more) {
  Words all{"-xen-domid", "7",
            "-chardev",   "socket,id=libxl-cmd,path=/run/xen/qmp-libxl-7,server=on,wait=off",
            "-vga",       "none",
            "-machine",   "xenfv,suppress-vmdesc=on",
            "-m",         "512"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
std::string error_of(const Words& args) {
  const auto a = read_dm_args(args);
  return a.ok() ? "" : a.error().cause;
}

TEST(DmArgs, TakesOurOptionOutAndLeavesTheRest) {
  const auto a = read_dm_args(libxl({"-xgpu", "type=small,resolution=800x600", "-S"}));
  ASSERT_TRUE(a.ok()) << a.error().cause;
  EXPECT_EQ(a->domid, 7);
  EXPECT_EQ(a->type, "small");
  EXPECT_THAT(a->options,
              ElementsAre(std::pair<const std::string, std::string>{"resolution", "800x600"}));
  EXPECT_EQ(a->qmp_path, "/run/xen/qmp-libxl-7");
  EXPECT_THAT(a->qemu, Not(Contains("-xgpu")));
  EXPECT_THAT(a->qemu, Contains("-S"));
}

TEST(DmArgs, MovesTheXenPlatformDeviceOutOfOurSlot) {
  const auto a = read_dm_args(libxl({"-xgpu", "type=small"}));
  ASSERT_TRUE(a.ok());
  EXPECT_THAT(a->qemu, Contains("pc,accel=xen,suppress-vmdesc=on"));
  EXPECT_EQ(a->qemu.back(), "xen-platform,addr=0x3");
}

TEST(DmArgs, LeavesAMachineAloneThatKeepsTheSlotFree) {
  for (const char* machine : {"xenfv,igd-passthru=on", "pc,accel=xen"}) {
    const auto a =
        read_dm_args(Words{"-xen-domid", "7", "-machine", machine, "-xgpu", "type=small"});
    ASSERT_TRUE(a.ok());
    EXPECT_THAT(a->qemu, ElementsAre("-xen-domid", "7", "-machine", machine));
  }
}

TEST(DmArgs, RefusesWhatCannotWorkWithAVgpu) {
  const Words gpu{"-xgpu", "type=small"};
  EXPECT_THAT(error_of({"-xen-domid", "7", "-vga", "std", "-xgpu", "type=small"}),
              HasSubstr("VGA"));
  EXPECT_THAT(error_of(libxl({"-device", "cirrus-vga", "-xgpu", "type=small"})), HasSubstr("VGA"));
  EXPECT_THAT(error_of(libxl({"-device", "e1000,addr=0x2", "-xgpu", "type=small"})),
              HasSubstr("slot 2"));
  EXPECT_EQ(error_of(libxl({"-device", "e1000,addr=0x20", "-xgpu", "type=small"})), "");
  EXPECT_THAT(error_of(libxl({"-incoming", "fd:3", "-xgpu", "type=small"})), HasSubstr("restored"));
  EXPECT_THAT(error_of({"-xen-domid", "7", "-machine", "xenpv", "-xgpu", "type=small"}),
              HasSubstr("PV"));
}

TEST(DmArgs, RefusesBadOptionsOfOurs) {
  for (const char* bad :
       {"", "small", "type=", "=small", "type=a,type=b", "type=a,x", "type=a,", "resolution=1x1"})
    EXPECT_NE(error_of(libxl({"-xgpu", bad})), "") << bad;
  EXPECT_NE(error_of(libxl({})), "");
  EXPECT_NE(error_of(libxl({"-xgpu"})), "");
  EXPECT_EQ(error_of(libxl({"-device", "-xgpu", "type=a"})), "-device has no value");
  EXPECT_NE(error_of(libxl({"-xgpu", "type=a", "-xgpu", "type=a"})), "");
}

TEST(DmArgs, RefusesBadDomainNumbers) {
  for (const char* bad : {"", "0", "-1", "x", "7x", "32752", "65536"})
    EXPECT_NE(error_of({"-xen-domid", bad, "-xgpu", "type=small"}), "") << bad;
  EXPECT_NE(error_of({"-xgpu", "type=small"}), "");
}

TEST(DmMain, HelpSaysHowItIsUsed) {
  std::ostringstream out, err;
  EXPECT_EQ(dm_main(std::vector<std::string>{"--help"}, out, err), 0);
  EXPECT_THAT(out.str(), HasSubstr("device_model_override"));
  EXPECT_EQ(err.str(), "");
}

TEST(DmMain, LastLineSaysCauseAndCure) {
  std::ostringstream out, err;
  setenv("XENGVT_SOCKET", "/nonexistent/socket", 1);
  setenv("XENGVT_QEMU", "/bin/true", 1);
  EXPECT_EQ(dm_main(libxl({"-xgpu", "type=small"}), out, err), 1);
  EXPECT_THAT(err.str(), HasSubstr("xengvt-dm: xengvtd is not running"));
  EXPECT_THAT(err.str(), HasSubstr("cure: systemctl start xengvtd\n"));
}

}  // namespace
}  // namespace xengvt_dm

// SPDX-License-Identifier: MIT
// xengvtd.conf: what it means, and what is refused with which words.
#include "dom0/daemon/config.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

namespace xengvtd {
namespace {

using testing::HasSubstr;

hv::Result<Config, std::string> parse(const std::string& text) {
  std::istringstream in(text);
  return parse_config(in);
}
std::string error_of(const std::string& text) {
  const auto c = parse(text);
  return c.ok() ? "" : c.error();
}

TEST(Config, EmptyFileMeansTheBuiltInValues) {
  const auto c = parse("# nothing\n; at all\n\n");
  ASSERT_TRUE(c.ok());
  EXPECT_EQ(c->types, default_config().types);
  EXPECT_EQ(c->socket, "/run/xengvt/control.sock");
}

TEST(Config, EveryKeyIsRead) {
  const auto c = parse(
      "[daemon]\nguests = /tmp/g\nsocket = /tmp/s\nsocket-mode = 0660\nsocket-group = "
      "video\nlog-level = debug\n"
      "trace = /tmp/t\n[gpu]\ndevice-id = 0x5912\ntime-scale = 0.25\nstep-us = 50\nspin-us = 0\n"
      "max-lag-ms = 7\nslice-ms = 9\nhang-ms = 300\nstatus-us = 70\nclock-us = 200\n"
      "max-busy = 12\n"
      "[type tiny]\nlow-mib = 32\nhigh-mib = 0\nfences = 2\nresolution = 800x600\nweight = 3\n"
      "maximum = 1\n");
  ASSERT_TRUE(c.ok()) << c.error();
  EXPECT_EQ(c->socket, "/tmp/s");
  EXPECT_EQ(c->guests, "/tmp/g");
  EXPECT_EQ(c->socket_mode, 0660u);
  EXPECT_EQ(c->socket_group, "video");
  EXPECT_EQ(c->log_level, LogLevel::debug);
  EXPECT_EQ(c->trace, "/tmp/t");
  EXPECT_EQ(c->device_id, 0x5912);
  EXPECT_EQ(c->time_scale, 0.25);
  EXPECT_EQ(c->step_us, 50u);
  EXPECT_EQ(c->spin_us, 0u);
  EXPECT_EQ(c->max_lag_ms, 7u);
  EXPECT_EQ(c->slice_ms, 9u);
  EXPECT_EQ(c->hang_ms, 300u);
  EXPECT_EQ(c->status_us, 70u);
  EXPECT_EQ(c->clock_us, 200u);
  EXPECT_EQ(c->max_busy, 12u);
  ASSERT_EQ(c->types.size(), 1u);
  EXPECT_EQ(c->types[0], (VgpuType{"tiny", 32, 0, 2, 800, 600, 3, 1}));
}

TEST(Config, TheFileShippedSaysWhatIsBuiltIn) {
  std::ifstream in("dom0/systemd/xengvtd.conf");
  ASSERT_TRUE(in) << "run from the source folder";
  const auto shipped = parse_config(in);
  ASSERT_TRUE(shipped.ok()) << shipped.error();
  const Config built_in = default_config();
  EXPECT_EQ(shipped->types, built_in.types);
  EXPECT_EQ(shipped->guests, built_in.guests);
  EXPECT_EQ(shipped->socket_mode, built_in.socket_mode);
  EXPECT_EQ(shipped->spin_us, built_in.spin_us);
  EXPECT_EQ(shipped->step_us, built_in.step_us);
  EXPECT_EQ(shipped->max_lag_ms, built_in.max_lag_ms);
  EXPECT_EQ(shipped->slice_ms, built_in.slice_ms);
  EXPECT_EQ(shipped->hang_ms, built_in.hang_ms);
  EXPECT_EQ(shipped->status_us, built_in.status_us);
  EXPECT_EQ(shipped->clock_us, built_in.clock_us);
  EXPECT_EQ(shipped->max_busy, built_in.max_busy);
}

TEST(Config, UnknownKeysAndSectionsAreNamed) {
  EXPECT_EQ(error_of("[gpu]\nslice = 5\n"), "[gpu] has no key 'slice'");
  EXPECT_THAT(error_of("[gpus]\nslice-ms = 5\n"), HasSubstr("[gpus]"));
  EXPECT_THAT(error_of("slice-ms = 5\n"), HasSubstr("outside of a section"));
}

TEST(Config, ValuesOutOfRangeAreRefusedWithTheRange) {
  EXPECT_EQ(error_of("[gpu]\nslice-ms = 31\n"),
            "[gpu] slice-ms: expected a number from 1 to 30, not '31'");
  for (const char* bad :
       {"[gpu]\nslice-ms = -1\n", "[gpu]\nslice-ms = 5x\n", "[gpu]\nslice-ms =\n",
        "[gpu]\nslice-ms = 99999999999999999999\n", "[gpu]\ntime-scale = nan\n",
        "[gpu]\ntime-scale = 0\n", "[gpu]\nmax-busy = 65535\n", "[daemon]\nsocket = relative\n",
        "[daemon]\nsocket-mode = 0888\n", "[daemon]\nlog-level = loud\n",
        "[type a]\nlow-mib = 257\n", "[type a]\nresolution = 1024\n",
        "[type a]\nresolution = 99999x600\n", "[type ]\nlow-mib = 1\n", "[type a b]\nlow-mib=1\n"})
    EXPECT_NE(error_of(bad), "") << bad;
}

TEST(Config, BrokenLinesAreNamedByNumber) {
  EXPECT_THAT(error_of("[gpu]\nslice-ms = 5\nnonsense\n"), HasSubstr("line 3"));
  EXPECT_NE(error_of("[gpu\n"), "");
  EXPECT_NE(error_of("[type a]\nlow-mib=1\n[type a]\nlow-mib=2\n"), "");
}

TEST(Config, WindowsOfATypeStartAtTheApertureAndAtItsEnd) {
  const VgpuType type{"t", 128, 1024, 4, 1024, 768, 1, 1};
  const mediator::VgpuConfig v = vgpu_config(type, default_config(), "guest");
  EXPECT_EQ(v.name, "guest");
  EXPECT_EQ(v.windows.low_base, 0u);
  EXPECT_EQ(v.windows.low_bytes, 128u << 20);
  EXPECT_EQ(v.windows.high_base, v.aperture_bytes);
  EXPECT_EQ(v.windows.high_bytes, 1024u << 20);
}

}  // namespace
}  // namespace xengvtd

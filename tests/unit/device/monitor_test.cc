// SPDX-License-Identifier: MIT
// The virtual monitor: EDID, DPCD, AUX messages, GMBUS cycles, hot plug.
#include <numeric>

#include "mediator/dp_aux.h"
#include "tests/unit/device/device_fixture.h"

namespace device_test {
namespace {

using mediator::DpAux;
using mediator::Edid;
using mediator::make_edid;

bool checksum_ok(std::span<const uint8_t> edid) {
  return (std::accumulate(edid.begin(), edid.end(), 0u) & 0xff) == 0;
}

TEST(EdidBlock, IsWellFormedForEveryMode) {
  for (auto [w, h] : {std::pair{1024u, 768u},
                      {1920u, 1200u},
                      {800u, 600u},
                      {3840u, 2160u},
                      {0u, 0u},
                      {100000u, 100000u}}) {
    const Edid e = make_edid(w, h, true);
    EXPECT_TRUE(checksum_ok(e));
    EXPECT_EQ(e[0], 0);
    EXPECT_EQ(e[1], 0xff);
    EXPECT_EQ(e[18], 1);
    EXPECT_EQ(e[126], 0);
  }
}

TEST(EdidBlock, PrefersTheModeAtSixtyHertz) {
  const Edid e = make_edid(1920, 1080, true);
  const uint8_t* d = &e[54];
  const uint32_t width = d[2] | (d[4] & 0xf0) << 4, height = d[5] | (d[7] & 0xf0) << 4;
  const uint32_t hblank = d[3] | (d[4] & 0xf) << 8, vblank = d[6] | (d[7] & 0xf) << 8;
  const double hertz = (d[0] | d[1] << 8) * 10e3 / ((width + hblank) * (height + vblank));
  EXPECT_EQ(width, 1920u);
  EXPECT_EQ(height, 1080u);
  EXPECT_EQ(vblank, 31u) << "CVT reduced blanking";
  EXPECT_NEAR(hertz, 60.0, 0.1);
}

struct AuxMessages : testing::Test {
  Edid edid = make_edid(1024, 768, true);
  DpAux aux{edid};
  DpAux::Reply reply{};
  unsigned ask(std::initializer_list<uint8_t> message) {
    return aux.transact(std::vector<uint8_t>(message), reply);
  }
};

TEST_F(AuxMessages, NativeReadsGiveCapabilities) {
  ASSERT_EQ(ask({0x90, 0, 0, 2}), 4u);
  EXPECT_EQ(reply[0], 0);
  EXPECT_EQ(reply[1], 0x12);
  EXPECT_EQ(reply[2], 0x14);
  EXPECT_EQ(reply[3], 0x84);
  ASSERT_EQ(ask({0x90, 0x02, 0x00, 0}), 2u);
  EXPECT_EQ(reply[1], 1) << "one sink";
}

TEST_F(AuxMessages, ReadsPastTheEndAreZerosAndWritesAreRefused) {
  ASSERT_EQ(ask({0x90, 0x06, 0xff, 15}), 17u);
  EXPECT_EQ(reply[0], 0);
  ASSERT_EQ(ask({0x9f, 0xff, 0xff, 0}), 2u);
  EXPECT_EQ(reply[1], 0);
  EXPECT_EQ(ask({0x80, 0x06, 0xff, 0, 7}), 1u);
  EXPECT_EQ(reply[0], 0x00);
  EXPECT_EQ(ask({0x80, 0x06, 0xff, 1, 7, 8}), 1u);
  EXPECT_EQ(reply[0], 0x10);
  EXPECT_EQ(ask({0x8f, 0xff, 0xff, 0, 7}), 1u);
  EXPECT_EQ(reply[0], 0x10);
}

TEST_F(AuxMessages, LinkTrainingSucceeds) {
  const auto status = [&](uint8_t at) {
    ask({0x90, 0x02, at, 0});
    return reply[1];
  };
  ask({0x80, 0x01, 0x02, 0, 0x21});
  EXPECT_EQ(status(0x02), 0x11);
  ask({0x80, 0x01, 0x02, 4, 0x22, 0, 0, 0, 0});
  EXPECT_EQ(status(0x02), 0x77);
  EXPECT_EQ(status(0x03), 0x77);
  EXPECT_EQ(status(0x04), 1);
  ask({0x80, 0x01, 0x02, 0, 0});
  EXPECT_EQ(status(0x05), 3);
}

TEST_F(AuxMessages, EdidComesOverI2c) {
  ask({0x40, 0, 0x50});  // start
  EXPECT_EQ(reply[0], 0);
  ask({0x40, 0, 0x50, 0, 0});
  std::vector<uint8_t> got;
  for (int i = 0; i < 8; ++i) {
    ASSERT_EQ(ask({0x50, 0, 0x50, 15}), 17u);
    got.insert(got.end(), reply.begin() + 1, reply.begin() + 17);
  }
  ask({0x10, 0, 0x50});  // stop
  EXPECT_TRUE(std::equal(got.begin(), got.end(), edid.begin(), edid.end()));
}

TEST_F(AuxMessages, MalformedRequestsGetANackOrSilence) {
  EXPECT_EQ(ask({}), 0u);
  EXPECT_EQ(ask({0x90, 0}), 0u);
  EXPECT_EQ(aux.transact(std::vector<uint8_t>(21, 0x90), reply), 0u);
  EXPECT_EQ(ask({0x90, 0, 0, 16}), 1u) << "17 bytes";
  EXPECT_EQ(reply[0], 0x10);
  EXPECT_EQ(ask({0x90, 0, 0, 255}), 1u);
  EXPECT_EQ(ask({0x80, 0, 0, 3, 1, 2}), 1u) << "fewer bytes than said";
  EXPECT_EQ(reply[0], 0x10);
  EXPECT_EQ(ask({0x00, 0, 0x50, 3, 1, 2}), 1u);
  EXPECT_EQ(reply[0], 0x40);
  EXPECT_EQ(ask({0x50, 0, 0x50, 200}), 1u);
  EXPECT_EQ(reply[0], 0x40);
  EXPECT_EQ(ask({0x50, 0, 0x37, 0}), 1u) << "nobody at this address";
  EXPECT_EQ(reply[0], 0x40);
  EXPECT_EQ(ask({0xf0, 0, 0, 0}), 1u);
  EXPECT_EQ(ask({0x30, 0, 0x50, 0}), 1u);
  EXPECT_EQ(reply[0], 0x40);
}

struct AuxRegisters : DeviceTest {
  static constexpr uint32_t kCtl = 0x64310, kData = 0x64314;
  static constexpr uint32_t kSend = 1u << 31, kDone = 1u << 30, kTimeOut = 1u << 28;
};

TEST_F(AuxRegisters, PortDAnswersAndTheOthersTimeOut) {
  w32(kData, 0x90000000);
  w32(kCtl, kSend | 4u << 20 | 0x3f);
  EXPECT_EQ(r32(kCtl), kDone | 2u << 20 | 0x3f);
  EXPECT_EQ(r32(kData), 0x00120000u);
  for (uint32_t port : {0u, 1u, 2u, 4u}) {
    w32(0x64010 + 0x100 * port, kSend | 4u << 20);
    EXPECT_EQ(r32(0x64010 + 0x100 * port), kDone | kTimeOut);
  }
}

TEST_F(AuxRegisters, StatusIsClearedByWritingOnes) {
  w32(0x64110, kSend | 4u << 20);
  w32(0x64110, kDone);
  EXPECT_EQ(r32(0x64110), kTimeOut);
  w32(0x64110, kTimeOut);
  EXPECT_EQ(r32(0x64110), 0u);
}

TEST_F(AuxRegisters, OverlongMessagesTimeOut) {
  for (uint32_t size : {0u, 1u, 2u, 21u, 31u}) {
    w32(kCtl, kSend | size << 20);
    EXPECT_EQ(r32(kCtl), kDone | kTimeOut) << size;
  }
}

TEST_F(AuxRegisters, CompletionInterruptsIfAsked) {
  w32(0x44444, 0);
  w32(kCtl, kSend | 4u << 20);
  EXPECT_EQ(r32(0x44448), 0u);
  w32(kCtl, kSend | 1u << 29 | 4u << 20);
  EXPECT_EQ(r32(0x44448), 1u << 27);
}

TEST_F(AuxRegisters, AnUnpluggedMonitorIsSilent) {
  w32(0xc4004, 0);
  EXPECT_EQ(r32(0xc4000), 1u << 23);
  dev().plug_monitor(false);
  EXPECT_EQ(r32(0xc4000), 0u);
  EXPECT_EQ(r32(0xc4008), 1u << 23);
  EXPECT_EQ(r32(0xc4030), 2u << 16);
  w32(kCtl, kSend | 4u << 20);
  EXPECT_EQ(r32(kCtl), kDone | kTimeOut);
  dev().plug_monitor(true);
  EXPECT_EQ(r32(0xc4000), 1u << 23);
  w32(kCtl, kSend | 4u << 20);
  EXPECT_EQ(r32(kCtl) & kTimeOut, 0u);
}

struct GmbusCycles : DeviceTest {
  static constexpr uint32_t kSelect = 0xc5100, kCommand = 0xc5104, kStatus = 0xc5108;
  static constexpr uint32_t kData = 0xc510c, kMask = 0xc5110;
  static constexpr uint32_t kReady = 1u << 30, kStop = 1u << 27, kIndex = 1u << 26;
  static constexpr uint32_t kWait = 1u << 25, kRead = 1, kEdid = 0x50 << 1;
  static constexpr uint32_t kHwWait = 1u << 14, kHwReady = 1u << 11, kNak = 1u << 10;
  static constexpr uint32_t kActive = 1u << 9;

  GmbusCycles() {
    config_.monitor = mediator::MonitorLink::hdmi;
    make(mediator::VgpuConfig(config_));
    w32(kSelect, 6);
  }
  std::vector<uint8_t> read_all(uint32_t bytes) {
    std::vector<uint8_t> got;
    while (got.size() < bytes) {
      EXPECT_TRUE(r32(kStatus) & kHwReady);
      const uint32_t data = r32(kData);
      for (unsigned i = 0; i < 4 && got.size() < bytes; ++i)
        got.push_back(static_cast<uint8_t>(data >> 8 * i));
    }
    return got;
  }
};

TEST_F(GmbusCycles, ReadTheWholeEdidWithAnIndex) {
  w32(kCommand, kReady | kWait | kIndex | 128u << 16 | kEdid | kRead);
  const auto got = read_all(128);
  const Edid edid = make_edid(config_.width, config_.height, false);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), edid.begin(), edid.end()));
  EXPECT_TRUE(checksum_ok(got));
  EXPECT_EQ(r32(kStatus), kActive | kHwWait);
  w32(kCommand, kReady | kStop);
  EXPECT_EQ(r32(kStatus), 0u);
}

TEST_F(GmbusCycles, AWriteSetsWhereReadingBegins) {
  w32(kData, 0x36);
  w32(kCommand, kReady | kWait | 1u << 16 | kEdid);
  EXPECT_EQ(r32(kStatus), kActive | kHwWait);
  w32(kCommand, kReady | kWait | kStop | 18u << 16 | kEdid | kRead);
  const auto got = read_all(18);
  const Edid edid = make_edid(config_.width, config_.height, false);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), edid.begin() + 0x36));
  EXPECT_EQ(r32(kStatus), 0u) << "stopped by itself";
}

TEST_F(GmbusCycles, NobodyElseAnswers) {
  w32(kCommand, kReady | kWait | 1u << 16 | 0x37 << 1 | kRead);
  EXPECT_EQ(r32(kStatus), kNak);
  w32(kCommand, 1u << 31);
  EXPECT_EQ(r32(kStatus), 0u);
  w32(kSelect, 4);
  w32(kCommand, kReady | kWait | 1u << 16 | kEdid | kRead);
  EXPECT_EQ(r32(kStatus), kNak);
  w32(kSelect, 0);
  w32(kCommand, kReady | kWait | 1u << 16 | kEdid | kRead);
  EXPECT_EQ(r32(kStatus), kNak);
}

TEST_F(GmbusCycles, LongTransfersEndAndReadZerosBeyondTheBlock) {
  w32(kCommand, kReady | kWait | kIndex | 511u << 16 | kEdid | kRead);
  const auto got = read_all(511);
  EXPECT_EQ(got[128], 0);
  EXPECT_EQ(r32(kStatus), kActive | kHwWait);
  w32(kCommand, kReady | kWait | 511u << 16 | kEdid);
  for (int i = 0; i < 127; ++i) w32(kData, ~0u);
  EXPECT_EQ(r32(kStatus), kActive | kHwWait);
}

TEST_F(GmbusCycles, InterruptWhenAsked) {
  w32(0xc4004, 0);
  w32(kMask, 1);
  w32(kCommand, kReady | kWait | kIndex | 4u << 16 | kEdid | kRead);
  EXPECT_EQ(r32(0xc4008), 1u << 17);
}

TEST_F(GmbusCycles, ADisplayPortMonitorDoesNotAnswerHere) {
  config_.monitor = mediator::MonitorLink::display_port;
  make(mediator::VgpuConfig(config_));
  w32(kSelect, 6);
  w32(kCommand, kReady | kWait | kIndex | 128u << 16 | kEdid | kRead);
  EXPECT_EQ(r32(kStatus), kNak);
}

}  // namespace
}  // namespace device_test

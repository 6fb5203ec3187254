// SPDX-License-Identifier: MIT
// Bring-up of the embedded driver: what it refuses, what it asks for, and its page tables.
#include "dom0/guests/driver/driver.h"

#include <gtest/gtest.h>

#include "tests/fake/fake_guest_port.h"

namespace {

constexpr uint64_t kMagic = 0x4776'5447'7654'4776;
constexpr uint32_t pv(uint32_t offset) { return gen9::kPvInfo + offset; }

class DriverTest : public testing::Test {
 protected:
  DriverTest() {
    port_.regs[pv(0)] = kMagic;
    port_.regs[pv(8)] = 1;
    port_.regs[pv(0x10)] = 0x1c;
    port_.regs[pv(0x40)] = 32u << 20;
    port_.regs[pv(0x44)] = 32u << 20;
    port_.regs[pv(0x48)] = 512u << 20;
    port_.regs[pv(0x4c)] = 64u << 20;
    port_.regs[pv(0x50)] = 4;
    port_.config[0x34] = 0xac;
    port_.config[0xac] = 5;
  }
  guests::DriverConfig config() {
    return {.engines = gen9::engine_bit(gen9::EngineId::bcs), .first_frame = 16, .frames = 1024};
  }
  fake::GuestPort port_;
};

TEST_F(DriverTest, RefusesAGpuWithoutTheMagic) {
  port_.regs[pv(0)] = 0;
  EXPECT_EQ(guests::Driver(port_, config()).start(), "no PVINFO magic");
}

TEST_F(DriverTest, RefusesAHostWithoutIsolatedPpgtts) {
  port_.regs[pv(0x10)] = 0x8;
  EXPECT_NE(guests::Driver(port_, config()).start(), "");
}

TEST_F(DriverTest, RefusesAHostWithoutAnEmulatedStatusPage) {
  port_.regs[pv(0x10)] = 0x4;
  EXPECT_NE(guests::Driver(port_, config()).start(), "");
}

TEST_F(DriverTest, RefusesALowWindowBeyondTheAperture) {
  port_.regs[pv(0x44)] = 256u << 20;
  EXPECT_NE(guests::Driver(port_, config()).start(), "");
}

TEST_F(DriverTest, ReportsRunningOutOfMemory) {
  auto c = config();
  c.frames = 6;
  EXPECT_NE(guests::Driver(port_, c).start(), "");
}

TEST_F(DriverTest, EverythingItMapsLiesInsideItsWindows) {
  guests::Driver d(port_, config());
  ASSERT_EQ(d.start(), "");
  unsigned mapped = 0;
  for (const auto& [offset, value] : port_.regs) {
    if (offset < gen9::kGttOffset) continue;
    ++mapped;
    EXPECT_TRUE(d.pvinfo().windows.contains((offset - gen9::kGttOffset) / 8 << 12, 4096));
  }
  EXPECT_GT(mapped, 5u);
  EXPECT_EQ(port_.writes_to(pv(0x804)), std::vector<uint64_t>{1});
}

TEST_F(DriverTest, TellsTheHostOfTheKernelsAddressSpace) {
  guests::Driver d(port_, config());
  ASSERT_EQ(d.start(), "");
  EXPECT_EQ(port_.writes_to(pv(0x818)), std::vector<uint64_t>{4});
  EXPECT_EQ(port_.writes_to(pv(0x838)).size(), 1u);
}

TEST_F(DriverTest, ContextsAreOnlyReadyOnceTheDefaultStateWasSaved) {
  guests::Driver d(port_, config());
  ASSERT_EQ(d.start(), "");
  d.on_interrupt();
  EXPECT_FALSE(d.ready());
}

TEST_F(DriverTest, MissedHeartbeatsEndInAnEngineReset) {
  auto c = config();
  c.heartbeat_ns = 1000;
  guests::Driver d(port_, c);
  ASSERT_EQ(d.start(), "");
  port_.regs[0x220d0] = gen9::kResetReady;
  for (unsigned i = 1; i <= 5; ++i) {
    port_.now = i * 1000;
    d.on_time();
  }
  EXPECT_EQ(d.counts().missed_beats, 4u);
  EXPECT_EQ(d.counts().resets, 1u);
  EXPECT_EQ(port_.writes_to(gen9::kGdrst), std::vector<uint64_t>{1u << 3});
}

TEST_F(DriverTest, UnmappedAddressesLeadToScratchAtEveryLevel) {
  guests::Frames frames(16, 64);
  auto p = guests::GuestPpgtt::create(port_, frames);
  ASSERT_TRUE(p);
  const hv::Gpa page = *frames.alloc();
  ASSERT_TRUE(p->map(0x7fff'ffff'f000, page));
  const auto walk = [&](uint64_t va) {
    uint64_t entry = p->root().v | 3;
    for (unsigned level = 4; level > 0; --level) {
      EXPECT_EQ(entry & 3, 3u);
      entry = port_.ram_load<uint64_t>(hv::Gpa{
          (entry & ~uint64_t{0xfff}) + 8 * gen9::entry_index(va, static_cast<gen9::Level>(level))});
    }
    return entry & ~uint64_t{0xfff};
  };
  EXPECT_EQ(walk(0x7fff'ffff'f000), page.v);
  EXPECT_EQ(walk(0), walk(0x1234'5678'9000));
  p->unmap(0x7fff'ffff'f000);
  EXPECT_EQ(walk(0x7fff'ffff'f000), walk(0));
}

TEST_F(DriverTest, ADestroyedAddressSpaceIsAnnouncedAndItsTablesAreUsedAgain) {
  guests::Frames frames(16, 5);
  auto p = guests::GuestPpgtt::create(port_, frames);
  ASSERT_TRUE(p);
  EXPECT_FALSE(guests::GuestPpgtt::create(port_, frames)) << "RAM for one only";
  p->destroy();
  EXPECT_EQ(port_.writes_to(pv(0x818)), (std::vector<uint64_t>{4, 5}));
  EXPECT_TRUE(guests::GuestPpgtt::create(port_, frames));
}

}  // namespace

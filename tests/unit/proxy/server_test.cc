// SPDX-License-Identifier: MIT
#include <thread>

#include "hv/bits.h"
#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"
#include "tests/unit/proxy/proxy_world.h"

namespace proxy_test {
namespace {

class ServerTest : public ::testing::Test {
 protected:
  NoOwners owners;
  Machine m{owners};
};

TEST_F(ServerTest, IsAGraphicsFunctionOfIntelWithTwoBarsOfKnownSize) {
  EXPECT_EQ(m.config_read(0), 0x19128086u);
  EXPECT_EQ(m.config_read(0x0a, 2), 0x0300u);
  m.config_write(config::kBar0, ~0u);
  m.config_write(config::kBar2, ~0u);
  EXPECT_EQ(m.config_read(config::kBar0), 0xff000000u);
  EXPECT_EQ(m.config_read(config::kBar2), 0xf0000008u);
  EXPECT_EQ(m.config_read(0x34, 1), config::kExpress);
  EXPECT_EQ(m.config_read(0x200, 2), 0xffffu);
}

TEST_F(ServerTest, AnswersRegistersOnlyWhereTheBarIsAndWhileItDecodes) {
  m.config_write(config::kBar0, Machine::kBar0);
  EXPECT_EQ(m.bar_read(Machine::kBar0 + gen9::kPatLo) & 0xffffffff, 0xffffffffu);
  m.place();
  m.bar_write(Machine::kBar0 + gen9::kPatLo, 0x12345678);
  EXPECT_EQ(m.bar_read(Machine::kBar0 + gen9::kPatLo), 0x12345678u);
  EXPECT_EQ(m.bar_read(Machine::kBar0 + gen9::kPatLo + 1, 2), 0x3456u);
  EXPECT_EQ(m.bar_read(Machine::kBar0 + gen9::kPatLo + (64u << 20)), 0xffffffffu);
  m.config_write(config::kPowerControl, 3, 2);  // D3
  EXPECT_EQ(m.bar_read(Machine::kBar0 + gen9::kPatLo) & 0xffffffff, 0xffffffffu);
}

TEST_F(ServerTest, CountsLooksApart) {
  m.place();
  m.bar_read(Machine::kBar0 + gen9::kMasterIrq);
  m.bar_read(Machine::kBar0 + gen9::kRingFault);
  m.bar_read(Machine::kBar0 + gen9::kForcewakeRenderAck);
  EXPECT_EQ(m.server->counts().register_reads, 3u);
  EXPECT_EQ(m.server->counts().register_looks, 2u);
}

TEST_F(ServerTest, KeepsGttEntriesInWholeOrInHalves) {
  m.place();
  const uint64_t at = Machine::kBar0 + gen9::kGttOffset + 8 * 5;
  m.bar_write(at, 0x1'2345'6001, 8);
  EXPECT_EQ(m.bar_read(at, 8), 0x1'2345'6001u);
  m.bar_write(at + 4, 7);
  EXPECT_EQ(m.bar_read(at, 8), 0x7'2345'6001u);
}

TEST_F(ServerTest, ReachesSharedRamThroughTheApertureAndNothingElse) {
  m.place();
  m.share_ram();
  m.bar_write(Machine::kBar0 + gen9::kGttOffset, (3 << 12) | gen9::kPtePresent, 8);
  m.bar_write(Machine::kBar0 + gen9::kGttOffset + 8, (Machine::kPages << 12) | 1, 8);
  m.bar_write(Machine::kBar2 + 0x10, 0xabcd, 4);
  EXPECT_EQ(hv::load<uint32_t>(m.ram + (3 << 12) + 0x10), 0xabcdu);
  m.bar_write(Machine::kBar2 + 0x1000, 1, 4);
  EXPECT_EQ(m.bar_read(Machine::kBar2 + 0x1000), 0u);
}

TEST_F(ServerTest, FollowsTheMemoryMapWhenItChanges) {
  m.place();
  m.share_ram();
  hv::store(m.ram, uint32_t{42});
  m.bar_write(Machine::kBar0 + gen9::kGttOffset, 1, 8);
  EXPECT_EQ(m.bar_read(Machine::kBar2), 42u);
  m.share_ram(0x100000);
  EXPECT_EQ(m.bar_read(Machine::kBar2), 0u);
  m.bar_write(Machine::kBar0 + gen9::kGttOffset, 0x100001, 8);
  EXPECT_EQ(m.bar_read(Machine::kBar2), 42u);
}

TEST_F(ServerTest, RefusesAMemoryMapThatDoesNotHoldTogether) {
  for (const uint64_t bytes : {(Machine::kPages + 1) << 12, uint64_t{0}, uint64_t{100}}) {
    SyncMemory map{};
    map.bytes[0] = bytes;
    m.send(Command::sync_memory, &map, sizeof map, {m.file});
    ASSERT_TRUE(m.server->step().ok());
    EXPECT_TRUE(m.memory.regions().empty());
    EXPECT_TRUE(m.silent());
  }
}

TEST_F(ServerTest, ForgetsRegistersAtAFunctionLevelReset) {
  m.place();
  m.bar_write(Machine::kBar0 + gen9::kPatLo, 1);
  m.config_write(config::kDeviceControl, config::kFunctionReset, 2);
  EXPECT_EQ(m.config_read(config::kBar0), 0u);
  m.place();
  EXPECT_EQ(m.bar_read(Machine::kBar0 + gen9::kPatLo), 0u);
}

TEST_F(ServerTest, EndsWhenTheMachineGoesAway) {
  ::shutdown(m.ends[0], SHUT_RDWR);
  EXPECT_TRUE(m.server->run().ok());
}

TEST_F(ServerTest, GivesUpOnAStreamThatIsNotTheProtocol) {
  m.send(static_cast<Command>(99), nullptr, 0);
  EXPECT_EQ(m.server->step().error(), hv::Error::bad_argument);
  const char huge[16] = {4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
  ASSERT_EQ(::send(m.ends[0], huge, sizeof huge, 0), 16);
  EXPECT_EQ(m.server->step().error(), hv::Error::bad_argument);
}

TEST_F(ServerTest, AnswersOnlyWhatIsAsked) {
  m.send(Command::set_irqfd, nullptr, 0);
  ASSERT_TRUE(m.server->step().ok());
  EXPECT_TRUE(m.silent());
  m.send(Command::reset, nullptr, 0);
  ASSERT_TRUE(m.server->step().ok());
  EXPECT_EQ(m.take_reply(), 0u);
}

// ---- faults

class FaultTest : public ServerTest {
 protected:
  FaultTest() { m.place(); }
  void set(uint32_t faults) { m.config_write(config::kTestFaults, faults); }
  void write(uint32_t reg, uint32_t value) { m.bar_write(Machine::kBar0 + reg, value); }
  uint32_t read(uint32_t reg) { return static_cast<uint32_t>(m.bar_read(Machine::kBar0 + reg)); }
};

TEST_F(FaultTest, NeverAcknowledgesForcewake) {
  set(fault::kNoForcewake);
  write(gen9::kForcewakeRender, hv::masked_enable(1));
  EXPECT_EQ(read(gen9::kForcewakeRenderAck) & 1, 0u);
  set(0);
  write(gen9::kForcewakeRender, hv::masked_enable(1));
  EXPECT_EQ(read(gen9::kForcewakeRenderAck) & 1, 1u);
}

TEST_F(FaultTest, AcknowledgesLateButInTheEnd) {
  set(fault::kLateAcks);
  write(gen9::kForcewakeRender, hv::masked_enable(1));
  EXPECT_EQ(read(gen9::kForcewakeRenderAck) & 1, 0u);
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  EXPECT_EQ(read(gen9::kForcewakeRenderAck) & 1, 1u);
}

TEST_F(FaultTest, HangsInReset) {
  set(fault::kHungReset);
  write(gen9::kGdrst, gen9::kGdrstFull);
  EXPECT_EQ(read(gen9::kGdrst), gen9::kGdrstFull);
}

TEST_F(FaultTest, FallsOffTheBus) {
  set(fault::kAllOnes);
  EXPECT_EQ(read(gen9::kPatLo), ~0u);
  EXPECT_EQ(m.bar_read(Machine::kBar0 + gen9::kGttOffset, 8), ~uint64_t{0});
}

TEST_F(FaultTest, LateStatusKeepsWhatTheDriverWroteMeanwhile) {
  m.share_ram();
  LateStatus late(m.memory);
  late.set({hv::BusFrame{2}});
  std::byte* const real = m.ram + 0x2000;
  late.page(hv::BusFrame{2})[8] = std::byte{1};  // the GPU
  real[9] = std::byte{2};                        // the driver
  EXPECT_EQ(real[8], std::byte{0});
  late.flush();
  EXPECT_EQ(real[8], std::byte{1});
  EXPECT_EQ(real[9], std::byte{2});
}

TEST_F(FaultTest, LateStatusTakesEnginesThatShareAPage) {
  m.share_ram();
  LateStatus late(m.memory);
  EXPECT_TRUE(late.set({hv::BusFrame{3}, hv::BusFrame{2}, hv::BusFrame{3}}));
  EXPECT_FALSE(late.set({hv::BusFrame{2}, hv::BusFrame{3}}));
  EXPECT_TRUE(late.set({hv::BusFrame{3}, hv::BusFrame{3}}));
  late.page(hv::BusFrame{3})[0] = std::byte{7};
  late.flush();
  EXPECT_EQ(m.ram[0x3000], std::byte{7});
}

TEST_F(FaultTest, StatusIsInPlaceAgainAsSoonAsItIsNoLongerLate) {
  m.share_ram();
  LateStatus late(m.memory);
  gpu::model::Model model(late, {});
  FaultyRegisters registers(model, late);
  model.write_ggtt(1, (uint64_t{2} << 12) | gen9::kPtePresent);
  model.write32(gen9::engine_reg(gen9::EngineId::bcs, gen9::rel::kHwsPga), 0x1000);
  registers.set(fault::kLateStatus);
  registers.tick(10'000'000);
  ASSERT_NE(late.page(hv::BusFrame{2}), m.memory.page(hv::BusFrame{2}));
  late.page(hv::BusFrame{2})[8] = std::byte{1};
  registers.set(0);
  EXPECT_EQ(late.page(hv::BusFrame{2}), m.memory.page(hv::BusFrame{2}));
  EXPECT_EQ(m.ram[0x2008], std::byte{1});
}

TEST_F(FaultTest, EndsOnRequest) {
  const ConfigAccess a{config::kTestFaults, fault::kExit, 4};
  m.send(Command::config_write, &a, sizeof a);
  EXPECT_TRUE(m.server->run().ok());
}

// ---- the log of accesses

class FixedOwners final : public Owners {
 public:
  Owner owner_of(hv::BusFrame frame) override {
    const auto it = of.find(frame.v);
    return it == of.end() ? Owner{Owner::Kind::hypervisor, 0} : it->second;
  }
  std::map<uint64_t, Owner> of;
};

TEST(ApertureOwnersTest, AreFoundBehindFencesAndEntries) {
  FixedOwners owners;
  owners.of[3] = {Owner::Kind::domain, 1};
  owners.of[4] = {Owner::Kind::domain, 2};
  Machine m(owners);
  m.place();
  m.share_ram();
  m.bar_write(Machine::kBar0 + gen9::kGttOffset, (3 << 12) | gen9::kPtePresent, 8);
  m.bar_write(Machine::kBar0 + gen9::kGttOffset + 8, (4 << 12) | gen9::kPtePresent, 8);
  // Pages 0 and 1, X, 512 bytes wide: each page is one tile.
  m.bar_write(Machine::kBar0 + gen9::kFence0, uint64_t{1} << 44 | uint64_t{3} << 32 | 1, 8);
  m.bar_read(Machine::kBar2);
  EXPECT_EQ(m.server->dma().aperture_checked(), 1u);
  EXPECT_EQ(m.server->dma().violations(), 0u);
  m.bar_write(Machine::kBar2 + 0x1000, 1, 4);
  EXPECT_EQ(m.server->dma().violations(), 1u) << "two guests";
  m.bar_write(Machine::kBar0 + gen9::kFence0, 0, 8);
  m.bar_read(Machine::kBar2 + 0x1000);
  EXPECT_EQ(m.server->dma().aperture_checked(), 3u);
  EXPECT_EQ(m.server->dma().violations(), 1u);
}

class DmaLogTest : public ::testing::Test {
 protected:
  struct AllRam final : RamMap {
    bool is_ram(hv::BusFrame frame) override { return frame.v < 100; }
  } ram;
  FixedOwners owners;
  std::ostringstream out;
  DmaLog log{ram, owners, out};

  DmaLogTest() {
    for (const uint16_t d : {0, 1, 2}) owners.of[d] = {Owner::Kind::domain, d};
  }
  void access(uint64_t frame, uint32_t lrca,
              gpu::model::DmaPurpose purpose = gpu::model::DmaPurpose::data, bool write = true) {
    log.on_access(
        {gen9::EngineId::rcs, lrca, false, 0x1000, hv::BusFrame{frame}, 0, 4, write, purpose});
  }
};

TEST_F(DmaLogTest, AContextMayReachDom0AndOneGuest) {
  access(0, 0x8000);
  access(1, 0x8000);
  access(1, 0x8000);
  access(2, 0x9000);
  EXPECT_EQ(log.checked(), 4u);
  EXPECT_EQ(log.violations(), 0u);
}

TEST_F(DmaLogTest, AContextInTwoGuestsIsAViolation) {
  access(1, 0x8000);
  access(2, 0x8000);
  EXPECT_EQ(log.violations(), 1u);
  EXPECT_NE(out.str().find("rcs0 context 0x8000 data write"), std::string::npos) << out.str();
}

TEST_F(DmaLogTest, TheSameAddressMayBelongToAnotherGuestsContextOnceItIsLoadedAgain) {
  access(1, 0x8000);
  access(0, 0x8000, gpu::model::DmaPurpose::context, false);
  access(2, 0x8000);
  EXPECT_EQ(log.violations(), 0u);
}

TEST_F(DmaLogTest, AFrameOfTheHypervisorIsAViolation) {
  access(50, 0x8000);
  EXPECT_EQ(log.violations(), 1u);
}

TEST_F(DmaLogTest, UnderAFenceAreOneGuestsFrames) {
  constexpr uint64_t kFence = 0x200000001;
  log.on_aperture(kFence, hv::BusFrame{1});
  log.on_aperture(kFence, hv::BusFrame{1});
  log.on_aperture(kFence + 0x1000, hv::BusFrame{2});
  EXPECT_EQ(log.aperture_checked(), 3u);
  EXPECT_EQ(log.violations(), 0u);
  log.on_aperture(kFence, hv::BusFrame{2});
  EXPECT_EQ(log.violations(), 1u);
  EXPECT_NE(out.str().find("two guests' frames: aperture under fence 0x200000001 at frame 0x2"),
            std::string::npos)
      << out.str();
  log.fences_changed();
  log.on_aperture(kFence, hv::BusFrame{2});
  log.on_aperture(kFence, hv::BusFrame{0});
  EXPECT_EQ(log.violations(), 2u) << "dom0's frame";
}

TEST_F(DmaLogTest, ThroughTheApertureNobodyReachesXensFrames) {
  log.on_aperture(0, hv::BusFrame{0});
  EXPECT_EQ(log.violations(), 0u) << "the host driver's own";
  log.on_aperture(0, hv::BusFrame{50});
  EXPECT_EQ(log.violations(), 1u);
  log.on_aperture(0, hv::BusFrame{100});
  EXPECT_EQ(log.refused(), 1u);
}

TEST_F(DmaLogTest, WhatIsNoRamIsRefusedWithEngineAndContext) {
  access(100, 0x8000, gpu::model::DmaPurpose::batch, false);
  EXPECT_EQ(log.refused(), 1u);
  EXPECT_EQ(log.checked(), 0u);
  EXPECT_NE(out.str().find("refused"), std::string::npos);
  EXPECT_NE(out.str().find("rcs0 context 0x8000 batch read"), std::string::npos) << out.str();
}

TEST_F(DmaLogTest, WritesEachKindOfAccessOnceWithItsCountAndOwner) {
  access(1, 0x8000);
  access(1, 0x8000);
  log.write();
  EXPECT_NE(out.str().find("dma rcs0 0x8000 data write 0x1 2 domain 1\n"), std::string::npos);
  EXPECT_NE(out.str().find("dma_violations 0\n"), std::string::npos);
}

}  // namespace
}  // namespace proxy_test

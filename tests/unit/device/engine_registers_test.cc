// SPDX-License-Identifier: MIT
// Engine registers, reset, failsafe triggers and PVINFO.
#include "tests/unit/device/device_fixture.h"

namespace device_test {
namespace {

constexpr uint32_t kRunList = hv::masked_enable(gen9::kModeRunListEnable);

struct EngineRegisters : DeviceTest {
  uint32_t reg(EngineId e, uint32_t rel) { return gen9::engine_reg(e, rel); }
};

TEST_F(EngineRegisters, ElspWritesReachTheSinkInOrderAndReadZero) {
  for (EngineId e : gen9::kAllEngines)
    for (uint32_t i = 0; i < 4; ++i) w32(reg(e, gen9::rel::kElsp), 10 * index(e) + i);
  ASSERT_EQ(sink_.elsp.size(), 16u);
  EXPECT_EQ(sink_.elsp[0], std::pair(EngineId::rcs, 0u));
  EXPECT_EQ(sink_.elsp[7], std::pair(EngineId::bcs, 13u));
  EXPECT_EQ(r32(reg(EngineId::bcs, gen9::rel::kElsp)), 0u);
}

TEST_F(EngineRegisters, RunListEnableIsReportedOnceTheGuestKnowsItsHost) {
  see_pvinfo();
  w32(reg(EngineId::vecs, gen9::rel::kRingMode), kRunList);
  w32(reg(EngineId::vecs, gen9::rel::kRingMode), hv::masked_disable(gen9::kModeRunListEnable));
  EXPECT_EQ(sink_.ring_modes, (std::vector<std::pair<EngineId, bool>>{{EngineId::vecs, true},
                                                                      {EngineId::vecs, false}}));
  EXPECT_TRUE(sink_.failsafes.empty());
}

TEST_F(EngineRegisters, RunListOrPpgttBeforePvinfoIsFailsafe) {
  w32(0x229c, kRunList);
  w32(0x1229c, hv::masked_enable(gen9::kModePpgttEnable));
  EXPECT_EQ(sink_.failsafes, std::vector(2, FailsafeReason::guest_not_vgpu_aware));
  EXPECT_TRUE(sink_.ring_modes.empty());
}

TEST_F(EngineRegisters, RingModeBitsOfOtherInterfacesAreStrippedAndFailsafe) {
  see_pvinfo();
  w32(0x229c, hv::masked_enable(hv::bit(1)));
  EXPECT_TRUE(sink_.failsafes.empty()) << "bit 1 matters on Coffee Lake only";
  w32(0x229c, hv::masked_enable(hv::bit(0) | gen9::kModeRunListEnable));
  EXPECT_EQ(sink_.failsafes, std::vector(1, FailsafeReason::bad_ring_mode));
  EXPECT_EQ(r32(0x229c), gen9::kModeRunListEnable | hv::bit(1));

  config_.device_id = 0x3e92;
  make(mediator::VgpuConfig(config_));
  see_pvinfo();
  w32(0x229c, hv::masked_enable(hv::bit(1)));
  EXPECT_EQ(sink_.failsafes, std::vector(1, FailsafeReason::bad_ring_mode));
  EXPECT_EQ(r32(0x229c), 0u);
}

TEST_F(EngineRegisters, StatusPageMustLieInAWindow) {
  const auto high = static_cast<uint32_t>(config_.windows.high_base);
  w32(0x2080, high);
  w32(0x2080, 0);
  EXPECT_EQ(sink_.status_pages, (std::vector<std::pair<EngineId, uint32_t>>{{EngineId::rcs, high},
                                                                            {EngineId::rcs, 0}}));
  EXPECT_TRUE(sink_.failsafes.empty());
  w32(0x2080, static_cast<uint32_t>(config_.windows.low_bytes));
  EXPECT_EQ(sink_.failsafes, std::vector(1, FailsafeReason::bad_status_page));
  EXPECT_EQ(r32(0x2080), 0u);
  EXPECT_EQ(dev().counts().refused_writes, 1u);
}

TEST_F(EngineRegisters, ResetControlIsReadyAtOnce) {
  w32(0x120d0, hv::masked_enable(gen9::kResetRequest));
  EXPECT_EQ(r32(0x120d0), gen9::kResetRequest | gen9::kResetReady);
  w32(0x120d0, hv::masked_disable(gen9::kResetRequest));
  EXPECT_EQ(r32(0x120d0), 0u);
}

TEST_F(EngineRegisters, FullResetRestoresTheGtAndSparesTheDisplay) {
  w32(0x2030, 0x100);
  w32(0x7004, 0xffff0040);
  w32(0x60000, 0x12345678);
  w32(0x44304, 0x55);
  w32(gen9::kGdrst, gen9::kGdrstFull);
  EXPECT_EQ(sink_.resets, (std::vector<std::pair<gen9::EngineMask, bool>>{{0xf, true}}));
  EXPECT_EQ(r32(gen9::kGdrst), 0u);
  EXPECT_EQ(r32(0x2030), 0u);
  EXPECT_EQ(r32(0x7004), 0u);
  EXPECT_EQ(r32(0x60000), 0x12345678u);
  EXPECT_EQ(r32(0x44304), 0x55u);
  EXPECT_EQ(dev().mmio_read(0x78000, 8), mediator::pvinfo::kMagic);
}

TEST_F(EngineRegisters, EngineResetTouchesThoseEnginesOnly) {
  for (EngineId e : gen9::kAllEngines) w32(reg(e, gen9::rel::kRingHead), 0x40);
  w32(gen9::kGdrst, 1u << 3 | 1u << 4 | 1u << 7);  // BCS, VECS, and a VCS2 that is not there
  const auto mask = static_cast<gen9::EngineMask>(gen9::engine_bit(EngineId::bcs) |
                                                  gen9::engine_bit(EngineId::vecs));
  EXPECT_EQ(sink_.resets, (std::vector<std::pair<gen9::EngineMask, bool>>{{mask, false}}));
  EXPECT_EQ(r32(0x22034), 0u);
  EXPECT_EQ(r32(0x1a034), 0u);
  EXPECT_EQ(r32(0x2034), 0x40u);
  w32(gen9::kGdrst, 1u << 5);  // GuC alone resets nothing of ours
  EXPECT_EQ(sink_.resets.size(), 1u);
}

TEST_F(EngineRegisters, NonprivSlotsTakeOnlyListedRegisters) {
  w32(0x24d0, 0x2248);
  w32(0x24d4, 0x2094);  // the engine's own NOPID
  w32(0x24d8, 0x2348 | 1u << 28 | 1);
  w32(0x24dc, 0x2030);
  w32(0x24e0, 0x2580 | 3);  // a range of 64 registers would open its neighbours
  EXPECT_EQ(r32(0x24d0), 0x2248u);
  EXPECT_EQ(r32(0x24d4), 0x2094u);
  EXPECT_EQ(r32(0x24d8), 0x2348u | 1u << 28 | 1);
  EXPECT_EQ(r32(0x24dc), 0u);
  EXPECT_EQ(r32(0x24e0), 0u);
  EXPECT_EQ(dev().counts().refused_writes, 2u);
}

TEST_F(EngineRegisters, ForcewakeIsAcknowledged) {
  for (auto [reg, ack] : {std::pair{0xa278u, 0xd84u}, {0xa188u, 0x130044u}, {0xa270u, 0xd88u}}) {
    w32(reg, hv::masked_enable(1));
    EXPECT_EQ(r32(ack), 1u);
    w32(reg, hv::masked_disable(1));
    EXPECT_EQ(r32(ack), 0u);
    w32(ack, 0xffffffff);
    EXPECT_EQ(r32(ack), 0u);
  }
}

TEST_F(EngineRegisters, TlbInvalidationsReachTheirEngineAndAreDone) {
  for (uint32_t at : {0x4260u, 0x4264u, 0x4268u, 0x426cu, 0x4270u}) {
    w32(at, 1);
    EXPECT_EQ(r32(at), 0u);
  }
  EXPECT_EQ(sink_.tlb, (std::vector{EngineId::rcs, EngineId::vcs, EngineId::bcs, EngineId::vecs}));
}

TEST_F(EngineRegisters, FencesBeyondTheGuestsOwnReadZero) {
  see_pvinfo();
  dev().mmio_write(gen9::kFence0 + 8 * 3, 8, 0x1122334455667789);
  dev().mmio_write(gen9::kFence0 + 8 * 4, 8, 0x1122334455667789);
  EXPECT_EQ(dev().fence(3), 0x1122334455667789u);
  EXPECT_EQ(dev().fence(4), 0u);
  EXPECT_EQ(dev().fence(1000), 0u);
  EXPECT_EQ(dev().mmio_read(gen9::kFence0 + 8 * 4, 8), 0u);
  EXPECT_TRUE(sink_.failsafes.empty());
}

TEST_F(EngineRegisters, AForeignFenceBeforePvinfoIsFailsafe) {
  w32(gen9::kFence0 + 8 * 4, 1);
  EXPECT_EQ(sink_.failsafes, std::vector(1, FailsafeReason::bad_fence));
}

TEST_F(EngineRegisters, PreemptionGranularityBitsAreFailsafe) {
  w32(0x220d4, hv::masked_enable(0x8 | 0x1));
  EXPECT_EQ(sink_.failsafes.size(), 1u);
  EXPECT_EQ(r32(0x220d4), 1u);
}

TEST_F(EngineRegisters, SixtyFourKilobytePagesAreAllOrNothing) {
  w32(0x4080, 0x3);
  EXPECT_EQ(r32(0x4080), 0u);
  w32(0x4080, 0xf);
  EXPECT_EQ(r32(0x4080), 0xfu);
}

TEST_F(EngineRegisters, LiveRegistersAskTheGpu) {
  sink_.live = 77;
  EXPECT_EQ(r32(0x2358), 77u);
  w32(0x2358, 1);
  EXPECT_EQ(r32(0x2358), 77u);
}

TEST_F(EngineRegisters, MiModeAlwaysReadsIdle) {
  w32(0x209c, 0xffff0000);
  EXPECT_EQ(r32(0x209c), gen9::kMiModeIdle);
}

TEST_F(EngineRegisters, ContextStatusIsForTheHostToWrite) {
  w32(0x2370, 0xdead);
  w32(0x2234, 0xdead);
  EXPECT_EQ(r32(0x2370), 0u);
  dev().registers().set(0x2370, 5);
  EXPECT_EQ(r32(0x2370), 5u);
  w32(0x23a0, 0xffff0505);
  EXPECT_EQ(r32(0x23a0), 0x505u);
}

TEST_F(EngineRegisters, FailsafeMakesWritesPlainMemory) {
  dev().set_failsafe(true);
  w32(0x2230, 1);
  w32(gen9::kGdrst, 1);
  w32(0x2370, 9);
  EXPECT_TRUE(sink_.elsp.empty());
  EXPECT_TRUE(sink_.resets.empty());
  EXPECT_EQ(r32(gen9::kGdrst), 1u);
  EXPECT_EQ(r32(0x2370), 9u);
  dev().set_failsafe(false);
  dev().reset(true);
  EXPECT_EQ(r32(gen9::kGdrst), 0u);
}

TEST_F(EngineRegisters, PcodeAnswersAtOnce) {
  const auto ask = [&](uint32_t command, uint32_t data) {
    w32(0x138128, data);
    w32(0x138124, 0x80000000 | command);
    EXPECT_EQ(r32(0x138124) & 0x800000ff, 0u);
    return r32(0x138128);
  };
  EXPECT_EQ(ask(6, 0), 0x1e1a1100u);
  EXPECT_EQ(ask(6, 1), 0x61514b3du);
  EXPECT_EQ(ask(7, 3), 1u);
  EXPECT_EQ(ask(5, 0x10), 0x11u);
  EXPECT_EQ(ask(0x21, 0), 1u);  // system agent voltage scaling is disabled
  EXPECT_EQ(ask(0x21, 3), 0u);
  EXPECT_EQ(ask(9, 0x1234), 0x1234u);
}

TEST_F(EngineRegisters, FusesFollowTheDeviceId) {
  EXPECT_EQ(r32(0x9120), 0x02800000u);
  config_.device_id = 0x193b;  // GT4: three slices
  make(mediator::VgpuConfig(config_));
  EXPECT_EQ(r32(0x9120), 0x0e800000u);
  config_.device_id = 0x1902;  // GT1: two subslices of six units
  make(mediator::VgpuConfig(config_));
  EXPECT_EQ(r32(0x9120), 0x02c00000u);
  EXPECT_EQ(r32(0x9134), 0xc0c0u);
  w32(gen9::kGdrst, 1);
  EXPECT_EQ(r32(0x9134), 0xc0c0u);
}

TEST_F(EngineRegisters, CommandWritesKeepMasksAndHooks) {
  dev().command_write(0x7004, 0x00400040);
  dev().command_write(0x24d0, 0x2030);
  EXPECT_EQ(r32(0x7004), 0x40u);
  EXPECT_EQ(r32(0x24d0), 0u);
}

struct Pvinfo : DeviceTest {};

TEST_F(Pvinfo, TellsTheGuestWhatItHas) {
  EXPECT_FALSE(dev().pvinfo_seen());
  EXPECT_EQ(dev().mmio_read(0x78000, 8), 0x4776544776544776u);
  EXPECT_TRUE(dev().pvinfo_seen());
  EXPECT_EQ(dev().mmio_read(0x78008, 2), 1u);
  EXPECT_EQ(dev().mmio_read(0x7800a, 2), 0u);
  EXPECT_EQ(r32(0x78010), 0x1cu);
  EXPECT_EQ(r32(0x78040), config_.windows.low_base);
  EXPECT_EQ(r32(0x78044), config_.windows.low_bytes);
  EXPECT_EQ(r32(0x78048), config_.windows.high_base);
  EXPECT_EQ(r32(0x7804c), config_.windows.high_bytes);
  EXPECT_EQ(r32(0x78050), config_.fences);
  w32(0x78010, 0xffffffff);
  EXPECT_EQ(r32(0x78010), 0x1cu);
}

TEST_F(Pvinfo, HugePagesAreOptional) {
  config_.huge_pages = false;
  make(mediator::VgpuConfig(config_));
  EXPECT_EQ(r32(0x78010), 0x0cu);
}

TEST_F(Pvinfo, NotifyCarriesTheRoots) {
  w32(0x78838, 0x12345000);
  w32(0x7883c, 0x1);
  w32(0x78818, 4);
  w32(0x78818, 6);
  w32(0x78818, 5);
  ASSERT_EQ(sink_.notifies.size(), 2u) << "6 and 7 ask for nothing";
  EXPECT_EQ(sink_.notifies[0].first, 4u);
  EXPECT_EQ(sink_.notifies[0].second[0], 0x112345000u);
  EXPECT_EQ(sink_.notifies[1].first, 5u);
}

TEST_F(Pvinfo, AReportOfTooFewResourcesIsFailsafe) {
  w32(0x78810, 1);
  EXPECT_EQ(sink_.failsafes, std::vector(1, FailsafeReason::insufficient_resources));
}

TEST_F(Pvinfo, TrappedPagesAreTheOnesWithClocksAndSideEffects) {
  const std::vector<std::pair<uint32_t, uint32_t>> expected{
      {0x2000, 0x1000},  {0x22000, 0x1000}, {0x12000, 0x1000}, {0x1a000, 0x1000}, {0x70000, 0x1000},
      {0x71000, 0x1000}, {0x72000, 0x1000}, {0x78000, 0x1000}, {0xc5000, 0x1000}};
  EXPECT_EQ(dev().trapped_pages(), expected);
}

}  // namespace
}  // namespace device_test

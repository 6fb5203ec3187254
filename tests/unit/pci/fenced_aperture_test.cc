// SPDX-License-Identifier: MIT
// Parts of the GPU's aperture for guests' tiled memory: entries, fences, and what is left of them.
#include "dom0/gpu/pci/fenced_aperture.h"

#include <gtest/gtest.h>

#include "shadow/gen9/pte.h"
#include "shadow/gen9/tiling.h"
#include "tests/fake/fake_device.h"

namespace {

constexpr uint64_t kBar2 = 0xc000'0000, kBytes = 1 << 20;
constexpr uint64_t kGuests = uint64_t{0x777} << 44 | uint64_t{15} << 32 | 0x555'5000 | 3;

struct FencedApertureTest : testing::Test {
  fake::FakeDevice device;
  gpu::Driver driver{device,
                     {.ggtt_bytes = uint64_t{16} << 20, .silicon = true, .fenced_bytes = kBytes}};
  gpu::pci::FencedAperture aperture{driver, kBar2, kBytes};

  void SetUp() override {
    device.regs[gen9::kFence0 + 8] = 1;
    ASSERT_TRUE(driver.start().ok());
    device.executes = false;
    device.writes.clear();
  }
  uint64_t fence(unsigned n) {
    const uint32_t at = gen9::kFence0 + 8 * n;
    return device.regs[at] | uint64_t{device.regs[at + 4]} << 32;
  }
  hv::Result<hv::BusFrame> take(uint64_t pages) {
    std::vector<hv::BusFrame> frames;
    for (uint64_t i = 0; i < pages; ++i) frames.emplace_back(0x9000 + 2 * i);
    return aperture.take(frames, kGuests);
  }
};

TEST_F(FencedApertureTest, APartLeadsToItsFramesThroughAFenceOfItsOwn) {
  const auto first = take(3);
  ASSERT_TRUE(first.ok());
  const uint64_t page = first->v - (kBar2 >> 12);
  EXPECT_GE(page, gpu::kOwnGgttBytes >> 12);
  EXPECT_LE(page + 3, driver.gpu_info().ggtt_free_base >> 12);
  for (uint64_t i = 0; i < 3; ++i)
    EXPECT_EQ(device.ggtt[page + i], (0x9000 + 2 * i) << 12 | gen9::kPtePresent);
  const auto f = gen9::decode_fence(fence(0));
  ASSERT_TRUE(f.has_value());
  EXPECT_EQ(f->start, page << 12) << "not where the guest says";
  EXPECT_EQ(f->end, (page + 3) << 12);
  EXPECT_EQ(f->pitch, 16u * 128);
  EXPECT_EQ(f->tiling, gen9::Tiling::y);
  EXPECT_EQ(device.written(gen9::kGfxFlushCntl).size(), 1u);
}
TEST_F(FencedApertureTest, WhatIsGivenBackLeadsNowhere) {
  const auto first = take(3);
  ASSERT_TRUE(take(2).ok());
  ASSERT_TRUE(aperture.give_back(*first));
  EXPECT_EQ(fence(0) & gen9::fence::kValid, 0u);
  EXPECT_NE(fence(1) & gen9::fence::kValid, 0u);
  for (uint64_t i = 0; i < 3; ++i)
    EXPECT_EQ(device.ggtt[first->v - (kBar2 >> 12) + i], device.ggtt[0]) << "scratch";
  EXPECT_FALSE(aperture.give_back(*first)) << "it is nobody's";
  EXPECT_EQ(take(3)->v, first->v);
}
TEST_F(FencedApertureTest, IsBoundedByItsFencesAndItsRoom) {
  EXPECT_FALSE(take(kBytes / 4096 + 1).ok());
  for (unsigned n = 0; n < gen9::kFences; ++n) ASSERT_TRUE(take(1).ok());
  EXPECT_EQ(take(1).error(), hv::Error::no_memory);
}
TEST_F(FencedApertureTest, HandsOutNothingWhereSomebodyMayHaveKeptAMapping) {
  const auto first = take(3);
  aperture.stop();
  EXPECT_EQ(take(1).error(), hv::Error::not_supported);
  EXPECT_TRUE(aperture.give_back(*first));
}
TEST_F(FencedApertureTest, AFenceOfALastOwnersIsGone) {
  EXPECT_EQ(fence(1) & gen9::fence::kValid, 0u);
}
TEST_F(FencedApertureTest, FencesAreThereAgainAfterAFullReset) {
  ASSERT_TRUE(take(2).ok());
  const uint64_t before = fence(0);
  device.regs[gen9::kFence0] = 0;
  device.stuck.insert(gen9::kGdrst);
  device.stuck_resets = gen9::info(gen9::EngineId::rcs).reset_bit;
  ASSERT_TRUE(driver.reset_engine(gen9::EngineId::rcs).ok());
  EXPECT_EQ(fence(0), before);
}
TEST_F(FencedApertureTest, AFenceIsNeverOfTwoHalvesThatDoNotBelongTogether) {
  ASSERT_TRUE(take(2).ok());
  bool valid = false;
  for (const auto& [offset, value] : device.writes) {
    if (offset == gen9::kFence0) valid = value & 1;
    if (offset == gen9::kFence0 + 4) {
      EXPECT_FALSE(valid);
    }
  }
  EXPECT_TRUE(valid);
}
TEST_F(FencedApertureTest, AGpuThatDoesNotForgetKeepsThePart) {
  const auto first = take(2);
  const uint64_t d = uint64_t{5} << 32 | 0x100119;
  ASSERT_TRUE(driver.submit(gen9::EngineId::bcs, {&d, 1}).ok());
  device.stuck.insert(gen9::info(gen9::EngineId::bcs).tlb_reg);
  EXPECT_FALSE(aperture.give_back(*first));
  EXPECT_TRUE(driver.wedged());
  EXPECT_FALSE(take(1).ok());
}

}  // namespace

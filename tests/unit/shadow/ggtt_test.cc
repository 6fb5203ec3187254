// SPDX-License-Identifier: MIT
// A guest's GGTT: windows, half writes, translation, operand slots.
#include "shadow/ggtt.h"

#include <gtest/gtest.h>

#include "shadow/gen9/pte.h"
#include "tests/fake/fake_domain.h"
#include "tests/fake/fake_gpu_memory.h"

namespace shadow {
namespace {

using hv::Gfn;
using hv::GmAddr;
constexpr uint64_t kPage = hv::kPageSize;
constexpr uint64_t kLow = 0x10000, kHigh = 0x100000;

struct GgttTest : testing::Test {
  fake::FakeDomain domain;
  fake::FakeGpuMemory gpu;
  GgttSpace space{0x40'0000, 4096 * kPage};
  Retired retired{gpu, space};
  std::vector<std::byte> entries = std::vector<std::byte>(8192 * 8);
  Ggtt ggtt{
      domain, gpu, space, retired, hv::VgpuId{1}, entries, {kLow, 16 * kPage, kHigh, 2048 * kPage}};

  static uint64_t pte(uint64_t gfn) { return gfn << 12 | gen9::kPtePresent; }
  void set(uint64_t address, uint64_t entry) { ggtt.write_entry(address >> 12 << 3, 8, entry); }
  uint64_t seen(GmAddr host) { return gpu.ggtt_entry(host.v >> 12); }
  static uint64_t host_pte(uint64_t gfn) {
    return hv::bus_address(fake::FakeDomain::frame_of(Gfn{gfn})) | gen9::kPtePresent;
  }
};

TEST_F(GgttTest, EntriesInsideTheWindowsAreReadBackAndTranslate) {
  set(kLow, pte(5));
  set(kHigh + 2047 * kPage, pte(6));
  EXPECT_EQ(ggtt.read_entry(kLow >> 9, 8), pte(5));
  EXPECT_EQ(hv::load<uint64_t>(entries.data() + (kLow >> 9)), pte(5));
  EXPECT_EQ(*ggtt.translate(GmAddr{kLow + 0xfff}), Gfn{5});
  EXPECT_EQ(*ggtt.translate(GmAddr{kHigh + 2047 * kPage}), Gfn{6});
  EXPECT_EQ(ggtt.counts().writes, 2u);
}

TEST_F(GgttTest, EntriesOutsideTheWindowsAreDropped) {
  for (const uint64_t at : {kLow - kPage, kLow + 16 * kPage, kHigh - kPage, kHigh + 2048 * kPage,
                            8192 * kPage, uint64_t{1} << 60}) {
    set(at, pte(5));
    EXPECT_EQ(ggtt.read_entry(at >> 9, 8), 0u);
    EXPECT_FALSE(ggtt.translate(GmAddr{at}).ok());
  }
  EXPECT_EQ(ggtt.counts().refused, 6u);
  EXPECT_EQ(ggtt.counts().writes, 0u);
}

TEST_F(GgttTest, OddAccessesAreRefused) {
  ggtt.write_entry(kLow >> 9, 2, 1);
  ggtt.write_entry((kLow >> 9) + 4, 8, pte(5));
  ggtt.write_entry((kLow >> 9) + 2, 4, pte(5));
  EXPECT_EQ(ggtt.counts().refused, 3u);
  EXPECT_EQ(ggtt.read_entry(kLow >> 9, 8), 0u);
  EXPECT_EQ(ggtt.read_entry((kLow >> 9) + 4, 8), 0u);
}

TEST_F(GgttTest, AnEntryInTwoHalvesTakesEffectWithTheSecond) {
  const uint64_t at = kLow >> 9, big = uint64_t{1} << 33 | 7 << 12 | 1;
  for (const bool high_first : {false, true}) {
    set(kLow, pte(5));
    const unsigned first = high_first ? 4 : 0;
    ggtt.write_entry(at + first, 4, big >> (first * 8));
    EXPECT_EQ(*ggtt.translate(GmAddr{kLow}), Gfn{5});
    ggtt.write_entry(at + (first ^ 4), 4, big >> ((first ^ 4) * 8));
    EXPECT_EQ(*ggtt.translate(GmAddr{kLow}), Gfn{big >> 12});
  }
}

TEST_F(GgttTest, AHalfThatClearsPresentTakesEffectAtOnce) {
  set(kLow, pte(5));
  ggtt.write_entry(kLow >> 9, 4, 0);
  EXPECT_FALSE(ggtt.translate(GmAddr{kLow}).ok());
}

TEST_F(GgttTest, AWholeWriteEndsAHalfWrite) {
  set(kLow, pte(5));
  ggtt.write_entry(kLow >> 9, 4, pte(6));
  set(kLow, pte(7));
  EXPECT_EQ(*ggtt.translate(GmAddr{kLow}), Gfn{7});
  ggtt.write_entry(kLow >> 9, 4, pte(8));
  EXPECT_EQ(*ggtt.translate(GmAddr{kLow}), Gfn{7});
}

TEST_F(GgttTest, HalfWritesAreBounded) {
  for (uint64_t i = 0; i < 40; ++i) ggtt.write_entry((kHigh >> 9) + i * 8, 4, pte(i + 1));
  EXPECT_EQ(*ggtt.translate(GmAddr{kHigh}), Gfn{1});
  EXPECT_FALSE(ggtt.translate(GmAddr{kHigh + 39 * kPage}).ok());
}

TEST_F(GgttTest, TheCpuReadsAndWritesThroughTheEntries) {
  set(kLow, pte(9));
  set(kLow + kPage, pte(3));
  std::vector<std::byte> in(200, std::byte{0x42}), out(200);
  ASSERT_TRUE(ggtt.write(GmAddr{kLow + kPage - 100}, in).ok());
  ASSERT_TRUE(ggtt.read(GmAddr{kLow + kPage - 100}, out).ok());
  EXPECT_EQ(in, out);
  EXPECT_EQ(domain.peek<uint8_t>(9 * kPage + 0xfff), 0x42);
  EXPECT_EQ(domain.peek<uint8_t>(3 * kPage + 99), 0x42);
}

TEST_F(GgttTest, AWriteThatCannotBeWholeWritesNothing) {
  set(kLow, pte(9));
  std::vector<std::byte> in(200, std::byte{0x42});
  EXPECT_FALSE(ggtt.write(GmAddr{kLow + kPage - 100}, in).ok());
  set(kLow + kPage, pte(uint64_t{1} << 30));
  EXPECT_FALSE(ggtt.write(GmAddr{kLow + kPage - 100}, in).ok());
  EXPECT_EQ(domain.peek<uint8_t>(9 * kPage + 0xfff), 0);
  EXPECT_FALSE(ggtt.read(GmAddr{~uint64_t{0} - 10}, in).ok());
}

TEST_F(GgttTest, AnOperandGetsASlotOfItsOwn) {
  set(kLow, pte(5));
  const GmAddr host = *ggtt.host_address(GmAddr{kLow + 0x40}, 8);
  EXPECT_NE(host.v, kLow + 0x40);
  EXPECT_EQ(host.v & 0xfff, 0x40u);
  EXPECT_EQ(seen(host), host_pte(5));
  EXPECT_EQ(domain.pins(Gfn{5}), 1u);
  EXPECT_EQ(ggtt.host_address(GmAddr{kLow + 0x80}, 4)->v, host.v + 0x40);
  EXPECT_EQ(*ggtt.guest_address(host), GmAddr{kLow + 0x40});
  EXPECT_FALSE(ggtt.guest_address(GmAddr{host.v + kPage}).has_value());
  EXPECT_FALSE(ggtt.guest_address(GmAddr{0}).has_value());
  EXPECT_EQ(ggtt.counts().slots, 1u);
  EXPECT_TRUE(retired.pending());
}

TEST_F(GgttTest, AnOperandOverTwoPagesIsContiguous) {
  set(kLow, pte(5));
  set(kLow + kPage, pte(99));
  (void)ggtt.host_address(GmAddr{kLow + kPage}, 4);
  const GmAddr host = *ggtt.host_address(GmAddr{kLow + kPage - 4}, 8);
  EXPECT_EQ(seen(host), host_pte(5));
  EXPECT_EQ(seen(GmAddr{host.v + 4}), host_pte(99));
  EXPECT_EQ(ggtt.guest_address(GmAddr{host.v + 4})->v, kLow + kPage);
}

TEST_F(GgttTest, OperandsOfNothingAreRefused) {
  set(kLow, pte(5));
  EXPECT_FALSE(ggtt.host_address(GmAddr{kLow + kPage - 4}, 8).ok());
  EXPECT_FALSE(ggtt.host_address(GmAddr{kLow}, 0).ok());
  EXPECT_FALSE(ggtt.host_address(GmAddr{kLow}, 0xffff'ffff).ok());
  EXPECT_FALSE(ggtt.host_address(GmAddr{~uint64_t{0}}, 4).ok());
  set(kLow, pte(uint64_t{1} << 30));
  EXPECT_EQ(ggtt.host_address(GmAddr{kLow}, 4).error(), hv::Error::bad_address);
  EXPECT_EQ(ggtt.counts().slots, 0u);
  EXPECT_TRUE(gpu.ggtt.empty());
}

TEST_F(GgttTest, AChangedEntryMovesALiveSlotAndKeepsTheOldFrameUntilInvalidation) {
  set(kLow, pte(5));
  const GmAddr host = *ggtt.host_address(GmAddr{kLow}, 8);
  ASSERT_TRUE(retired.flush().ok());
  set(kLow, pte(6));
  EXPECT_EQ(seen(host), host_pte(6));
  EXPECT_EQ(domain.pins(Gfn{5}), 1u);
  EXPECT_TRUE(retired.pending());
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(domain.pins(Gfn{5}), 0u);
  EXPECT_EQ(domain.pins(Gfn{6}), 1u);
}

TEST_F(GgttTest, AClearedEntryOfALiveSlotBecomesScratchAndComesBack) {
  set(kLow, pte(5));
  const GmAddr host = *ggtt.host_address(GmAddr{kLow}, 8);
  set(kLow, 0);
  const uint64_t scratch = seen(host);
  ASSERT_EQ(gpu.pages.count(scratch >> 12), 1u);
  EXPECT_EQ(gpu.pages[scratch >> 12].use, PageUse::scratch);
  EXPECT_FALSE(ggtt.host_address(GmAddr{kLow}, 8).ok());
  set(kLow, pte(7));
  EXPECT_EQ(ggtt.host_address(GmAddr{kLow}, 8)->v, host.v);
  EXPECT_EQ(seen(host), host_pte(7));
}

TEST_F(GgttTest, AChangedEntryDropsASlotNobodyUses) {
  set(kLow, pte(5));
  const GmAddr host = *ggtt.host_address(GmAddr{kLow}, 8);
  ggtt.release_operands();
  set(kLow, pte(6));
  EXPECT_EQ(seen(host), 0u);
  EXPECT_EQ(ggtt.counts().slots, 0u);
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(domain.total_pins(), 0u);
}

TEST_F(GgttTest, SlotsAreBoundedAndTheLeastRecentlyUsedGoesFirst) {
  for (uint64_t i = 0; i < 1025; ++i) set(kHigh + i * kPage, pte(i));
  for (uint64_t i = 0; i < 1024; ++i) {
    ASSERT_TRUE(ggtt.host_address(GmAddr{kHigh + i * kPage}, 4).ok());
  }
  EXPECT_EQ(ggtt.host_address(GmAddr{kHigh + 1024 * kPage}, 4).error(), hv::Error::no_memory);
  ggtt.release_operands();
  const GmAddr kept = *ggtt.host_address(GmAddr{kHigh}, 4);
  ASSERT_TRUE(ggtt.host_address(GmAddr{kHigh + 1024 * kPage}, 4).ok());
  EXPECT_EQ(ggtt.counts().slots, 1024u);
  EXPECT_EQ(ggtt.counts().slot_evictions, 1u);
  EXPECT_EQ(ggtt.guest_address(kept)->v, kHigh);
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(domain.pins(Gfn{1}), 0u);
  EXPECT_EQ(domain.pins(Gfn{0}), 1u);
}

TEST_F(GgttTest, AFullGgttEvictsAndInvalidates) {
  GgttSpace tight{0x100'0000, 4 * kPage};
  Retired parked{gpu, tight};
  Ggtt small{
      domain, gpu, tight, parked, hv::VgpuId{1}, entries, {kLow, 16 * kPage, kHigh, 2048 * kPage}};
  for (uint64_t i = 0; i < 8; ++i) {
    small.write_entry((kLow >> 9) + i * 8, 8, pte(i + 1));
    ASSERT_TRUE(small.host_address(GmAddr{kLow + i * kPage}, 4).ok()) << i;
    small.release_operands();
  }
  EXPECT_LE(small.counts().slots, 4u);
  EXPECT_GE(gpu.invalidations, 1u);
}

TEST_F(GgttTest, ResetForgetsEverything) {
  set(kLow, pte(5));
  ggtt.write_entry((kLow >> 9) + 8, 4, pte(1));
  (void)ggtt.host_address(GmAddr{kLow}, 8);
  ggtt.reset();
  EXPECT_FALSE(ggtt.translate(GmAddr{kLow}).ok());
  EXPECT_EQ(ggtt.read_entry((kLow >> 9) + 8, 8), 0u);
  EXPECT_TRUE(gpu.ggtt.empty());
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(domain.total_pins(), 0u);
  EXPECT_EQ(space.free_pages(), 4096u);
  EXPECT_EQ(domain.wrong_unpins + gpu.violations, 0u);
}

}  // namespace
}  // namespace shadow

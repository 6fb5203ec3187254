// SPDX-License-Identifier: MIT
#include "shadow/gen9/tiling.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "dom0/gpu/model/fences.h"
#include "tests/fake/fake_graphics_memory.h"

namespace {

using gen9::Tiling;

/// FENCE: pages [first, last], pitch in bytes.
constexpr uint64_t fence(uint64_t first, uint64_t last, uint64_t pitch, bool y) {
  return 1 | uint64_t{y} << 1 | first << 12 | (pitch / 128 - 1) << 32 | last << 44;
}

TEST(Tiling, EveryByteOfATileHasItsOwnPlace) {
  for (Tiling t : {Tiling::x, Tiling::y}) {
    const uint32_t pitch = 2 * gen9::tile_width(t);
    std::set<uint64_t> places;
    for (uint32_t y = 0; y < gen9::tile_rows(t); ++y) {
      for (uint32_t x = 0; x < pitch; ++x) places.insert(gen9::tiled_offset(t, pitch, x, y));
    }
    EXPECT_EQ(places.size(), 2 * gen9::kTileBytes);
    EXPECT_EQ(*places.rbegin(), 2 * gen9::kTileBytes - 1);
  }
}

TEST(Tiling, KnownPlaces) {
  EXPECT_EQ(gen9::tiled_offset(Tiling::x, 1024, 0, 1), 512u);
  EXPECT_EQ(gen9::tiled_offset(Tiling::x, 1024, 512, 0), 4096u);
  EXPECT_EQ(gen9::tiled_offset(Tiling::x, 1024, 3, 8), 8192u + 3);
  EXPECT_EQ(gen9::tiled_offset(Tiling::y, 256, 0, 1), 16u);
  EXPECT_EQ(gen9::tiled_offset(Tiling::y, 256, 16, 0), 512u);
  EXPECT_EQ(gen9::tiled_offset(Tiling::y, 256, 128, 0), 4096u);
  EXPECT_EQ(gen9::tiled_offset(Tiling::y, 256, 1, 33), 8192u + 16 + 1);
}

TEST(Tiling, RunsCoverARowOnce) {
  for (Tiling t : {Tiling::linear, Tiling::x, Tiling::y}) {
    std::vector<uint64_t> places;
    gen9::for_each_run(t, 1024, 5, 9, 700, [&](uint64_t offset, uint32_t done, uint32_t n) {
      EXPECT_EQ(done, places.size());
      for (uint32_t i = 0; i < n; ++i) places.push_back(offset + i);
    });
    ASSERT_EQ(places.size(), 700u);
    for (uint32_t i = 0; i < 700; ++i) {
      EXPECT_EQ(places[i], gen9::tiled_offset(t, 1024, 5 + i, 9));
    }
  }
}

TEST(Fence, DecodesItsFields) {
  const auto f = gen9::decode_fence(fence(0x100, 0x1ff, 1024, false));
  ASSERT_TRUE(f);
  EXPECT_EQ(f->start, 0x100000u);
  EXPECT_EQ(f->end, 0x200000u);
  EXPECT_EQ(f->pitch, 1024u);
  EXPECT_EQ(f->tiling, Tiling::x);
  EXPECT_EQ(gen9::decode_fence(fence(0, 7, 128, true))->tiling, Tiling::y);
}

TEST(Fence, NonsenseIsNoFence) {
  EXPECT_FALSE(gen9::decode_fence(0));
  EXPECT_FALSE(gen9::decode_fence(fence(0x100, 0x1ff, 1024, false) & ~uint64_t{1}));
  EXPECT_FALSE(gen9::decode_fence(fence(0x200, 0x1ff, 1024, false)));
  EXPECT_FALSE(gen9::decode_fence(fence(0x100, 0x1ff, 640, false))) << "not whole tiles";
}

struct ApertureTest : testing::Test {
  static constexpr uint64_t kStart = 0x3000;
  fake::FakeGraphicsMemory memory{0, 0x10000};
  std::vector<uint64_t> fences = std::vector<uint64_t>(32);
};

TEST_F(ApertureTest, UnfencedAccessIsPlain) {
  std::mt19937 random(1);
  memory.randomise(random);
  std::vector<std::byte> got(0x5000);
  gpu::model::read_aperture(fences, 0x123, got, memory);
  EXPECT_TRUE(std::equal(got.begin(), got.end(), memory.bytes().begin() + 0x123));
  EXPECT_EQ(memory.accesses, 1u);
}

TEST_F(ApertureTest, FencedRangeLooksLinear) {
  for (bool y : {false, true}) {
    const uint32_t pitch = 1024;
    fences[7] = fence(kStart >> 12, (kStart >> 12) + 7, pitch, y);
    const Tiling t = y ? Tiling::y : Tiling::x;
    std::mt19937 random(2);
    std::vector<std::byte> picture(0x8000);
    for (std::byte& b : picture) b = static_cast<std::byte>(random());
    gpu::model::write_aperture(fences, kStart, picture, memory);
    for (uint32_t i = 0; i < picture.size(); i += 37) {
      ASSERT_EQ(memory.at(kStart + gen9::tiled_offset(t, pitch, i % pitch, i / pitch)), picture[i]);
    }
    std::vector<std::byte> back(0x8000 - 100);
    gpu::model::read_aperture(fences, kStart + 50, back, memory);
    EXPECT_TRUE(std::equal(back.begin(), back.end(), picture.begin() + 50));
  }
}

TEST_F(ApertureTest, AccessAcrossTheFencesEdgesIsSplit) {
  fences[31] = fence(kStart >> 12, kStart >> 12, 512, false);
  std::vector<std::byte> ones(0x3000, std::byte{1});
  gpu::model::write_aperture(fences, kStart - 0x1000, ones, memory);
  for (uint64_t a = kStart - 0x1000; a < kStart + 0x2000; ++a) {
    ASSERT_EQ(memory.at(a), std::byte{1}) << a;
  }
  EXPECT_EQ(memory.at(kStart + 0x2000), std::byte{0});
  EXPECT_EQ(memory.at(kStart - 0x1001), std::byte{0});
}

}  // namespace

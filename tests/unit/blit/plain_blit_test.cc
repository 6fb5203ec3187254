// SPDX-License-Identifier: MIT
// Plain cases, written out.
#include "tests/unit/blit/blitter_world.h"

namespace blit_test {
namespace {

struct PlainBlit : testing::Test {
  fake::FakeGraphicsMemory memory{kBase, kBytes};
  gpu::model::Blitter blitter;
  uint64_t execute(std::initializer_list<uint32_t> dwords) {
    const auto* desc = gen9::find_command(gen9::EngineId::bcs, *dwords.begin());
    return desc ? blitter.execute(*desc, std::span(dwords.begin(), dwords.size()), memory) : 0;
  }
  static constexpr uint32_t kFill = 2u << 29 | 0x50u << 22 | 3u << 20 | 5;
  static constexpr uint32_t kFast = 2u << 29 | 0x42u << 22 | 8;
};

TEST_F(PlainBlit, FastCopyOfEveryDepth) {
  const std::pair<uint32_t, unsigned> depths[] = {{0, 1}, {1, 2}, {3, 4}, {4, 8}, {5, 16}};
  std::mt19937 random(1);
  for (auto [code, bytes] : depths) {
    memory.randomise(random);
    const uint64_t moved = execute({kFast, code << 24 | 256, 1u << 16 | 1, 3u << 16 | 5,
                                    uint32_t(kTarget), 0, 2u << 16 | 2, 256, uint32_t(kSource), 0});
    EXPECT_EQ(moved, 2u * 2 * 4 * bytes);
    for (unsigned row = 0; row < 2; ++row) {
      for (unsigned i = 0; i < 4 * bytes; ++i) {
        ASSERT_EQ(memory.at(kTarget + (1 + row) * 256 + bytes + i),
                  memory.at(kSource + (2 + row) * 256 + 2 * bytes + i));
      }
    }
  }
}

TEST_F(PlainBlit, FastCopyBetweenTilings) {
  std::mt19937 random(2);
  memory.randomise(random);
  // X to Y: 128 dwords of pitch in, 32 out.
  execute({kFast | 1u << 20 | 2u << 13, 3u << 24 | 32, 0, 40u << 16 | 30, uint32_t(kTarget), 0, 0,
           128, uint32_t(kSource), 0});
  const Surface from{kSource, 512, Tile::x}, to{kTarget, 128, Tile::y};
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 30; ++x) {
      ASSERT_EQ(reference::get_pixel(memory.bytes(), to, x, y, 4),
                reference::get_pixel(memory.bytes(), from, x, y, 4));
    }
  }
}

TEST_F(PlainBlit, FastCopyOfYfIsRefused) {
  EXPECT_EQ(execute({kFast | 2u << 20, 3u << 24 | 1u << 31 | 256, 0, 4u << 16 | 4,
                     uint32_t(kTarget), 0, 0, 32, uint32_t(kSource), 0}),
            0u);
  EXPECT_EQ(memory.accesses, 0u);
}

TEST_F(PlainBlit, EmptyAndInvertedRectanglesTouchNothing) {
  EXPECT_EQ(execute({kFill, 3u << 24 | 0xf0u << 16 | 256, 5u << 16 | 5, 5u << 16 | 9,
                     uint32_t(kTarget), 0, 1}),
            0u);
  EXPECT_EQ(execute({kFill, 3u << 24 | 0xf0u << 16 | 256, 9u << 16 | 9, 5u << 16 | 5,
                     uint32_t(kTarget), 0, 1}),
            0u);
  EXPECT_EQ(memory.accesses, 0u);
}

TEST_F(PlainBlit, HugeRectanglesAreBounded) {
  // 65535 x 65535 pixels, in a memory that drops everything.
  struct Nowhere final : gpu::model::GraphicsMemory {
    bool read(uint64_t, std::span<std::byte>) override { return false; }
    bool write(uint64_t, std::span<const std::byte> from) override {
      written += from.size();
      return false;
    }
    uint64_t written = 0;
  } nowhere;
  const uint32_t fill[] = {kFill, 3u << 24 | 0xf0u << 16 | 0x7fff, 0x80008000, 0x7fff7fff, 0, 0, 1};
  blitter.execute(*gen9::find_command(gen9::EngineId::bcs, fill[0]), fill, nowhere);
  EXPECT_LE(nowhere.written, gpu::model::Blitter::kMaxBytes);
  EXPECT_GT(nowhere.written, 0u);
}

TEST_F(PlainBlit, NegativePitchFillsUpwards) {
  execute(
      {kFill, 3u << 24 | 0xf0u << 16 | 0xff00, 0, 2u << 16 | 1, uint32_t(kTarget), 0, 0x11223344});
  EXPECT_EQ(hv::load<uint32_t>(&memory.at(kTarget)), 0x11223344u);
  EXPECT_EQ(hv::load<uint32_t>(&memory.at(kTarget - 256)), 0x11223344u);
  EXPECT_EQ(hv::load<uint32_t>(&memory.at(kTarget + 256)), 0u);
}

TEST_F(PlainBlit, MissingPagesLoseOnlyTheirOwnPixels) {
  memory.missing.insert(kTarget + 0x1000);
  execute({kFill, 3u << 24 | 0xf0u << 16 | 1024, 0, 12u << 16 | 256, uint32_t(kTarget), 0, ~0u});
  EXPECT_EQ(memory.at(kTarget + 0xfff), std::byte{0xff});
  EXPECT_EQ(memory.at(kTarget + 0x1000), std::byte{0});
  EXPECT_EQ(memory.at(kTarget + 0x2000), std::byte{0xff});
  EXPECT_EQ(memory.faults, 4u);
}

TEST_F(PlainBlit, FullTilesMoveInWholeColumns) {
  blitter.set_swctrl(2);
  // 32 x 32 pixels are one tile Y: eight columns of 512 bytes.
  execute({kFill | 1u << 11, 3u << 24 | 0xf0u << 16 | 32, 0, 32u << 16 | 32, uint32_t(kTarget), 0,
           0x55});
  EXPECT_EQ(memory.accesses, 8u);
}

TEST_F(PlainBlit, FixedPatternsDiffer) {
  std::map<std::vector<std::byte>, uint32_t> seen;
  for (uint32_t code : {0u, 1u, 2u, 3u, 4u, 5u, 8u, 9u, 11u}) {
    std::fill(memory.bytes().begin(), memory.bytes().end(), std::byte{0});
    execute({2u << 29 | 0x59u << 22 | code << 15 | 6, 0xf0u << 16 | 64, 0, 8u << 16 | 8,
             uint32_t(kTarget), 0, 0, 0xff});
    EXPECT_TRUE(seen.emplace(memory.bytes(), code).second) << code;
  }
}

TEST_F(PlainBlit, SetupStateSurvivesAContextSwitch) {
  execute({2u << 29 | 0x01u << 22 | 3u << 20 | 8, 3u << 24 | 0xf0u << 16 | 256, 0, 0,
           uint32_t(kTarget), 0, 1, 0xabcdef01, 0, 0});
  gpu::model::Blitter other;
  other.set_state(blitter.state());
  const uint32_t pixel[] = {2u << 29 | 0x24u << 22, 2u << 16 | 3};
  other.execute(*gen9::find_command(gen9::EngineId::bcs, pixel[0]), pixel, memory);
  EXPECT_EQ(hv::load<uint32_t>(&memory.at(kTarget + 512 + 12)), 0xabcdef01u);
}

}  // namespace
}  // namespace blit_test

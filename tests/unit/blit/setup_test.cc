// SPDX-License-Identifier: MIT
// Commands that draw with what XY_SETUP_* left.
#include "tests/unit/blit/blitter_world.h"

namespace blit_test {
namespace {

/// XY_SETUP_*: draws nothing itself, later commands take destination, colours and pattern from it.
struct SetupTest : BlitterTest {
  uint32_t br01 = 0, back = 0, fore = 0, setup_header = 0;
  void setup(uint32_t opcode, uint32_t extra_br01) {
    prepare(opcode);
    br01 = begin(any_rop()) | extra_br01;
    setup_header = dwords[0];
    back = random.word();
    fore = random.word();
    put(br01);
    put_at(blit.cx1, blit.cy1);
    put_at(blit.cx2, blit.cy2);
    put_address(blit.to.base);
    put(back);
    put(fore);
  }
  void finish_setup(uint32_t low, uint32_t high) {
    put(low);
    put(high);
    EXPECT_EQ(execute(), 0u);
    EXPECT_EQ(memory.bytes(), expected);
  }
  /// The header of a command that draws with the set-up.
  void draw(uint32_t opcode) {
    header(opcode);
    dwords[0] |= setup_header & 1u << 11;
  }
};

TEST_P(SetupTest, ScanlinesWithEitherPattern) {
  for (int i = 0; i < kRounds; ++i) {
    const uint32_t seed = some_seed();
    if (random.coin()) {
      setup(0x11, static_cast<uint32_t>(random.in(0, 1)) << 28);
      const uint32_t low = random.word(), high = random.word();
      finish_setup(low, high);
      draw(0x25);
      dwords[0] |= seed;
      mono_pattern_means(br01, back, fore, low | uint64_t{high} << 32, seed >> 12, seed >> 8 & 7);
    } else {
      setup(0x01, 0);
      finish_setup(static_cast<uint32_t>(kBits + 0x800), 0);
      draw(0x25);
      colour_pattern(pattern_memory(), seed >> 12, seed >> 8 & 7);
    }
    put_at(blit.x1, blit.y1);
    put_at(blit.x2, blit.y2);
    check();
  }
}

TEST_P(SetupTest, PixelsTakeTheForegroundColour) {
  for (int i = 0; i < kRounds; ++i) {
    setup(0x01, 0);
    finish_setup(static_cast<uint32_t>(kBits), 0);
    draw(0x24);
    put_at(blit.x1, blit.y1);
    blit.x2 = blit.x1 + 1;
    blit.y2 = blit.y1 + 1;
    solid(fore);
    check();
  }
}

TEST_P(SetupTest, TextPackedByBitOrByte) {
  for (int i = 0; i < kRounds; ++i) {
    setup(0x01, kSolid | static_cast<uint32_t>(random.in(0, 1)) << 29);
    finish_setup(0, 0);
    const bool bytes = random.coin(), immediate = random.coin();
    draw(immediate ? 0x31 : 0x26);
    if (bytes) dwords[0] |= 1u << 16;
    put_at(blit.x1, blit.y1);
    put_at(blit.x2, blit.y2);
    const int width = blit.x2 - blit.x1, pitch = bytes ? (width + 7) / 8 * 8 : width;
    if (immediate) {
      for (int n = 0; n < 200; ++n) put(static_cast<uint32_t>(n) * 0x9e3779b9u);
    } else {
      put_address(kBits);
    }
    blit.source = mono(
        [=, this](int row, int column) {
          const auto n = static_cast<size_t>(row * pitch + column);
          if (!immediate) return memory_bit(kBits, static_cast<int64_t>(n));
          if (n / 32 >= 200) return false;
          const uint32_t dword = static_cast<uint32_t>(n / 32) * 0x9e3779b9u;
          return (dword >> (n / 8 % 4 * 8) >> (7 - n % 8) & 1) != 0;
        },
        back, fore, br01 & 1u << 29);
    solid(fore);
    check();
  }
}

INSTANTIATE_TEST_SUITE_P(Random, SetupTest, testing::Range(0u, 12u));

}  // namespace
}  // namespace blit_test

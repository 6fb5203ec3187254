// SPDX-License-Identifier: MIT
// Every command that draws by itself, against the plain model.
#include "tests/unit/blit/blitter_world.h"

namespace blit_test {
namespace {

TEST_P(BlitterTest, ColorFill) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x50);
    put_target(begin(any_rop()));
    const uint32_t colour = random.word();
    put(colour);
    solid(colour);
    check();
  }
}

TEST_P(BlitterTest, SourceCopy) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x53);
    put_target(begin(any_rop()));
    colour_source();
    check();
  }
}

TEST_P(BlitterTest, OverlappingCopiesMoveAsIfThroughABuffer) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x53);
    put_target(begin(0xcc));
    const Surface same = blit.to;
    if (same.tile != Tile::linear) dwords[0] |= 1u << 15;
    if (same.tile == Tile::y) swctrl |= 1;
    const int sx = std::max(blit.x1 + random.in(-3, 3), 0);
    const int sy = std::max(blit.y1 + random.in(-40, 40), 0);
    if (same.tile == Tile::y && (sx + blit.x2 - blit.x1) * int(blit.cpp) > same.pitch) continue;
    put_at(sx, sy);
    put(pitch_field(same));
    put_address(same.base);
    blit.source = [=, this](int x, int y) {
      return std::pair(
          reference::get_pixel(before, same, x - blit.x1 + sx, y - blit.y1 + sy, blit.cpp), true);
    };
    check();
  }
}

TEST_P(BlitterTest, ColourKeyedCopy) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x73);
    const uint32_t br13 = begin(any_rop()), mode = static_cast<uint32_t>(random.in(0, 7));
    dwords[0] |= mode << 17;
    put_target(br13);
    colour_source();
    const uint32_t low = random.word() & 0x3f3fbf3f, high = random.word() | 0xc0c040c0;
    put(low);
    put(high);
    const bool is_1555 = (br13 >> 24 & 3) == 2;
    blit.key = [=, cpp = blit.cpp](uint32_t source, uint32_t destination) {
      if (!(mode & 1)) return true;
      const uint32_t pixel = mode & 4 ? destination : source;
      struct Part {
        unsigned shift, bits;
        bool alpha = false;
      };
      static const std::vector<Part> k8{{0, 8}}, k565{{0, 5}, {5, 6}, {11, 5}},
          k1555{{0, 5}, {5, 5}, {10, 5}, {15, 1, true}},
          k8888{{0, 8}, {8, 8}, {16, 8}, {24, 8, true}};
      const auto& parts = cpp == 1 ? k8 : cpp == 4 ? k8888 : is_1555 ? k1555 : k565;
      bool inside = true;
      for (auto [shift, bits, alpha] : parts) {
        const uint32_t m = (1u << bits) - 1, v = pixel >> shift & m;
        if (alpha && !(mode & 2)) continue;
        inside = inside && v >= (low >> shift & m) && v <= (high >> shift & m);
      }
      return inside == ((mode & 4) != 0);
    };
    check();
  }
}

TEST_P(BlitterTest, ColourPatternFromMemory) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x51);
    put_target(begin(any_rop()));
    put_address(kBits + 0x800);
    colour_pattern(pattern_memory(), random.in(0, 7), random.in(0, 7));
    check();
  }
}

TEST_P(BlitterTest, ColourPatternInTheCommand) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x72);
    put_target(begin(any_rop()));
    colour_pattern(put_immediate_pattern(6), random.in(0, 7), random.in(0, 7));
    check();
  }
}

TEST_P(BlitterTest, MonochromePattern) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x52);
    dwords[0] |= some_seed();
    const uint32_t br13 = begin(any_rop()) | static_cast<uint32_t>(random.in(0, 1)) << 28 |
                          static_cast<uint32_t>(random.in(0, 3) == 0) << 31;
    put_target(br13);
    mono_pattern(br13);
    check();
  }
}

TEST_P(BlitterTest, MonochromeSource) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x54);
    const uint32_t br13 = begin(any_rop()) | static_cast<uint32_t>(random.in(0, 1)) << 29;
    put_target(br13);
    mono_source(br13);
    check();
  }
}

TEST_P(BlitterTest, MonochromeSourceInTheCommand) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x71);
    const uint32_t br13 = begin(any_rop()) | static_cast<uint32_t>(random.in(0, 1)) << 29;
    put_target(br13);
    const uint32_t back = random.word(), fore = random.word();
    put(back);
    put(fore);
    std::vector<uint32_t> bits(static_cast<size_t>(random.in(1, 30)));
    for (uint32_t& b : bits) put(b = random.word());
    const int pitch = (blit.x2 - blit.x1 + 15) / 16 * 16;
    blit.source = mono(
        [=](int row, int column) {
          const auto n = static_cast<size_t>(row * pitch + column);
          const size_t byte = n / 8;  // bits that are not there are clear
          if (byte / 4 >= bits.size()) return false;
          return (bits[byte / 4] >> (byte % 4 * 8) >> (7 - n % 8) & 1) != 0;
        },
        back, fore, br13 & 1u << 29);
    check();
  }
}

TEST_P(BlitterTest, SourceAndPattern) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x55);
    put_target(begin(any_rop()));
    colour_source();
    put_address(kBits + 0x800);
    colour_pattern(pattern_memory(), random.in(0, 7), random.in(0, 7));
    check();
    prepare(0x74);
    put_target(begin(any_rop()));
    colour_source();
    colour_pattern(put_immediate_pattern(10), random.in(0, 7), random.in(0, 7));
    check();
  }
}

TEST_P(BlitterTest, MonochromeSourceAndPattern) {
  for (int i = 0; i < kRounds; ++i) {
    prepare(0x56);
    uint32_t br13 = begin(any_rop()) | static_cast<uint32_t>(random.in(0, 1)) << 29;
    put_target(br13);
    mono_source(br13);
    put_address(kBits + 0x800);
    colour_pattern(pattern_memory(), random.in(0, 7), random.in(0, 7));
    check();
    prepare(0x58);
    dwords[0] |= some_seed();
    br13 = begin(any_rop()) | static_cast<uint32_t>(random.in(0, 3)) << 28;
    put_target(br13);
    mono_source(br13);
    mono_pattern(br13);
    check();
    prepare(0x57);
    dwords[0] |= some_seed();
    br13 = begin(any_rop()) | static_cast<uint32_t>(random.in(0, 1)) << 28;
    put_target(br13);
    colour_source();
    mono_pattern(br13);
    check();
  }
}

INSTANTIATE_TEST_SUITE_P(Random, BlitterTest, testing::Range(0u, 12u));

}  // namespace
}  // namespace blit_test

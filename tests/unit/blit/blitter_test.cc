// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/blitter.h"

#include <gtest/gtest.h>

#include <map>

#include "hv/bits.h"
#include "tests/fake/fake_graphics_memory.h"
#include "tests/unit/blit/reference.h"

namespace {

using reference::Blit;
using reference::Surface;
using reference::Tile;
constexpr uint64_t kBase = reference::kBase;
constexpr size_t kBytes = 160 << 10;
constexpr uint64_t kTarget = kBase + 0x4000, kSource = kBase + 0x12000, kBits = kBase + 0x21000;

constexpr uint32_t kClip = 1u << 30, kSolid = 1u << 31;

/// Random blits, as commands and as what they mean.
struct Random {
  std::mt19937 engine;
  explicit Random(unsigned seed) : engine(seed) {}
  int in(int low, int high) { return std::uniform_int_distribution(low, high)(engine); }
  bool coin() { return in(0, 1); }
  uint32_t word() { return static_cast<uint32_t>(engine()); }
};

struct BlitterTest : testing::TestWithParam<unsigned> {
  fake::FakeGraphicsMemory memory{kBase, kBytes};
  gpu::model::Blitter blitter;
  Random random{GetParam()};
  reference::Memory expected;
  Blit blit;
  std::vector<uint32_t> dwords;  ///< the command being built
  uint32_t swctrl = 0;

  void SetUp() override {
    memory.randomise(random.engine);
    expected = memory.bytes();
  }
  void put(uint32_t v) { dwords.push_back(v); }
  void put_address(uint64_t a) {
    put(static_cast<uint32_t>(a));
    put(static_cast<uint32_t>(a >> 32));
  }
  void put_at(int x, int y) { put((uint32_t(y) & 0xffff) << 16 | (uint32_t(x) & 0xffff)); }
  uint64_t execute() {
    dwords[0] |= (static_cast<uint32_t>(dwords.size()) - 2) & 0xff;
    const auto* desc = gen9::find_command(gen9::EngineId::bcs, dwords[0]);
    if (!desc || gen9::command_length(*desc, dwords[0]) != dwords.size()) {
      ADD_FAILURE() << std::hex << dwords[0] << " is no command of " << dwords.size() << " dwords";
      return 0;
    }
    return blitter.execute(*desc, dwords, memory);
  }
  void header(uint32_t opcode) { dwords = {2u << 29 | opcode << 22}; }

  Surface surface(uint64_t base) {
    const Tile tile = static_cast<Tile>(random.in(0, 2));
    const int tiled_pitch = tile == Tile::x ? 512 : 128 * random.in(1, 4);
    return {base, tile == Tile::linear ? random.in(160, 300) : tiled_pitch, tile};
  }
  static uint32_t pitch_field(const Surface& s) {
    return static_cast<uint32_t>(s.tile == Tile::linear ? s.pitch : s.pitch / 4);
  }
  /// Random format and destination; returns BR13 and completes the header.
  uint32_t begin(uint8_t rop) {
    const uint32_t depth = static_cast<uint32_t>(random.in(0, 3));
    blit.cpp = depth == 0 ? 1 : depth == 3 ? 4 : 2;
    blit.rop = rop;
    blit.to = surface(kTarget);
    // Rectangles up to 40 pixels; half of them reach over the edge of a tile.
    const int low = blit.to.tile == Tile::linear ? -4 : 0;
    const int most = std::min(160, blit.to.tile == Tile::y ? blit.to.pitch : 160) / int(blit.cpp);
    blit.x1 = random.in(low, most / 2);
    blit.x2 = random.in(blit.x1, std::min(most, blit.x1 + 40));
    blit.y1 = random.in(low, 40);
    blit.y2 = random.in(blit.y1, blit.y1 + 36);
    const uint32_t write = static_cast<uint32_t>(random.in(0, 3));
    blit.write_mask = ~0u;
    if (blit.cpp == 4)
      blit.write_mask = (write & 1 ? 0xffffffu : 0) | (write & 2 ? 0xff000000u : 0);
    dwords[0] |= write << 20 | (blit.to.tile != Tile::linear ? 1u << 11 : 0);
    if (blit.to.tile == Tile::y) swctrl |= 2;
    return depth << 24 | uint32_t{rop} << 16 | (pitch_field(blit.to) & 0xffff) | clip();
  }
  uint32_t clip() {
    blit.clipped = random.coin();
    blit.cx1 = random.in(-5, 30);
    blit.cx2 = random.in(10, 60);
    blit.cy1 = random.in(-5, 30);
    blit.cy2 = random.in(10, 70);
    auto saved = dwords;
    header(0x03);
    put_at(blit.cx1, blit.cy1);
    put_at(blit.cx2, blit.cy2);
    execute();
    dwords = saved;
    return blit.clipped ? kClip : 0;
  }
  /// Dwords 1 to 5.
  void put_target(uint32_t br13) {
    put(br13);
    put_at(blit.x1, blit.y1);
    put_at(blit.x2, blit.y2);
    put_address(blit.to.base);
  }
  uint32_t pixel_mask() const { return blit.cpp == 4 ? ~0u : (1u << 8 * blit.cpp) - 1; }

  void solid(uint32_t colour) {
    blit.pattern = [=, m = pixel_mask()](int, int) { return std::pair(colour & m, true); };
  }
  /// A colour source elsewhere: dwords of coordinates, pitch and base, and the header's bits.
  void colour_source() {
    const Surface from = surface(kSource);
    if (from.tile != Tile::linear) dwords[0] |= 1u << 15;
    if (from.tile == Tile::y) swctrl |= 1;
    const int room =
        (from.tile == Tile::y ? from.pitch : 160) / int(blit.cpp) - (blit.x2 - blit.x1);
    const int sx = random.in(0, std::max(room, 0)), sy = random.in(0, 30);
    put_at(sx, sy);
    put(pitch_field(from));
    put_address(from.base);
    blit.source = [=, this](int x, int y) {
      return std::pair(
          reference::get_pixel(before, from, x - blit.x1 + sx, y - blit.y1 + sy, blit.cpp), true);
    };
  }
  reference::Memory before;  ///< sources read this

  Blit::Operand mono(std::function<bool(int row, int column)> bit, uint32_t back, uint32_t fore,
                     bool transparent) {
    return [=, this, m = pixel_mask()](int x, int y) {
      const bool set = bit(y - blit.y1, x - blit.x1);
      return std::pair((set ? fore : back) & m, set || !transparent);
    };
  }
  /// Bit `n` of packed bits, most significant first.
  bool memory_bit(uint64_t address, int64_t n) const {
    const auto byte = before.at(address - kBase + static_cast<uint64_t>(n / 8));
    return std::to_integer<unsigned>(byte) >> (7 - n % 8) & 1;
  }
  void colour_pattern(std::vector<std::byte> pixels, int seed_x, int seed_y) {
    dwords[0] |= static_cast<uint32_t>(seed_x) << 12 | static_cast<uint32_t>(seed_y) << 8;
    blit.pattern = [=, this](int x, int y) {
      const int column = ((x + seed_x) % 8 + 8) % 8, row = ((y + seed_y) % 8 + 8) % 8;
      uint32_t v = 0;
      std::memcpy(&v, &pixels[size_t(row * 8 + column) * blit.cpp], blit.cpp);
      return std::pair(v, true);
    };
  }
  std::vector<std::byte> pattern_memory() {
    const auto* p = &before[kBits + 0x800 - kBase];
    return {p, p + 64 * blit.cpp};
  }
  std::vector<std::byte> put_immediate_pattern(size_t at) {
    for (unsigned i = 0; i < 16 * blit.cpp; ++i) put(random.word());
    const auto bytes = std::as_bytes(std::span(dwords).subspan(at));
    return {bytes.begin(), bytes.end()};
  }
  /// Background, foreground and bits of a mono pattern; BR13 says how to take it.
  void mono_pattern(uint32_t br13) {
    const uint32_t back = random.word(), fore = random.word(), low = random.word(),
                   high = random.word();
    put(back);
    put(fore);
    put(low);
    put(high);
    mono_pattern_means(br13, back, fore, low | uint64_t{high} << 32, dwords[0] >> 12 & 7,
                       dwords[0] >> 8 & 7);
  }
  void mono_pattern_means(uint32_t br13, uint32_t back, uint32_t fore, uint64_t bits, unsigned sx,
                          unsigned sy) {
    if (br13 & kSolid) return solid(fore);
    blit.pattern = [=, m = pixel_mask()](int x, int y) {
      const unsigned row = (unsigned(y) + sy) % 8, column = (unsigned(x) + sx) % 8;
      const bool set = bits >> (row * 8) >> (7 - column) & 1;
      return std::pair((set ? fore : back) & m, set || !(br13 & 1u << 28));
    };
  }
  uint32_t some_seed() {
    return static_cast<uint32_t>(random.in(0, 7) << 12 | random.in(0, 7) << 8);
  }
  /// Monochrome source at kBits: address, background, foreground.
  void mono_source(uint32_t br13) {
    const uint32_t first = static_cast<uint32_t>(random.in(0, 7)), back = random.word(),
                   fore = random.word();
    dwords[0] |= first << 17;
    put_address(kBits);
    put(back);
    put(fore);
    const int width = std::max(blit.x2 - blit.x1, 0), pitch = (int(first) + width + 15) / 16 * 16;
    blit.source = mono(
        [=, this](int row, int column) {
          return memory_bit(kBits, int64_t{row} * pitch + int(first) + column);
        },
        back, fore, br13 & 1u << 29);
  }
  /// Runs the command and the reference, and compares all of memory.
  void check() {
    blitter.set_swctrl(swctrl);
    execute();
    reference::run(blit, expected);
    for (size_t i = 0; memory.bytes() != expected && i < kBytes; ++i) {
      ASSERT_EQ(memory.bytes()[i], expected[i])
          << "byte " << std::hex << i + kBase << std::dec << ", cpp " << blit.cpp << ", rop "
          << std::hex << int{blit.rop} << std::dec << ", tile " << int(blit.to.tile) << ", rect "
          << blit.x1 << ',' << blit.y1 << ' ' << blit.x2 << ',' << blit.y2;
    }
  }
  uint8_t any_rop() {
    static constexpr uint8_t kCommon[] = {0xf0, 0xcc, 0x00, 0xff, 0x5a, 0xb8, 0x66, 0xaa};
    return random.coin() ? kCommon[random.in(0, 7)] : static_cast<uint8_t>(random.in(0, 255));
  }
  void prepare(uint32_t opcode) {
    blit = Blit{};
    swctrl = 0;
    before = expected;
    header(opcode);
  }
};

constexpr int kRounds = 8;

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

INSTANTIATE_TEST_SUITE_P(Random, BlitterTest, testing::Range(0u, 12u));
INSTANTIATE_TEST_SUITE_P(Random, SetupTest, testing::Range(0u, 12u));

/// Plain cases, written out.
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

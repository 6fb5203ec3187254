// SPDX-License-Identifier: MIT
// Random blits, done by the blitter and by a plain model of what they mean.
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "dom0/gpu/model/blitter.h"
#include "hv/bits.h"
#include "tests/fake/fake_graphics_memory.h"
#include "tests/unit/blit/reference.h"

namespace blit_test {

using reference::Blit;
using reference::Surface;
using reference::Tile;
inline constexpr uint64_t kBase = reference::kBase;
inline constexpr size_t kBytes = 160 << 10;
inline constexpr uint64_t kTarget = kBase + 0x4000, kSource = kBase + 0x12000,
                          kBits = kBase + 0x21000;

inline constexpr uint32_t kClip = 1u << 30, kSolid = 1u << 31;

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

inline constexpr int kRounds = 8;

}  // namespace blit_test

// SPDX-License-Identifier: MIT
// The blitter once more, pixel by pixel and without any speed: what the tests compare with. Takes
// operands, not commands, and knows nothing of the code under test.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace reference {

enum class Tile { linear, x, y };

struct Surface {
  uint64_t base = 0;
  int pitch = 0;
  Tile tile = Tile::linear;
};

struct Blit {
  int x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  bool clipped = false;
  int cx1 = 0, cy1 = 0, cx2 = 0, cy2 = 0;
  unsigned cpp = 4;
  uint8_t rop = 0xcc;
  uint32_t write_mask = ~0u;
  Surface to;
  /// Colour at a pixel of the destination, and whether the pixel is opaque.
  using Operand = std::function<std::pair<uint32_t, bool>(int x, int y)>;
  Operand source = [](int, int) { return std::pair(0u, true); };
  Operand pattern = source;
  std::function<bool(uint32_t source, uint32_t destination)> key = [](uint32_t, uint32_t) {
    return true;
  };
};

using Memory = std::vector<std::byte>;  // from address `kBase`
inline constexpr uint64_t kBase = 0x100000;

inline uint64_t address(const Surface& s, int x, int y) {
  const auto ux = static_cast<uint64_t>(x), uy = static_cast<uint64_t>(y);
  const auto p = static_cast<uint64_t>(s.pitch);
  switch (s.tile) {
    case Tile::x:
      return s.base + (uy >> 3) * (p << 3) + (ux >> 9 << 12 | (uy & 7) << 9 | (ux & 511));
    case Tile::y:
      return s.base + (uy >> 5) * (p << 5) +
             (ux >> 7 << 12 | (ux >> 4 & 7) << 9 | (uy & 31) << 4 | (ux & 15));
    default: return s.base + static_cast<uint64_t>(y * s.pitch + x);
  }
}

inline uint32_t get_pixel(const Memory& m, const Surface& s, int x, int y, unsigned cpp) {
  uint32_t v = 0;
  for (unsigned i = 0; i < cpp; ++i) {
    v |= std::to_integer<uint32_t>(m.at(address(s, x * int(cpp) + int(i), y) - kBase)) << 8 * i;
  }
  return v;
}

inline void put_pixel(Memory& m, const Surface& s, int x, int y, unsigned cpp, uint32_t v) {
  for (unsigned i = 0; i < cpp; ++i) {
    m.at(address(s, x * int(cpp) + int(i), y) - kBase) = std::byte(v >> 8 * i);
  }
}

inline uint32_t rop3(uint8_t code, uint32_t p, uint32_t s, uint32_t d) {
  uint32_t r = 0;
  for (unsigned k = 0; k < 8; ++k) {
    if (code >> k & 1) r |= (k & 4 ? p : ~p) & (k & 2 ? s : ~s) & (k & 1 ? d : ~d);
  }
  return r;
}

/// Operands see the memory as it was before the blit.
inline void run(const Blit& b, Memory& m) {
  const Memory before = m;
  for (int y = b.y1; y < b.y2; ++y) {
    for (int x = b.x1; x < b.x2; ++x) {
      if (b.clipped && (x < b.cx1 || x >= b.cx2 || y < b.cy1 || y >= b.cy2)) continue;
      if (b.to.tile != Tile::linear && (x < 0 || y < 0)) continue;
      const auto [source, source_opaque] = b.source(x, y);
      const auto [pattern, pattern_opaque] = b.pattern(x, y);
      const uint32_t was = get_pixel(before, b.to, x, y, b.cpp);
      if (!source_opaque || !pattern_opaque || !b.key(source, was)) continue;
      const uint32_t is = rop3(b.rop, pattern, source, was);
      put_pixel(m, b.to, x, y, b.cpp, (was & ~b.write_mask) | (is & b.write_mask));
    }
  }
}

}  // namespace reference

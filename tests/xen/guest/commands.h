// SPDX-License-Identifier: MIT
// Commands as they stand in batches. SKL PRM vol 2a.
#pragma once
#include <cstdint>
#include <initializer_list>

#include "tests/xen/guest/gpu.h"

namespace guest {

// ---- memory interface

inline void store(Batch& batch, const Buffer& to, std::uint32_t index, std::uint32_t value) {
  batch.emit(0x20u << 23 | 2).address(to, true, index * 4).emit(value);
}
/// MI_ATOMIC, increment of 4 bytes.
inline void increment(Batch& batch, const Buffer& at, std::uint32_t index) {
  batch.emit(0x2Fu << 23 | 5u << 8 | 1).address(at, true, index * 4);
}
inline void load_register(Batch& batch, std::uint32_t reg, std::uint32_t value) {
  batch.emit(0x22u << 23 | 1).emit(reg).emit(value);
}
inline void load_register(Batch& batch, std::uint32_t reg, const Buffer& from,
                          std::uint32_t index) {
  batch.emit(0x29u << 23 | 2).emit(reg).address(from, false, index * 4);
}
inline void store_register(Batch& batch, std::uint32_t reg, const Buffer& to, std::uint32_t index) {
  batch.emit(0x24u << 23 | 2).emit(reg).address(to, true, index * 4);
}

/// The render engine's general registers, 8 bytes each.
inline constexpr std::uint32_t gpr(unsigned n) { return 0x2600 + 8 * n; }
/// MI_MATH: register 0 += register 1.
inline void add_registers(Batch& batch) {
  constexpr std::uint32_t kLoad = 0x080u << 20, kAdd = 0x100u << 20, kStore = 0x180u << 20;
  constexpr std::uint32_t kSourceA = 0x20, kSourceB = 0x21, kResult = 0x31;
  batch.emit(0x1Au << 23 | 3);
  batch.emit(kLoad | kSourceA << 10 | 0).emit(kLoad | kSourceB << 10 | 1);
  batch.emit(kAdd).emit(kStore | 0u << 10 | kResult);
}

// ---- blitter: pictures of 4-byte pixels

enum class Tiling : std::uint32_t { linear = 0, x = 1, y = 2 };

struct Picture {
  std::uint32_t width, height;  ///< pixels; whole tiles
  [[nodiscard]] std::uint32_t pitch() const { return width * 4; }
  [[nodiscard]] std::uint32_t bytes() const { return pitch() * height; }
  /// Where a pixel's word is in memory.
  [[nodiscard]] std::uint32_t word(std::uint32_t pixel, Tiling tiling) const {
    const std::uint32_t x = pixel % width * 4, y = pixel / width;
    switch (tiling) {
      case Tiling::x:
        return ((y / 8 * (pitch() / 512) + x / 512) * 4096 + y % 8 * 512 + x % 512) / 4;
      case Tiling::y:
        return ((y / 32 * (pitch() / 128) + x / 128) * 4096 + x % 128 / 16 * 512 + y % 32 * 16 +
                x % 16) /
               4;
      default: return pixel;
    }
  }
  /// A tiled side counts its pitch in dwords.
  [[nodiscard]] std::uint32_t pitch(Tiling tiling) const {
    return tiling == Tiling::linear ? pitch() : pitch() / 4;
  }
};

inline void fill(Batch& batch, const Picture& p, const Buffer& to, std::uint32_t colour) {
  batch.emit(2u << 29 | 0x50u << 22 | 3u << 20 | 5).emit(3u << 24 | 0xF0u << 16 | p.pitch());
  batch.emit(0).emit(p.height << 16 | p.width).address(to, true).emit(colour);
}

/// XY_SRC_COPY_BLT of the whole picture. BCS_SWCTRL says that a tiled side is tile Y.
inline void copy(Batch& batch, const Picture& p, const Buffer& from, Tiling source,
                 const Buffer& to, Tiling destination) {
  const bool from_y = source == Tiling::y, to_y = destination == Tiling::y;
  if (from_y || to_y) load_register(batch, 0x22200, 3u << 16 | (to_y ? 2 : 0) | (from_y ? 1 : 0));
  batch.emit(2u << 29 | 0x53u << 22 | 3u << 20 | (source != Tiling::linear ? 1u << 15 : 0) |
             (destination != Tiling::linear ? 1u << 11 : 0) | 8);
  batch.emit(3u << 24 | 0xCCu << 16 | p.pitch(destination));
  batch.emit(0).emit(p.height << 16 | p.width).address(to, true);
  batch.emit(0).emit(p.pitch(source)).address(from, false);
  if (from_y || to_y) load_register(batch, 0x22200, 3u << 16);
}

/// XY_FAST_COPY_BLT of the whole picture.
inline void fast_copy(Batch& batch, const Picture& p, const Buffer& from, Tiling source,
                      const Buffer& to, Tiling destination) {
  batch.emit(2u << 29 | 0x42u << 22 | static_cast<std::uint32_t>(source) << 20 |
             static_cast<std::uint32_t>(destination) << 13 | 8);
  batch.emit(3u << 24 | p.pitch(destination));
  batch.emit(0).emit(p.height << 16 | p.width).address(to, true);
  batch.emit(0).emit(p.pitch(source)).address(from, false);
}

}  // namespace guest

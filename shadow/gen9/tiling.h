// SPDX-License-Identifier: MIT
// Tile address arithmetic of Gen9 surfaces, and the fence registers that detile the aperture.
// Gen9 never swizzles address bit 6. SKL PRM vol 5 (Memory Views: Tiling), vol 2c (FENCE).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "hv/bits.h"

namespace gen9 {

enum class Tiling : uint8_t { linear, x, y };

inline constexpr uint32_t kTileBytes = 4096;
/// Width of a tile in bytes and height in rows; a linear surface has tiles of one row.
constexpr uint32_t tile_width(Tiling t) { return t == Tiling::y ? 128 : 512; }
constexpr uint32_t tile_rows(Tiling t) { return t == Tiling::y ? 32 : t == Tiling::x ? 8 : 1; }

/// Offset from the surface's base of the byte at (`x` bytes, row `y`). `pitch` in bytes; for tiled
/// surfaces a whole number of tiles (what is beyond is ignored).
constexpr uint64_t tiled_offset(Tiling t, uint64_t pitch, uint32_t x, uint32_t y) {
  switch (t) {
    case Tiling::linear: return y * pitch + x;
    case Tiling::x: return (y / 8 * (pitch / 512) + x / 512) * kTileBytes + y % 8 * 512 + x % 512;
    case Tiling::y:
      return (y / 32 * (pitch / 128) + x / 128) * kTileBytes + x % 128 / 16 * 512 + y % 32 * 16 +
             x % 16;
  }
  return 0;
}

/// How many bytes from `x` on are side by side in memory, in one row.
constexpr uint32_t contiguous_bytes(Tiling t, uint32_t x) {
  return t == Tiling::x ? 512 - x % 512 : t == Tiling::y ? 16 - x % 16 : UINT32_MAX;
}

/// Calls `piece(offset from base, bytes already done, bytes)` for each run of bytes [x, x + bytes)
/// of row `y`, left to right.
template <class Piece>
void for_each_run(Tiling t, uint64_t pitch, uint32_t x, uint32_t y, uint32_t bytes, Piece&& piece) {
  for (uint32_t done = 0; done < bytes;) {
    const uint32_t n = std::min(contiguous_bytes(t, x + done), bytes - done);
    piece(tiled_offset(t, pitch, x + done, y), done, n);
    done += n;
  }
}

/// A FENCE register in use: the GGTT range [start, end) looks linear through the aperture.
struct Fence {
  uint64_t start = 0, end = 0;
  uint32_t pitch = 0;  ///< bytes
  Tiling tiling = Tiling::x;
  [[nodiscard]] constexpr bool contains(uint64_t address) const {
    return address >= start && address < end;
  }
  /// GGTT address of the byte that the aperture shows at `address` (inside the range).
  [[nodiscard]] constexpr uint64_t detile(uint64_t address) const {
    const uint64_t linear = address - start;
    return start + tiled_offset(tiling, pitch, static_cast<uint32_t>(linear % pitch),
                                static_cast<uint32_t>(linear / pitch));
  }
  /// How many bytes from `address` on stay side by side after detiling, and inside the fence.
  [[nodiscard]] constexpr uint64_t run(uint64_t address) const {
    const auto x = static_cast<uint32_t>((address - start) % pitch);
    return std::min<uint64_t>({contiguous_bytes(tiling, x), pitch - x, end - address});
  }
};

namespace fence {
inline constexpr uint64_t kValid = 1;
using Tile = hv::Field64<1, 1>;     // 0 X, 1 Y
using Start = hv::Field64<31, 12>;  // first page
using Pitch = hv::Field64<42, 32>;  // in 128 bytes, minus 1
using End = hv::Field64<63, 44>;    // last page
}  // namespace fence

/// The register's meaning; nothing if it is not valid, empty, or its pitch is not whole tiles.
constexpr std::optional<Fence> decode_fence(uint64_t reg) {
  if (!(reg & fence::kValid)) return std::nullopt;
  Fence f;
  f.start = fence::Start::get(reg) << 12;
  f.end = (fence::End::get(reg) + 1) << 12;
  f.pitch = static_cast<uint32_t>((fence::Pitch::get(reg) + 1) * 128);
  f.tiling = fence::Tile::get(reg) ? Tiling::y : Tiling::x;
  if (f.end <= f.start || f.pitch % tile_width(f.tiling) != 0) return std::nullopt;
  return f;
}

/// The first fence over that aperture address.
inline std::optional<Fence> find_fence(std::span<const uint64_t> registers, uint64_t address) {
  for (uint64_t reg : registers) {
    const std::optional<Fence> f = decode_fence(reg);
    if (f && f->contains(address)) return f;
  }
  return std::nullopt;
}

}  // namespace gen9

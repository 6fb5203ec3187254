// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/tiling.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "shadow/gen9/pte.h"

namespace gpu::model {
namespace {

using gen9::Tiling;

/// Moves bytes from graphics memory to lines of host memory.
struct Load {
  std::byte* lines;
  size_t stride;
  GraphicsMemory& memory;
  void run(uint64_t address, size_t row, size_t at, size_t n) {
    memory.read(address, {lines + row * stride + at, n});
  }
  /// `rows` times 16 bytes below each other, side by side in memory.
  void column(uint64_t address, size_t row, size_t at, size_t rows) {
    std::array<std::byte, 512> packed;
    memory.read(address, {packed.data(), rows * 16});
    std::byte* to = lines + row * stride + at;
    for (size_t i = 0; i < rows; ++i) std::memcpy(to + i * stride, &packed[i * 16], 16);
  }
};

/// Moves lines of host memory to graphics memory.
struct Store {
  const std::byte* lines;
  size_t stride;
  GraphicsMemory& memory;
  void run(uint64_t address, size_t row, size_t at, size_t n) {
    memory.write(address, {lines + row * stride + at, n});
  }
  void column(uint64_t address, size_t row, size_t at, size_t rows) {
    std::array<std::byte, 512> packed;
    const std::byte* from = lines + row * stride + at;
    for (size_t i = 0; i < rows; ++i) std::memcpy(&packed[i * 16], from + i * stride, 16);
    memory.write(address, {packed.data(), rows * 16});
  }
};

template <class Mover>
void move_linear(const Surface& s, const ByteRect& r, Mover&& mover) {
  for (uint32_t i = 0; i < r.rows; ++i) {
    const int64_t offset = (int64_t{r.y} + i) * s.pitch + r.x;
    mover.run(gen9::ppgtt_address(s.base + static_cast<uint64_t>(offset)), i, 0, r.bytes);
  }
}

template <class Mover>
void move_x(const Surface& s, const ByteRect& r, Mover&& mover) {
  const uint64_t base = s.base & ~hv::kPageMask;
  for (uint32_t i = 0; i < r.rows; ++i) {
    gen9::for_each_run(Tiling::x, static_cast<uint64_t>(s.pitch), static_cast<uint32_t>(r.x),
                       static_cast<uint32_t>(r.y) + i, r.bytes,
                       [&](uint64_t offset, uint32_t done, uint32_t n) {
                         mover.run(gen9::ppgtt_address(base + offset), i, done, n);
                       });
  }
}

/// The rows [first, first + rows) of `r`, all of one row of tiles: tile Y keeps 16 bytes of each
/// row below each other, so whole columns move at once.
template <class Mover>
void move_y_strip(const Surface& s, const ByteRect& r, uint32_t first, uint32_t rows,
                  Mover&& mover) {
  const uint64_t base = s.base & ~hv::kPageMask;
  const auto x0 = static_cast<uint32_t>(r.x), y0 = static_cast<uint32_t>(r.y) + first;
  gen9::for_each_run(Tiling::y, static_cast<uint64_t>(s.pitch), x0, y0, r.bytes,
                     [&](uint64_t offset, uint32_t done, uint32_t n) {
                       if (n == 16) {
                         mover.column(gen9::ppgtt_address(base + offset), first, done, rows);
                         return;
                       }
                       for (uint32_t i = 0; i < rows; ++i) {
                         mover.run(gen9::ppgtt_address(base + offset + 16 * i), first + i, done, n);
                       }
                     });
}

template <class Mover>
void move_rect(const Surface& s, const ByteRect& r, Mover mover) {
  switch (s.tiling) {
    case Tiling::linear: return move_linear(s, r, mover);
    case Tiling::x: return move_x(s, r, mover);
    case Tiling::y: break;
  }
  for (uint32_t done = 0; done < r.rows;) {
    const uint32_t n = std::min(32 - (static_cast<uint32_t>(r.y) + done) % 32, r.rows - done);
    move_y_strip(s, r, done, n, mover);
    done += n;
  }
}

}  // namespace

void load_rect(const Surface& surface, const ByteRect& rect, std::byte* to, size_t stride,
               GraphicsMemory& memory) {
  move_rect(surface, rect, Load{to, stride, memory});
}

void store_rect(const Surface& surface, const ByteRect& rect, const std::byte* from, size_t stride,
                GraphicsMemory& memory) {
  move_rect(surface, rect, Store{from, stride, memory});
}

}  // namespace gpu::model

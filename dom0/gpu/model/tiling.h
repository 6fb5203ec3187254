// SPDX-License-Identifier: MIT
// A two-dimensional surface in graphics memory: rectangles of it as plain rows of bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dom0/gpu/model/blitter.h"
#include "shadow/gen9/tiling.h"

namespace gpu::model {

struct Surface {
  uint64_t base = 0;  ///< bits 11:0 are ignored for tiled surfaces
  int32_t pitch = 0;  ///< bytes; may be negative for linear surfaces
  gen9::Tiling tiling = gen9::Tiling::linear;
  bool operator==(const Surface&) const = default;
};

/// `rows` rows of `bytes` bytes from byte column `x` (may be negative on linear surfaces), row `y`.
struct ByteRect {
  int32_t x = 0, y = 0;
  uint32_t bytes = 0, rows = 0;
};

/// Copies between the rectangle and `rows` lines of `stride` bytes. Only bytes of the rectangle are
/// touched; runs that are side by side in memory move in one access.
void load_rect(const Surface& surface, const ByteRect& rect, std::byte* to, size_t stride,
               GraphicsMemory& memory);
void store_rect(const Surface& surface, const ByteRect& rect, const std::byte* from, size_t stride,
                GraphicsMemory& memory);

}  // namespace gpu::model

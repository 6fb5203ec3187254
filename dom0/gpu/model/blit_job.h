// SPDX-License-Identifier: MIT
// What one blit has to do, in one form for all XY_* commands: a destination rectangle, and up to
// two other operands (source, pattern) for its raster operation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "dom0/gpu/model/blitter.h"
#include "dom0/gpu/model/rop.h"
#include "dom0/gpu/model/tiling.h"

namespace gpu::model {

/// Pixels; x2 and y2 are outside.
struct Rect {
  int32_t x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  [[nodiscard]] bool empty() const { return x1 >= x2 || y1 >= y2; }
};

struct ColourSource {
  Surface surface;
  int32_t x = 0, y = 0;  ///< pixel that goes to the destination's x1, y1
};

/// Bits, most significant first; a set bit is the foreground colour.
struct MonoSource {
  uint64_t address = 0;                   ///< of the first row, unless immediate
  std::span<const uint32_t> immediate{};  ///< the bits are in the command
  bool is_immediate = false;
  uint32_t first_bit = 0;  ///< of each row
  uint32_t row_bits = 0;   ///< from one row to the next
  uint32_t background = 0, foreground = 0;
  bool transparent = false;  ///< clear bits leave the destination alone
};

/// 8 x 8 pixels, repeated over the destination.
struct Pattern {
  enum class Kind : uint8_t { none, solid, mono, colour, colour_immediate } kind = Kind::none;
  uint32_t background = 0, foreground = 0;  ///< solid: foreground
  uint64_t bits = 0;                        ///< mono: byte n is row n, most significant bit first
  bool transparent = false;                 ///< mono: clear bits leave the destination alone
  uint64_t address = 0;                     ///< colour
  std::span<const uint32_t> immediate{};    ///< colour_immediate
  uint32_t seed_x = 0, seed_y = 0;
};

/// Colour range that decides pixel by pixel.
struct ChromaKey {
  enum class On : uint8_t { none, source, destination } on = On::none;
  bool alpha = false;  ///< the alpha component counts too
  uint32_t low = 0, high = 0;
};

struct BlitJob {
  Rop rop{0xcc};
  unsigned pixel_bytes = 4;   ///< 1, 2, 4; 8 and 16 for XY_FAST_COPY_BLT
  bool format_1555 = false;   ///< of 2-byte pixels
  uint32_t write_mask = ~0u;  ///< of each 4-byte pixel
  Surface destination;
  Rect rect;
  std::optional<Rect> clip;
  std::optional<ColourSource> source;
  std::optional<MonoSource> mono;
  Pattern pattern;
  ChromaKey chroma;
};

/// The job of a command that draws; nothing for setup commands and for forms that are refused
/// (tile Yf and Ys, reserved colour depths). `state` is what XY_SETUP_* left.
std::optional<BlitJob> decode_blit(const gen9::CommandDesc& desc, std::span<const uint32_t> dwords,
                                   const Blitter::State& state, uint32_t swctrl);

/// Updates `state` if the command is one of XY_SETUP_*; false otherwise.
bool decode_setup(const gen9::CommandDesc& desc, std::span<const uint32_t> dwords,
                  Blitter::State& state);

}  // namespace gpu::model

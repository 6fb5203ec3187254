// SPDX-License-Identifier: MIT
// Colour keys: which pixels a blit leaves alone. SKL PRM vol 2a, BR00 "Transparency Range Mode".
#pragma once

#include <cstddef>
#include <cstring>

#include "dom0/gpu/model/blit_job.h"

namespace gpu::model {

/// Is every component of `pixel` between those of `low` and `high`? 8 bpp has one component.
inline bool in_colour_range(const BlitJob& job, uint32_t pixel) {
  const auto between = [&](unsigned shift, unsigned bits) {
    const uint32_t mask = (1u << bits) - 1, value = pixel >> shift & mask;
    return value >= (job.chroma.low >> shift & mask) && value <= (job.chroma.high >> shift & mask);
  };
  switch (job.pixel_bytes) {
    case 1: return between(0, 8);
    case 2:
      if (!job.format_1555) return between(0, 5) && between(5, 6) && between(11, 5);
      return between(0, 5) && between(5, 5) && between(10, 5) &&
             (!job.chroma.alpha || between(15, 1));
    default:
      return between(0, 8) && between(8, 8) && between(16, 8) &&
             (!job.chroma.alpha || between(24, 8));
  }
}

/// Clears the mask of the pixels the key protects: source pixels inside the range, or destination
/// pixels outside it.
inline void apply_chroma(const BlitJob& job, const std::byte* pixels, std::byte* mask,
                         size_t bytes) {
  const bool keep_inside = job.chroma.on == ChromaKey::On::source;
  for (size_t i = 0; i < bytes; i += job.pixel_bytes) {
    uint32_t pixel = 0;
    std::memcpy(&pixel, pixels + i, job.pixel_bytes);
    if (in_colour_range(job, pixel) == keep_inside) std::memset(mask + i, 0, job.pixel_bytes);
  }
}

}  // namespace gpu::model

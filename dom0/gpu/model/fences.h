// SPDX-License-Identifier: MIT
// The aperture: CPU accesses to GGTT memory, detiled where a fence register says so.
// SKL PRM vol 2c (FENCE), vol 5 (Memory Views: tiling).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dom0/gpu/model/blitter.h"

namespace gpu::model {

/// `fences`: the 32 FENCE registers (0x100000 + 8 n). `offset` is a linear aperture address, equal
/// to the GGTT address of the same byte where no fence covers it.
void read_aperture(std::span<const uint64_t> fences, uint64_t offset, std::span<std::byte> to,
                   GraphicsMemory& ggtt);
void write_aperture(std::span<const uint64_t> fences, uint64_t offset,
                    std::span<const std::byte> from, GraphicsMemory& ggtt);

}  // namespace gpu::model

// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/fences.h"

namespace gpu::model {

void read_aperture(std::span<const uint64_t>, uint64_t offset, std::span<std::byte> to,
                   GraphicsMemory& ggtt) {
  ggtt.read(offset, to);
}

void write_aperture(std::span<const uint64_t>, uint64_t offset, std::span<const std::byte> from,
                    GraphicsMemory& ggtt) {
  ggtt.write(offset, from);
}

}  // namespace gpu::model

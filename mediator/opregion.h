// SPDX-License-Identifier: MIT
// The OpRegion: what a platform's firmware tells the driver of its graphics device about the board.
// Ours says that there is one monitor, on port D. "IGD OpRegion/Software SCI for Gen9", Intel.
#pragma once

#include <cstddef>
#include <vector>

namespace mediator {

struct VgpuConfig;

/// Whole pages, to stand where PCI register ASLS says.
std::vector<std::byte> opregion_image(const VgpuConfig& config);

}  // namespace mediator

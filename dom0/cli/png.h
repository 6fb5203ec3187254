// SPDX-License-Identifier: MIT
// Screens as a PNG file.
#pragma once

#include <vector>

#include "mediator/mediator.h"

namespace cli {

/// All screens in one picture, row by row, with a dark gap between them. Empty ones are left out;
/// one black pixel if none is left.
mediator::Screen side_by_side(const std::vector<mediator::Screen>& screens);
/// The picture as an RGB PNG; empty if libpng fails.
std::vector<std::byte> encode_png(const mediator::Screen& screen);

}  // namespace cli

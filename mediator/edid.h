// SPDX-License-Identifier: MIT
// The identification data of the virtual monitor. VESA E-EDID standard, release A (EDID 1.4).
#pragma once

#include <array>
#include <cstdint>

namespace mediator {

inline constexpr unsigned kEdidBytes = 128;
using Edid = std::array<uint8_t, kEdidBytes>;

/// A digital monitor whose preferred mode is width x height at 60 Hz with reduced blanking.
/// Sizes are brought into 320..3840 by 200..2160.
Edid make_edid(uint32_t width, uint32_t height, bool display_port);

}  // namespace mediator

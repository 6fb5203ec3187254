// SPDX-License-Identifier: MIT
// Pipe A as a guest programs it: a mode, one linear plane, flips.
#pragma once

#include "dom0/guests/port.h"

namespace guests {

/// Turns pipe A and its primary plane on. `surface` is a GGTT address; stride in bytes.
void light_screen(GuestPort& port, uint32_t width, uint32_t height, uint32_t stride,
                  uint32_t surface);
/// Shows another surface from the next vblank on.
void flip(GuestPort& port, uint32_t surface);

}  // namespace guests

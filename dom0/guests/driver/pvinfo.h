// SPDX-License-Identifier: MIT
// What a vGPU guest learns from PVINFO before it touches anything else.
#pragma once

#include <string>

#include "dom0/guests/port.h"
#include "hv/result.h"
#include "shadow/ggtt.h"

namespace guests {

struct PvInfo {
  uint32_t caps = 0;
  uint32_t fences = 0;
  shadow::GgttWindows windows;
};

/// Reads and checks PVINFO as i915 6.1 does; the error says what an i915 would refuse.
hv::Result<PvInfo, std::string> read_pvinfo(GuestPort& port);
/// End of the guest driver's registration.
void announce_display_ready(GuestPort& port);

}  // namespace guests

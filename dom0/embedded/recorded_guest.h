// SPDX-License-Identifier: MIT
// A recorded guest among those of the embedded host.
#pragma once

#include <string>

#include "dom0/embedded/host.h"
#include "dom0/replay/player.h"

namespace embedded {

/// Gives the recorded guest a vGPU and starts to play it. The script outlives the host. Empty, or
/// why it cannot be.
std::string add_recorded_guest(Host& host, const replay::Script& script, replay::Pace pace);

}  // namespace embedded

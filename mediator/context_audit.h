// SPDX-License-Identifier: MIT
// Audit of the engine's part of a context image: LRI blocks that the GPU executes at a restore.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "hv/types.h"
#include "shadow/gen9/engine.h"

namespace mediator {

/// Where the mediator leaves its stamp in the guest's image: two dwords the hardware never saves.
/// LRI blocks end before it; what follows it is the engine's internal state (data, never commands).
inline constexpr unsigned kStampDword = 998;

/// Page 1 of a context image.
using StatePage = std::array<uint32_t, hv::kPageSize / 4>;

/// Rewrites the architectural part of `state` (page 1 of an image, 1024 dwords): headers and
/// register offsets become hardware's own whatever the guest wrote there; the values stay.
void canonical_register_state(gen9::EngineId engine, std::span<uint32_t> state);

/// `state` is page 1 of an image (1024 dwords). Registers a context may not load are turned into
/// loads of the engine's NOPID; anything that is not an LRI block ends the image there. Returns how
/// many registers were neutralised.
unsigned audit_engine_state(gen9::EngineId engine, std::span<uint32_t> state);

}  // namespace mediator

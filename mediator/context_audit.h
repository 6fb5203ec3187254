// SPDX-License-Identifier: MIT
// Audit of the engine's part of a context image: LRI blocks that the GPU executes at a restore.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "hv/types.h"
#include "mediator/register_file.h"
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

/// What to take into a context's image.
struct EngineStateSource {
  /// Page 1 whose engine part gives the shape, and the values that the guest has no say in: the
  /// host's default image, or the shadow's own as the GPU saved it.
  std::span<const uint32_t> base;
  /// A first context: values come from the vGPU's registers where the guest changed them, not from
  /// its image. Else nullptr.
  const RegisterFile* first = nullptr;
};

/// Rewrites the engine's part of `state` (the guest's page 1, 1024 dwords): the blocks of the base,
/// with the guest's values where a context may have its own. Whatever else the guest wrote there is
/// dropped; returns how many loads that were.
unsigned compose_engine_state(gen9::EngineId engine, const EngineStateSource& source,
                              std::span<uint32_t> state);

/// Makes a saved image's page 1 fit to start contexts from: preemption at command level, an end.
void prepare_default_state(gen9::EngineId engine, std::span<uint32_t> state);

/// Did the context of this image (page 1, composed) ask for GPGPU preemption inside threads?
bool asks_mid_thread(std::span<const uint32_t> state);

}  // namespace mediator

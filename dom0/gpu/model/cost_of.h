// SPDX-License-Identifier: MIT
// What a command costs before its data: the model of cost.h applied.
#pragma once

#include <cstdint>
#include <span>

#include "dom0/gpu/model/cost.h"
#include "dom0/gpu/model/registers.h"
#include "shadow/gen9/commands.h"

namespace gpu::model {

/// Nanoseconds, at least 1. Blits: without their data.
uint64_t command_ns(const CostParameters& cost, const Registers& regs,
                    const gen9::CommandDesc& desc, std::span<const uint32_t> dwords);
/// Time the blitter needs for so many bytes.
uint64_t blit_data_ns(const CostParameters& cost, uint64_t bytes);
constexpr bool is_blit(gen9::Cmd id) { return id >= gen9::Cmd::xy_setup_blt; }

}  // namespace gpu::model

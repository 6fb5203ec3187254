// SPDX-License-Identifier: MIT
// What Gen9 lets a non-secure (PPGTT) batch do. SKL PRM vol 2a (user mode privileged commands) and
// vol 7 (registers a non-privileged batch may write).
#pragma once

#include <cstdint>

#include "dom0/gpu/model/registers.h"
#include "shadow/gen9/commands.h"

namespace gpu::model {

/// Commands that do nothing in a PPGTT batch.
bool is_privileged_command(gen9::Cmd id);

/// Registers a PPGTT batch on this engine may write: the fixed list, and what the engine's
/// FORCE_TO_NONPRIV slots add.
bool is_user_register(const Registers& regs, gen9::EngineId engine, uint32_t offset);
/// Registers it may store to memory: those and the counters and time stamps.
bool is_user_readable(const Registers& regs, gen9::EngineId engine, uint32_t offset);

/// Registers no command may write in this model: submission, reset and ring control, which on
/// silicon would saw off the branch the command stands on.
bool is_control_register(uint32_t offset);

}  // namespace gpu::model

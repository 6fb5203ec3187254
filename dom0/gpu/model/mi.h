// SPDX-License-Identifier: MIT
// Effects of the MI commands and of PIPE_CONTROL, at their retirement. SKL PRM vol 2a.
#pragma once

#include <cstdint>
#include <span>

#include "dom0/gpu/model/engine.h"
#include "shadow/gen9/commands.h"

namespace gpu::model {

using Dwords = std::span<const uint32_t>;

/// A 64-bit address operand whose low dword is at `i`.
inline uint64_t address_at(Dwords d, unsigned i) {
  return static_cast<uint64_t>(d[i + 1]) << 32 | (d[i] & ~3u);
}

/// False if MI_SET_PREDICATE turns this command into a no-op.
bool predicate_allows(Engine& engine, gen9::Cmd id);

/// Everything but blits and PIPE_CONTROL/MI_FLUSH_DW. Commands without a modelled effect retire.
Outcome execute_mi(Engine& engine, const gen9::CommandDesc& desc, Dwords d);
void execute_pipe_control(Engine& engine, Dwords d);
void execute_flush_dw(Engine& engine, Dwords d);
void execute_math(Engine& engine, Dwords d);
void execute_atomic(Engine& engine, Dwords d);
void execute_predicate(Engine& engine, uint32_t dword);
/// MI_SEMAPHORE_WAIT's comparison, now. `observe` false: a look from outside, not reported.
bool semaphore_satisfied(Engine& engine, Dwords d);

/// Register access of a command, with the privilege rules of where it came from.
void store_register(Engine& engine, uint32_t offset, uint32_t value);
bool may_read_register(Engine& engine, uint32_t offset);

/// Space of an operand whose command carries a GGTT bit. False: refused (PPGTT batch).
inline bool operand_space(const Engine& engine, bool ggtt_bit) {
  return !ggtt_bit || engine.privileged();
}

}  // namespace gpu::model

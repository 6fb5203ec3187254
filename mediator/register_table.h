// SPDX-License-Identifier: MIT
// The one table of registers. Dispatch, the scanner's register lists, reset values, save at a
// documentation and the trace printer all read it. Checked at compile time: sorted, no
// overlap, masks disjoint.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "mediator/mmio_hooks.h"
#include "shadow/gen9/engine.h"

namespace mediator {

enum class Behaviour : uint8_t {
  plain,   ///< stores what is written (outside ro / rw1c masks)
  masked,  ///< upper 16 bits select which of the lower 16 to write
  read_only,
  rw1c,      ///< writing one clears
  constant,  ///< reads `reset`, writes are dropped
  hook,      ///< code: mmio_hooks_*.cc
  live,      ///< reads the real GPU while this vGPU owns the engine
};

enum RegisterFlag : uint16_t {
  kCommandWrite = 1,  ///< privileged streams may LRI it (GVT-g's command-access list)
  kUserWrite = 2,     ///< hardware lets a non-privileged RCS/VCS/VECS batch write it
  kBlitterWrite = 4,  ///< a non-privileged blitter batch may write it (CVE-2019-0155 list)
  kCommandRead = 8,   ///< privileged streams may SRM or LRM it
  kUserRead = 16,     ///< non-privileged batches may SRM it
  kTrapRead = 64,     ///< its page must trap on read
  kWritePatch = 128,  ///< LRI runs the hook and the value is patched to what was stored
};

struct RegisterDesc {
  uint32_t offset = 0;
  uint32_t bytes = 4;  ///< length of the block; a row may cover an array of dwords
  const char* name = nullptr;
  const char* unit = nullptr;  ///< "RCS", "pipe A": which one of a family; nullptr if single
  Behaviour behaviour = Behaviour::plain;
  uint32_t reset = 0;
  uint32_t ro = 0, rw1c = 0;  ///< masks, disjoint
  uint16_t flags = 0;
  Hook hook = Hook::none;
  const char* cite = nullptr;  ///< public PRM volume and page, or the fact sheet's section
};

std::span<const RegisterDesc> register_table();
/// The row that covers this dword-aligned offset, or nullptr.
const RegisterDesc* find_register(uint32_t offset);
/// Position in register_table() + 1 of the row behind each dword of the register space; 0: unknown.
std::span<const uint16_t> register_index();
/// Name for humans: "RCS RING_TAIL", "L3CC+0x4", or "0x1234" for unknown ones.
std::string register_name(uint32_t offset);

}  // namespace mediator

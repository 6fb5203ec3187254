// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/privilege.h"

namespace gpu::model {
namespace {

using gen9::Cmd;
using gen9::EngineId;
namespace rel = gen9::rel;

struct Range {
  uint32_t first, last;
};

constexpr Range kRenderRegisters[] = {
    {0x20c0, 0x20c0},  // INSTPM
    {0x20d8, 0x20d8},  // CS_DEBUG_MODE2
    {0x2158, 0x2158},  // BB_OFFSET
    {0x2290, 0x2294},  // TS_GPGPU_THREADS_DISPATCHED
    {0x22c8, 0x22cc},  // PS_INVOCATION_COUNT of slice 0
    {0x22d8, 0x22dc},  // PS_DEPTH_COUNT of slice 0
    {0x22f0, 0x22fc},  // both of slice 1
    {0x2300, 0x2354},  // pipeline statistics
    {0x2360, 0x2364},  // OACTXCONTROL, OACTXID
    {0x23bc, 0x23bc},  // MI_PREDICATE_RESULT_2
    {0x2400, 0x2420},  // predicate sources and results, 3DPRIM_END_OFFSET
    {0x2430, 0x2440},  // 3DPRIM_*
    {0x2448, 0x2454},  // PS_INVOCATION_COUNT and PS_DEPTH_COUNT of slice 2
    {0x2500, 0x2508},  // GPGPU_DISPATCHDIM*
    {0x2600, 0x267c},  // CS_GPR
    {0x5200, 0x521c},  // SO_NUM_PRIMS_WRITTEN
    {0x5240, 0x525c},  // SO_PRIM_STORAGE_NEEDED
    {0x5280, 0x528c},  // SO_WRITE_OFFSET
    {0x7000, 0x7008},  // CACHE_MODE_0, CACHE_MODE_1, GT_MODE
    {0x7034, 0x7034},  // L3CNTLREG
    {0xe400, 0xe404},  // TD_CTL
};
/// Relative to the base of BCS, VCS and VECS.
constexpr Range kOtherRegisters[] = {{0x3bc, 0x3bc}, {0x600, 0x67c}};
constexpr uint32_t kBcsSwctrl = 0x22200;

template <size_t N>
bool any(const Range (&ranges)[N], uint32_t offset) {
  for (const Range& r : ranges)
    if (offset >= r.first && offset <= r.last) return true;
  return false;
}

/// Slot: bits 25:2 the register, bits 1:0 how many (1, 4, 16, 64 dwords).
bool in_slot(uint32_t slot, uint32_t offset) {
  const uint32_t span = 4u << 2 * (slot & 3);
  return (slot & 0x3fffffc) != 0 && ((slot & 0x3fffffc) & ~(span - 1)) == (offset & ~(span - 1));
}

bool in_force_to_nonpriv(const Registers& regs, EngineId engine, uint32_t offset) {
  constexpr unsigned kSlots = 12;
  for (unsigned i = 0; i < kSlots; ++i)
    if (in_slot(regs.get(gen9::engine_reg(engine, rel::kForceToNonpriv0 + 4 * i)), offset))
      return true;
  return false;
}

}  // namespace

bool is_privileged_command(Cmd id) {
  switch (id) {
    case Cmd::mi_arb_on_off:
    case Cmd::mi_update_gtt:
    case Cmd::mi_display_flip:
    case Cmd::mi_load_scan_lines:
    case Cmd::mi_set_context:
    case Cmd::mi_suspend_flush:
    case Cmd::mi_report_head: return true;
    default: return false;
  }
}

bool is_user_register(const Registers& regs, EngineId engine, uint32_t offset) {
  if (engine == EngineId::rcs) {
    if (any(kRenderRegisters, offset)) return true;
  } else {
    if (any(kOtherRegisters, offset - gen9::info(engine).mmio_base)) return true;
    if (engine == EngineId::bcs && offset == kBcsSwctrl) return true;
  }
  return in_force_to_nonpriv(regs, engine, offset);
}

bool is_user_readable(const Registers& regs, EngineId engine, uint32_t offset) {
  const uint32_t relative = offset - gen9::info(engine).mmio_base;
  if (relative == rel::kTimestamp || relative == rel::kTimestampUdw ||
      relative == rel::kCtxTimestamp || relative == rel::kNopid)
    return true;
  return is_user_register(regs, engine, offset);
}

bool is_control_register(uint32_t offset) {
  if (engine_at(offset) == kNoEngine)
    return offset == gen9::kGdrst || offset == gen9::kGfxFlushCntl;
  switch (offset % kEngineBlock) {
    case rel::kRingTail:
    case rel::kRingHead:
    case rel::kRingStart:
    case rel::kRingCtl:
    case rel::kHwsPga:
    case rel::kResetCtl:
    case rel::kElsp:
    case rel::kRingMode:
    case rel::kCsbPtr:
    case rel::kTimestamp:
    case rel::kTimestampUdw:
    case rel::kCtxTimestamp:
    case rel::kEir:
    case rel::kEsr: return true;
    default: return false;
  }
}

}  // namespace gpu::model

// SPDX-License-Identifier: MIT
// The one table of Gen9 commands: how to recognise each, how long it is, which dwords are addresses
// and how it is to be audited. Read by the model, the scanner, the AUB tools and the trace printer.
// Unknown or ill-sized commands are refused by whoever reads the table, never skipped.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "shadow/gen9/engine.h"

namespace gen9 {

// clang-format off
/// Commands that somebody has to tell apart by more than their name. All others are `other`.
enum class Cmd : uint8_t {
  other,  // parsed and charged time only
  mi_noop, mi_user_interrupt, mi_wait_for_event, mi_report_head, mi_arb_check, mi_arb_on_off,
  mi_batch_buffer_end, mi_suspend_flush, mi_predicate, mi_topology_filter, mi_set_predicate,
  mi_rs_control, mi_rs_context, mi_load_scan_lines, mi_display_flip, mi_set_context, mi_math,
  mi_semaphore_signal, mi_semaphore_wait, mi_store_data_imm, mi_store_data_index,
  mi_load_register_imm, mi_update_gtt, mi_store_register_mem, mi_flush_dw, mi_clflush,
  mi_report_perf_count, mi_load_register_mem, mi_load_register_reg, mi_rs_store_data_imm,
  mi_load_urb_mem, mi_store_urb_mem, mi_copy_mem_mem, mi_atomic, mi_batch_buffer_start,
  mi_conditional_batch_buffer_end,
  pipe_control, primitive_3d, gpgpu_walker, media_object, media_object_walker, state_base_address,
  xy_setup_blt, xy_setup_clip_blt, xy_setup_mono_pattern_sl_blt, xy_pixel_blt, xy_scanlines_blt,
  xy_text_blt, xy_text_immediate_blt, xy_color_blt, xy_pat_blt, xy_mono_pat_blt, xy_src_copy_blt,
  xy_mono_src_copy_blt, xy_mono_src_copy_immediate_blt, xy_full_blt, xy_full_immediate_pattern_blt,
  xy_full_mono_src_blt, xy_full_mono_src_immediate_pattern_blt, xy_full_mono_pattern_blt,
  xy_full_mono_pattern_mono_src_blt, xy_mono_pat_fixed_blt, xy_pat_blt_immediate,
  xy_src_copy_chroma_blt, xy_pat_chroma_blt, xy_pat_chroma_blt_immediate, xy_fast_copy_blt,
};
// clang-format on

/// Where an address operand lives.
enum class Space : uint8_t {
  ppgtt,         ///< always the context's PPGTT (3D state, surfaces)
  ggtt,          ///< always the GGTT
  by_bit,        ///< GGTT when `flag_mask` is set in dword `flag_dword`, else PPGTT
  by_bit_clear,  ///< GGTT when the flag is clear (MI_BATCH_BUFFER_START), else PPGTT
};

/// A 48-bit address in dwords `dword` (bits 31:2 or more) and `dword + 1` (bits 15:0).
struct AddressOperand {
  uint8_t dword = 0;
  Space space = Space::ppgtt;
  uint8_t flag_dword = 0;
  bool write = false;
  uint32_t flag_mask = 0;
  uint16_t bytes = 8;  ///< how much is accessed at most (0: unknown, a surface or base)
};

/// What the scanner has to do beyond address checks.
enum class Audit : uint8_t {
  pass,               ///< nothing more
  batch,              ///< follows a batch start
  registers,          ///< names registers (LRI, LRM, LRR, SRM; MATH names GPRs only)
  post_sync,          ///< PIPE_CONTROL, MI_FLUSH_DW: operation decides whether the address counts
  display,            ///< acts on the display: emulated, never run
  refuse_privileged,  ///< refused in a privileged stream
  refuse,             ///< refused everywhere
};

struct CommandDesc {
  const char* name = nullptr;    ///< the PRM's
  uint32_t mask = 0, value = 0;  ///< never below bit 16
  Cmd id = Cmd::other;
  EngineMask engines = 0;
  uint8_t length_bits = 0;  ///< width of the length field at bit 0; 0 means one dword
  uint8_t bias = 2;         ///< dwords = field + bias
  uint16_t min_dwords = 1, max_dwords = 1;
  Audit audit = Audit::pass;
  bool arbitration_point = false;  ///< preemption may happen here (while arbitration is enabled)
  uint8_t address_count = 0;
  std::array<AddressOperand, 6> addresses{};
};

/// All rows, sorted by value (rows of different engines may share a value).
std::span<const CommandDesc> command_table();

namespace detail {
inline constexpr unsigned kCommandKeys = 1u << 16;
/// Row number + 1 for the upper half of a first dword, 0 where the engine knows no such command.
/// Constant-initialised: usable from static initialisers too.
extern const std::array<std::array<uint16_t, kCommandKeys>, kEngines> kCommandIndex;
extern const CommandDesc* const kCommandRows;
}  // namespace detail

/// Row number + 1 for this first dword, or 0. For readers that keep arrays parallel to the table.
inline unsigned command_index(EngineId engine, uint32_t dword0) {
  return detail::kCommandIndex[index(engine)][dword0 >> 16];
}

/// The row for this first dword on this engine, or nullptr if the engine does not know it.
inline const CommandDesc* find_command(EngineId engine, uint32_t dword0) {
  const unsigned i = command_index(engine, dword0);
  return i == 0 ? nullptr : detail::kCommandRows + (i - 1);
}

/// Length in dwords, or 0 if the length field is outside the row's limits (ill-sized).
constexpr unsigned command_length(const CommandDesc& desc, uint32_t dword0) {
  if (desc.length_bits == 0) return 1;
  const unsigned n = (dword0 & ((1u << desc.length_bits) - 1)) + desc.bias;
  return n >= desc.min_dwords && n <= desc.max_dwords ? n : 0;
}

}  // namespace gen9

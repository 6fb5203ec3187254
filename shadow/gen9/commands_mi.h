// SPDX-License-Identifier: MIT
// Command table, part 1: memory interface commands (SKL PRM vol 2a, MI_*). Audit classes follow
// what GVT-g refuses or emulates in privileged streams. Included by commands.cc only.
#pragma once

#include "shadow/gen9/commands_row.h"

namespace gen9::rows {

inline constexpr CommandDesc kMi[] = {
    row("MI_NOOP", mi(0x00), kAll, one(), {Cmd::mi_noop}),
    row("MI_SET_PREDICATE", mi(0x01), kAll, one(), {Cmd::mi_set_predicate}),
    row("MI_USER_INTERRUPT", mi(0x02), kAll, one(), {Cmd::mi_user_interrupt}),
    row("MI_WAIT_FOR_EVENT", mi(0x03), kRcs | kBcs, one(),
        {Cmd::mi_wait_for_event, Audit::display}),
    row("MI_FLUSH", mi(0x04), kAll, one()),
    row("MI_ARB_CHECK", mi(0x05), kAll, one(), {Cmd::mi_arb_check, Audit::pass, true}),
    row("MI_RS_CONTROL", mi(0x06), kRcs, one(), {Cmd::mi_rs_control}),
    row("MI_REPORT_HEAD", mi(0x07), kAll, one(), {Cmd::mi_report_head}),
    row("MI_ARB_ON_OFF", mi(0x08), kAll, one(), {Cmd::mi_arb_on_off}),
    row("MI_URB_ATOMIC_ALLOC", mi(0x09), kRcs, one()),
    row("MI_BATCH_BUFFER_END", mi(0x0a), kAll, one(),
        {Cmd::mi_batch_buffer_end, Audit::pass, true}),
    // Holds back everybody's flushes, TLB invalidations among them.
    row("MI_SUSPEND_FLUSH", mi(0x0b), kAll, one(),
        {Cmd::mi_suspend_flush, Audit::refuse_privileged}),
    row("MI_PREDICATE", mi(0x0c), kRcs, one(), {Cmd::mi_predicate}),
    row("MI_TOPOLOGY_FILTER", mi(0x0d), kAll, one(), {Cmd::mi_topology_filter}),
    row("MI_SET_APPID", mi(0x0e), kAll, one()),
    row("MI_RS_CONTEXT", mi(0x0f), kRcs, one(), {Cmd::mi_rs_context}),
    row("MI_LOAD_SCAN_LINES_INCL", mi(0x12), kRcs | kBcs, field(6, 2),
        {Cmd::mi_load_scan_lines, Audit::display}),
    row("MI_LOAD_SCAN_LINES_EXCL", mi(0x13), kRcs | kBcs, field(6, 2),
        {Cmd::mi_load_scan_lines, Audit::display}),
    // A fourth dword carries the left eye's base in stereo flips.
    row("MI_DISPLAY_FLIP", mi(0x14), kRcs | kBcs, field(8, 3, 4),
        {Cmd::mi_display_flip, Audit::display}),
    // Reserved since Gen8; known so that it is refused by name.
    row("MI_SEMAPHORE_MBOX", mi(0x16), kAll, field(8, 3), {Cmd::other, Audit::refuse}),
    // Contexts are switched by execlists; this command is not valid with them.
    row("MI_SET_CONTEXT", mi(0x18), kRcs, field(8, 2), {Cmd::mi_set_context, Audit::refuse}),
    row("MI_URB_CLEAR", mi(0x19), kRcs, field(8, 2)),
    row("MI_MATH", mi(0x1a), kAll, field(8, 2, 257), {Cmd::mi_math, Audit::registers}),
    row("MI_SEMAPHORE_SIGNAL", mi(0x1b), kAll, field(8, 2), {Cmd::mi_semaphore_signal}),
    row("MI_SEMAPHORE_WAIT", mi(0x1c), kAll, field(8, 4),
        {Cmd::mi_semaphore_wait, Audit::refuse_privileged, true}, {by_bit(2, 0, 22, kRead, 4)}),
    // Holds power wells awake for as long as the guest likes: the host's business.
    row("MI_FORCE_WAKEUP", mi(0x1d), kAll, field(8, 2), {Cmd::other, Audit::refuse}),
    row("MI_STORE_DATA_IMM", mi(0x20), kAll, field(10, 4, 5), {Cmd::mi_store_data_imm},
        {by_bit(1, 0, 22, kWrite, 8)}),
    row("MI_STORE_DATA_INDEX", mi(0x21), kAll, field(8, 3, 4),
        {Cmd::mi_store_data_index, Audit::refuse_privileged}),
    row("MI_LOAD_REGISTER_IMM", mi(0x22), kAll, field(8, 3, 257),
        {Cmd::mi_load_register_imm, Audit::registers}),
    // Writes page table entries behind everybody's back.
    row("MI_UPDATE_GTT", mi(0x23), kAll, field(10, 3, 1025), {Cmd::mi_update_gtt, Audit::refuse}),
    row("MI_STORE_REGISTER_MEM", mi(0x24), kAll, field(8, 4),
        {Cmd::mi_store_register_mem, Audit::registers}, {by_bit(2, 0, 22, kWrite, 4)}),
    // i915 emits 4 dwords, the media driver 5; 3 leaves out the data.
    row("MI_FLUSH_DW", mi(0x26), kAll, field(6, 3, 5), {Cmd::mi_flush_dw, Audit::post_sync},
        {by_bit(1, 1, 2, kWrite, 8)}),
    row("MI_CLFLUSH", mi(0x27), kAll, field(10, 3, 1025),
        {Cmd::mi_clflush, Audit::refuse_privileged}, {by_bit(1, 0, 22, kRead, 4096)}),
    row("MI_REPORT_PERF_COUNT", mi(0x28), kAll, field(6, 4),
        {Cmd::mi_report_perf_count, Audit::refuse_privileged}, {by_bit(1, 1, 0, kWrite, 256)}),
    row("MI_LOAD_REGISTER_MEM", mi(0x29), kAll, field(8, 4),
        {Cmd::mi_load_register_mem, Audit::registers}, {by_bit(2, 0, 22, kRead, 4)}),
    row("MI_LOAD_REGISTER_REG", mi(0x2a), kAll, field(8, 3),
        {Cmd::mi_load_register_reg, Audit::registers}),
    row("MI_RS_STORE_DATA_IMM", mi(0x2b), kRcs, field(8, 4), {Cmd::mi_rs_store_data_imm},
        {ppgtt(1, kWrite, 4)}),
    row("MI_LOAD_URB_MEM", mi(0x2c), kRcs, field(8, 4), {Cmd::mi_load_urb_mem},
        {ppgtt(2, kRead, 64)}),
    row("MI_STORE_URB_MEM", mi(0x2d), kRcs, field(8, 4), {Cmd::mi_store_urb_mem},
        {ppgtt(2, kWrite, 64)}),
    row("MI_COPY_MEM_MEM", mi(0x2e), kAll, field(8, 5),
        {Cmd::mi_copy_mem_mem, Audit::refuse_privileged},
        {by_bit(1, 0, 21, kWrite, 4), by_bit(3, 0, 22, kRead, 4)}),
    // 3 dwords with operands in GPRs, 11 with inline operands.
    row("MI_ATOMIC", mi(0x2f), kAll, field(8, 3, 11), {Cmd::mi_atomic},
        {by_bit(1, 0, 22, kWrite, 16)}),
    row("MI_BATCH_BUFFER_START", mi(0x31), kAll, field(8, 3),
        {Cmd::mi_batch_buffer_start, Audit::batch, true},
        {{1, Space::by_bit_clear, 0, kRead, 1u << 8, 0}}),
    row("MI_CONDITIONAL_BATCH_BUFFER_END", mi(0x36), kAll, field(8, 4),
        {Cmd::mi_conditional_batch_buffer_end, Audit::refuse_privileged},
        {by_bit(2, 0, 22, kRead, 8)}),
};

}  // namespace gen9::rows

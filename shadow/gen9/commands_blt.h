// SPDX-License-Identifier: MIT
// Command table, part 3: the blitter (SKL PRM vol 2a, BLT instructions, with 64-bit addresses).
// Every operand is translated by the context's PPGTT. Preemption may happen between blits.
// Included by commands.cc only.
#pragma once

#include "shadow/gen9/commands_row.h"

namespace gen9::rows {

constexpr Extra blit(Cmd id) { return {id, Audit::pass, true}; }

inline constexpr CommandDesc kBlitter[] = {
    row("XY_SETUP_BLT", blt(0x01), kBcs, field(8, 10), blit(Cmd::xy_setup_blt),
        {ppgtt(4, kWrite), ppgtt(8)}),
    row("XY_SETUP_CLIP_BLT", blt(0x03), kBcs, field(8, 3), blit(Cmd::xy_setup_clip_blt)),
    row("XY_SETUP_MONO_PATTERN_SL_BLT", blt(0x11), kBcs, field(8, 10),
        blit(Cmd::xy_setup_mono_pattern_sl_blt), {ppgtt(4, kWrite)}),
    row("XY_PIXEL_BLT", blt(0x24), kBcs, field(8, 2), blit(Cmd::xy_pixel_blt)),
    row("XY_SCANLINES_BLT", blt(0x25), kBcs, field(8, 3), blit(Cmd::xy_scanlines_blt)),
    row("XY_TEXT_BLT", blt(0x26), kBcs, field(8, 5), blit(Cmd::xy_text_blt), {ppgtt(3)}),
    row("XY_TEXT_IMMEDIATE_BLT", blt(0x31), kBcs, field(8, 4, 257),
        blit(Cmd::xy_text_immediate_blt)),
    row("COLOR_BLT", blt(0x40), kBcs, field(5, 6), blit(Cmd::other), {ppgtt(3, kWrite)}),
    row("XY_FAST_COPY_BLT", blt(0x42), kBcs, field(8, 10), blit(Cmd::xy_fast_copy_blt),
        {ppgtt(4, kWrite), ppgtt(8)}),
    row("SRC_COPY_BLT", blt(0x43), kBcs, field(5, 8), blit(Cmd::other),
        {ppgtt(3, kWrite), ppgtt(6)}),
    row("XY_COLOR_BLT", blt(0x50), kBcs, field(8, 7), blit(Cmd::xy_color_blt), {ppgtt(4, kWrite)}),
    row("XY_PAT_BLT", blt(0x51), kBcs, field(8, 8), blit(Cmd::xy_pat_blt),
        {ppgtt(4, kWrite), ppgtt(6)}),
    row("XY_MONO_PAT_BLT", blt(0x52), kBcs, field(8, 10), blit(Cmd::xy_mono_pat_blt),
        {ppgtt(4, kWrite)}),
    row("XY_SRC_COPY_BLT", blt(0x53), kBcs, field(8, 10), blit(Cmd::xy_src_copy_blt),
        {ppgtt(4, kWrite), ppgtt(8)}),
    row("XY_MONO_SRC_COPY_BLT", blt(0x54), kBcs, field(8, 10), blit(Cmd::xy_mono_src_copy_blt),
        {ppgtt(4, kWrite), ppgtt(6)}),
    row("XY_FULL_BLT", blt(0x55), kBcs, field(8, 12), blit(Cmd::xy_full_blt),
        {ppgtt(4, kWrite), ppgtt(8), ppgtt(10)}),
    row("XY_FULL_MONO_SRC_BLT", blt(0x56), kBcs, field(8, 12), blit(Cmd::xy_full_mono_src_blt),
        {ppgtt(4, kWrite), ppgtt(6), ppgtt(10)}),
    row("XY_FULL_MONO_PATTERN_BLT", blt(0x57), kBcs, field(8, 14),
        blit(Cmd::xy_full_mono_pattern_blt), {ppgtt(4, kWrite), ppgtt(8)}),
    row("XY_FULL_MONO_PATTERN_MONO_SRC_BLT", blt(0x58), kBcs, field(8, 14),
        blit(Cmd::xy_full_mono_pattern_mono_src_blt), {ppgtt(4, kWrite), ppgtt(6)}),
    row("XY_MONO_PAT_FIXED_BLT", blt(0x59), kBcs, field(8, 8), blit(Cmd::xy_mono_pat_fixed_blt),
        {ppgtt(4, kWrite)}),
    // Immediate sources: whole quadwords of bits. Immediate patterns: 8 x 8 pixels, 16, 32 or 64
    // dwords by colour depth.
    row("XY_MONO_SRC_COPY_IMMEDIATE_BLT", blt(0x71), kBcs, field(8, 9, 257),
        blit(Cmd::xy_mono_src_copy_immediate_blt), {ppgtt(4, kWrite)}),
    row("XY_PAT_BLT_IMMEDIATE", blt(0x72), kBcs, field(8, 22, 70), blit(Cmd::xy_pat_blt_immediate),
        {ppgtt(4, kWrite)}),
    row("XY_SRC_COPY_CHROMA_BLT", blt(0x73), kBcs, field(8, 12), blit(Cmd::xy_src_copy_chroma_blt),
        {ppgtt(4, kWrite), ppgtt(8)}),
    row("XY_FULL_IMMEDIATE_PATTERN_BLT", blt(0x74), kBcs, field(8, 26, 74),
        blit(Cmd::xy_full_immediate_pattern_blt), {ppgtt(4, kWrite), ppgtt(8)}),
    row("XY_FULL_MONO_SRC_IMMEDIATE_PATTERN_BLT", blt(0x75), kBcs, field(8, 26, 74),
        blit(Cmd::xy_full_mono_src_immediate_pattern_blt), {ppgtt(4, kWrite), ppgtt(6)}),
    row("XY_PAT_CHROMA_BLT", blt(0x76), kBcs, field(8, 10), blit(Cmd::xy_pat_chroma_blt),
        {ppgtt(4, kWrite), ppgtt(6)}),
    row("XY_PAT_CHROMA_BLT_IMMEDIATE", blt(0x77), kBcs, field(8, 24, 72),
        blit(Cmd::xy_pat_chroma_blt_immediate), {ppgtt(4, kWrite)}),
};

}  // namespace gen9::rows

// SPDX-License-Identifier: MIT
// Register rows of the four engines. SKL PRM vol 2c, "Render/Blitter/Video/VE command streamer".
#pragma once

#include "mediator/register_table_rows.h"
#include "shadow/gen9/regs.h"

namespace mediator::rows {

using namespace gen9::rel;  // NOLINT: the rows below are unreadable with the prefix

inline constexpr std::array<Unit, 4> kEngineUnits{
    {{0x2000, "RCS"}, {0x12000, "VCS"}, {0x1a000, "VECS"}, {0x22000, "BCS"}}};

/// What every engine has; offsets are relative to its base.
inline constexpr auto kEngineRows = std::to_array<RegisterDesc>({
    masked(0x28, "EXCC"),
    plain(kRingTail, "RING_TAIL"),
    plain(kRingHead, "RING_HEAD"),
    plain(kRingStart, "RING_START"),
    plain(kRingCtl, "RING_CTL"),
    plain(kRingSyncs, "RING_SYNC_0"),
    plain(kRingSyncs + 4, "RING_SYNC_1"),
    plain(kRingSyncs + 8, "RING_SYNC_2"),
    masked(0x50, "RING_PSMI_CTL"),
    live(kActhdUdw, "RING_ACTHD_UDW"),
    plain(0x60, "RING_DMA_FADD_UDW"),
    plain(kIpeir, "RING_IPEIR"),
    plain(kIpehr, "RING_IPEHR"),
    live(kInstdone, "RING_INSTDONE", 0xffffffff),
    plain(kInstps, "RING_INSTPS"),
    live(kActhd, "RING_ACTHD"),
    plain(kDmaFadd, "RING_DMA_FADD"),
    hooked(Hook::hws_pga, kHwsPga, "RING_HWS_PGA"),
    plain(kNopid, "RING_NOPID"),
    plain(kHwstam, "RING_HWSTAM", 0xffffffff),
    // The idle bit always reads set: a virtual ring never keeps a driver waiting to stop it.
    with_masks(masked(kMiMode, "RING_MI_MODE", gen9::kMiModeIdle), gen9::kMiModeIdle),
    plain(kImr, "RING_IMR", 0xffffffff),
    rw1c(kEir, "RING_EIR"),
    plain(kEmr, "RING_EMR", 0xffffffff),
    read_only(kEsr, "RING_ESR"),
    masked(kInstpm, "RING_INSTPM"),
    hooked(Hook::reset_ctl, kResetCtl, "RING_RESET_CTL"),
    hooked(Hook::csfe_chicken, 0xd4, "CSFE_CHICKEN1"),
    plain(kBbState, "RING_BBSTATE"),
    plain(kSbbAddr, "RING_SBBADDR"),
    plain(0x118, "RING_SBBSTATE"),
    plain(0x11c, "RING_SBBADDR_UDW"),
    plain(0x134, "RING_UHPTR"),
    plain(kBbAddr, "RING_BBADDR"),
    plain(kBbAddrUdw, "RING_BBADDR_UDW"),
    plain(0x178, "CTX_RELATED_178"),
    plain(0x17c, "CTX_RELATED_17C"),
    plain(0x180, "CCID"),
    plain(0x1c0, "BB_PER_CTX_PTR"),
    plain(0x1c4, "INDIRECT_CTX"),
    plain(0x1c8, "INDIRECT_CTX_OFFSET"),
    plain(0x220, "PP_DIR_DCLV"),
    plain(0x228, "PP_DIR_BASE"),
    hooked(Hook::elsp, kElsp, "ELSP"),
    read_only(kExeclistStatusLo, "EXECLIST_STATUS_LO"),
    read_only(kExeclistStatusHi, "EXECLIST_STATUS_HI"),
    plain(kContextControl, "CTX_CONTEXT_CONTROL"),
    plain(kPdp0Ldw, "PDP", 0, 32),
    hooked(Hook::ring_mode, kRingMode, "RING_MODE", 0, 4, kWritePatch),
    live(kTimestamp, "RING_TIMESTAMP"),
    live(kTimestampUdw, "RING_TIMESTAMP_UDW"),
    read_only(kCsb, "CONTEXT_STATUS_BUF", 0, 48),
    masked(kCsbPtr, "CONTEXT_STATUS_PTR", 7),
    plain(kCtxTimestamp, "CTX_TIMESTAMP"),
    plain(kMiPredicateResult2, "MI_PREDICATE_RESULT_2"),
    plain(kPredicateSrc0, "MI_PREDICATE_SRC0", 0, 8),
    plain(kPredicateSrc1, "MI_PREDICATE_SRC1", 0, 8),
    plain(kPredicateData, "MI_PREDICATE_DATA", 0, 8),
    plain(kPredicateResult, "MI_PREDICATE_RESULT"),
    plain(kPredicateResult1, "MI_PREDICATE_RESULT_1"),
    hooked(Hook::force_nonpriv, kForceToNonpriv0, "FORCE_TO_NONPRIV", 0, 48, kWritePatch),
    plain(kGpr0, "CS_GPR", 0, 128),
});

/// What only one engine has.
inline constexpr auto kOneEngineRows = std::to_array<RegisterDesc>({
    masked(0x2088, "CHICKEN_2088"),
    masked(0x2090, "3D_CHICKEN3"),
    plain(0x20a0, "FF_THREAD_MODE"),
    masked(0x20d8, "CS_DEBUG_MODE2"),
    masked(0x20dc, "CHICKEN_20DC"),
    masked(0x20e0, "FF_SLICE_CS_CHICKEN1"),
    masked(0x20e4, "FF_SLICE_CS_CHICKEN2"),
    masked(0x20ec, "CS_DEBUG_MODE1"),
    masked(0x2120, "CACHE_MODE_0_GEN6"),
    masked(0x2124, "CHICKEN_2124"),
    plain(0x2148, "CHICKEN_2148"),
    plain(0x215c, "CHICKEN_215C"),
    plain(0x21f0, "CS_CTX_21F0"),
    plain(0x2248, "CTX_PREEMPT_REG"),
    plain(0x2290, "PREDICATE_2290", 0, 8),
    plain(0x2300, "HS_INVOCATION_COUNT", 0, 8),
    plain(0x2308, "DS_INVOCATION_COUNT", 0, 8),
    plain(0x2310, "IA_VERTICES_COUNT", 0, 8),
    plain(0x2318, "IA_PRIMITIVES_COUNT", 0, 8),
    plain(0x2320, "VS_INVOCATION_COUNT", 0, 8),
    plain(0x2328, "GS_INVOCATION_COUNT", 0, 8),
    plain(0x2330, "GS_PRIMITIVES_COUNT", 0, 8),
    plain(0x2338, "CL_INVOCATION_COUNT", 0, 8),
    plain(0x2340, "CL_PRIMITIVES_COUNT", 0, 8),
    plain(0x2348, "PS_INVOCATION_COUNT", 0, 8),
    plain(0x2350, "PS_DEPTH_COUNT", 0, 8),
    plain(0x2360, "OACONTROL"),
    plain(0x2420, "3DPRIM_END_OFFSET"),
    plain(0x2430, "3DPRIM_START_VERTEX"),
    plain(0x2434, "3DPRIM_VERTEX_COUNT"),
    plain(0x2438, "3DPRIM_INSTANCE_COUNT"),
    plain(0x243c, "3DPRIM_START_INSTANCE"),
    plain(0x2440, "3DPRIM_BASE_VERTEX"),
    masked(0x2470, "CHICKEN_2470"),
    plain(0x2500, "GPGPU_DISPATCHDIM", 0, 12),
    masked(0x2580, "CS_CHICKEN1"),
    plain(0x2b00, "OA_2B00"),
    plain(0x2b20, "OA_2B20"),
    plain(0x12198, "VCS_12198"),
    // The second video engine of GT3 and GT4: known, never there.
    plain(0x1c028, "VCS2_EXCC"),
    plain(0x1c178, "VCS2_CTX_178"),
    plain(0x1c17c, "VCS2_CTX_17C"),
    plain(0x22200, "BCS_SWCTRL"),
});

inline constexpr auto kAllEngineRows =
    cited(join(family(kEngineUnits, kEngineRows), kOneEngineRows), "SKL PRM vol 2c");

}  // namespace mediator::rows

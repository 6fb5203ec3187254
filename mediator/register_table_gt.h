// SPDX-License-Identifier: MIT
// Register rows of the GT outside the engines: fuses, workarounds, caches, forcewake, reset,
// fences, PCODE, PVINFO. Reset values are those of a Skylake GT2 (8086:1912); mmio_fuses.cc
// corrects them for other parts.
#pragma once

#include "mediator/register_table_rows.h"
#include "shadow/gen9/regs.h"

namespace mediator::rows {

inline constexpr auto kGtRows = std::to_array<RegisterDesc>({
    // 24 MHz crystal, timestamp at half of it: 12 MHz.
    read_only(0xd00, "RPM_CONFIG0", 0xc),
    plain(0xd08, "RPM_CONFIG2"),
    plain(0xd40, "RC6_LOCATION"),
    plain(0xd80, "SLICE_D80"),
    read_only(gen9::kForcewakeRenderAck, "FORCEWAKE_ACK_RENDER"),
    read_only(gen9::kForcewakeMediaAck, "FORCEWAKE_ACK_MEDIA"),
    masked(0x4030, "ARB_MODE"),
    plain(0x4068, "GAM_4068"),
    hooked(Hook::ips_64k, 0x4080, "GAMW_ECO_DEV_RW_IA"),
    plain(0x4090, "GAM_ECOCHK"),
    plain(gen9::kRingFault, "RING_FAULT"),
    plain(gen9::kErrorGen6, "ERROR_GEN6"),
    plain(gen9::kPatLo, "PRIVATE_PAT_LO"),
    plain(gen9::kPatHi, "PRIVATE_PAT_HI"),
    plain(0x4180, "GAM_VCS_HWS_PGA"),
    hooked(Hook::tlb_control, 0x4260, "RCS_TLB_CONTROL"),
    hooked(Hook::tlb_control, 0x4264, "VCS_TLB_CONTROL"),
    hooked(Hook::tlb_control, 0x4268, "VCS2_TLB_CONTROL"),
    hooked(Hook::tlb_control, 0x426c, "BCS_TLB_CONTROL"),
    hooked(Hook::tlb_control, 0x4270, "VECS_TLB_CONTROL"),
    plain(0x4280, "GAM_BCS_HWS_PGA"),
    plain(0x4380, "GAM_VECS_HWS_PGA"),
    plain(0x4ab0, "GAMT_ECO_REG_RW_IA"),
    plain(0x4ab8, "GAMT_CHKN_BIT"),
    plain(gen9::kFaultTlbData0, "FAULT_TLB_DATA0"),
    plain(gen9::kFaultTlbData1, "FAULT_TLB_DATA1"),
    plain(0x4ddc, "MMCD_MISC_CTRL"),
    plain(0x4de0, "TRVATTL3PTRDW", 0, 8),
    plain(0x4de8, "TRNULLDETCT"),
    plain(0x4dec, "TRINVTILEDETCT"),
    plain(0x4df0, "TRVADR"),
    hooked(Hook::trtte, 0x4df4, "TRTTE"),
    plain(0x4dfc, "TRTT_CHICKEN"),
    plain(0x5200, "SO_NUM_PRIMS_WRITTEN", 0, 32),
    plain(0x5240, "SO_PRIM_STORAGE_NEEDED", 0, 32),
    plain(0x5280, "SO_WRITE_OFFSET", 0, 16),
    masked(0x5588, "WM_CHICKEN3"),
    masked(0x7000, "CACHE_MODE_0"),
    masked(0x7004, "CACHE_MODE_1"),
    masked(0x7008, "GT_MODE"),
    masked(0x7010, "COMMON_SLICE_CHICKEN1"),
    masked(0x7014, "COMMON_SLICE_CHICKEN2"),
    masked(0x7018, "COMMON_SLICE_7018"),
    live(0x7100, "SC_INSTDONE", 0xffffffff),
    masked(0x7300, "HDC_CHICKEN0"),
    masked(0x7304, "HDC_CHICKEN1"),
    masked(0x83a4, "VF_GUARDBAND"),
    plain(0x83a8, "VF_83A8"),
    plain(0x9024, "UCGCTL_9024"),
    plain(0x9030, "GFX_9030"),
    // The boot-fetch bit clears itself.
    with_masks(plain(0x907c, "MBCTL"), hv::bit(4)),
    // One slice, three of four subslices.
    read_only(0x9120, "FUSE2", 0x02800000),
    read_only(0x9134, "EU_DISABLE", 0, 12),
    plain(0x9400, "UCGCTL1"),
    plain(0x9404, "UCGCTL2"),
    plain(0x9408, "UCGCTL3"),
    plain(0x940c, "UCGCTL4"),
    hooked(Hook::gdrst, gen9::kGdrst, "GDRST"),
    plain(0x9424, "MISCCPCTL"),
    plain(0x9430, "UCGCTL6"),
    plain(0xa000, "RC_BLOCK_A000", 0, 0x184),
    hooked(Hook::forcewake, gen9::kForcewakeBlitter, "FORCEWAKE_BLITTER"),
    plain(0xa18c, "FORCEWAKE_LEGACY"),
    plain(0xa190, "RC_BLOCK_A190", 0, 0xdc),
    read_only(0xa26c, "CTC_MODE", 4),
    hooked(Hook::forcewake, gen9::kForcewakeMedia, "FORCEWAKE_MEDIA"),
    hooked(Hook::forcewake, gen9::kForcewakeRender, "FORCEWAKE_RENDER"),
    plain(0xb004, "GARBCNTL"),
    plain(0xb008, "SCRATCH_LNCF1"),
    plain(gen9::kL3cc, "L3CC", 0, 128),
    plain(0xb100, "L3SQCREG1"),
    plain(0xb110, "L3SQCREG2"),
    with_flags(plain(0xb118, "L3SQCREG4"), kCommandRead),
    plain(0xb11c, "SCRATCH1"),
    // The virtual GuC never leaves reset and never loads firmware.
    constant(0xc000, "GUC_STATUS", 1),
    plain(0xc050, "GUC_WOPCM_SIZE"),
    constant(0xc314, "GUC_DMA_CTRL", 0),
    plain(0xc800, "RCS_MOCS", 0, 0x100),
    plain(0xc900, "VCS_MOCS", 0, 0x100),
    plain(0xca00, "VCS2_MOCS", 0, 0x100),
    plain(0xcb00, "VECS_MOCS", 0, 0x100),
    plain(0xcc00, "BCS_MOCS", 0, 0x100),
    plain(0xcd00, "MOCS_RESERVED", 0, 0x2f8),
    masked(0xe100, "HALF_SLICE_CHICKEN1"),
    read_only(0xe160, "SAMPLER_INSTDONE", 0xffffffff),
    read_only(0xe164, "ROW_INSTDONE", 0xffffffff),
    masked(0xe180, "HALF_SLICE_CHICKEN2"),
    masked(0xe184, "HALF_SLICE_CHICKEN3"),
    masked(0xe188, "HALF_SLICE_CHICKEN5"),
    masked(0xe18c, "HALF_SLICE_CHICKEN6"),
    masked(0xe194, "HALF_SLICE_CHICKEN7"),
    plain(0xe220, "TDL_E220"),
    plain(0xe230, "TDL_E230"),
    plain(0xe240, "TDL_E240"),
    plain(0xe260, "TDL_E260"),
    plain(0xe270, "TDL_E270"),
    plain(0xe280, "TDL_E280"),
    plain(0xe2a0, "TDL_E2A0"),
    plain(0xe2b0, "TDL_E2B0"),
    plain(0xe2c0, "TDL_E2C0"),
    masked(0xe48c, "ROW_CHICKEN4"),
    plain(0xe4cc, "ROW_E4CC"),
    masked(0xe4f0, "ROW_CHICKEN"),
    masked(0xe4f4, "ROW_CHICKEN2"),
    masked(0xe5f4, "DSS_E5F4"),
    hooked(Hook::fence, gen9::kFence0, "FENCE", 0, gen9::kFences * 8),
    plain(gen9::kGfxFlushCntl, "GFX_FLSH_CNTL"),
    plain(0x120000, "GTFIFODBG"),
    // Free entries of the GT FIFO: all.
    plain(0x120008, "GTFIFOCTL", 0x3f),
    read_only(0x120010, "EDRAM_CAP"),
    read_only(gen9::kForcewakeBlitterAck, "FORCEWAKE_ACK_BLITTER"),
    read_only(0x130090, "FORCEWAKE_LEGACY_ACK"),
    constant(0x13805c, "GT_THREAD_STATUS", 0),
    constant(0x138060, "GT_CORE_STATUS", 0),
    hooked(Hook::pcode, 0x138124, "PCODE_MAILBOX"),
    plain(0x138128, "PCODE_DATA"),
    plain(0x13812c, "PCODE_DATA1"),
});

/// The mirror of the memory controller's registers: a fixed picture of a machine with DDR4 in both
/// channels.
inline constexpr auto kMchbarRows = std::to_array<RegisterDesc>({
    read_only(0x140000, "MCHBAR", 0, 0x500c),
    // 8 GiB, two ranks, in each channel's first slot.
    read_only(0x14500c, "MAD_DIMM_CH0", 0x00000408),
    read_only(0x145010, "MAD_DIMM_CH1", 0x00000408),
    read_only(0x145014, "MCHBAR", 0, 0x984),
    // In units of 50 MHz: lowest 350, efficient 350, highest 1150.
    read_only(0x145998, "RP_STATE_CAP", 0x00070717),
    read_only(0x14599c, "MCHBAR", 0, 0x468),
    // Memory clock, in units of 133.3 MHz: 2133 MT/s.
    read_only(0x145e04, "MC_BIOS_DATA", 0x8),
    read_only(0x145e08, "MCHBAR", 0, 0x17ffff - 0x145e08 + 1),
});

/// PVINFO: what a mediated guest is told, and where it answers. Values by pvinfo.cc.
inline constexpr auto kPvinfoRows = std::to_array<RegisterDesc>({
    hooked(Hook::pv_info, 0x78000, "PVINFO", 0, 0x800, kTrapRead),
    plain(0x78800, "PVINFO_RSV4"),
    plain(0x78804, "PVINFO_DISPLAY_READY"),
    hooked(Hook::pv_resources, 0x78808, "PVINFO_RSV5", 0, 16),
    hooked(Hook::pv_notify, 0x78818, "PVINFO_G2V_NOTIFY"),
    plain(0x7881c, "PVINFO_RSV6", 0, 20),
    plain(0x78830, "PVINFO_CURSOR_X_HOT"),
    plain(0x78834, "PVINFO_CURSOR_Y_HOT"),
    plain(0x78838, "PVINFO_PDP", 0, 32),
    plain(0x78858, "PVINFO_EXECLIST_DESCRIPTOR", 0, 8),
    plain(0x78860, "PVINFO_RSV7", 0, 0x7a0),
});

inline constexpr auto kAllGtRows =
    join(cited(kGtRows, "SKL PRM vol 2c"), cited(kMchbarRows, "SKL datasheet vol 2"),
         cited(kPvinfoRows, "i915 PVINFO interface, version 1.0"));

}  // namespace mediator::rows

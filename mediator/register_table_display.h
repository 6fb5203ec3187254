// SPDX-License-Identifier: MIT
// Register rows of display: clocks, power wells, transcoders, pipes, planes, ports, PCH and DMC.
// Reset values: no pipe runs, the display clock is 337.5 MHz from DPLL 0 at 1620 MHz, port D has a
// monitor.
#pragma once

#include "mediator/register_table_rows.h"

namespace mediator::rows {

inline constexpr auto kDisplayCoreRows = std::to_array<RegisterDesc>({
    // There is no VGA behind it, so it always reads disabled.
    with_masks(plain(0x41000, "VGACNTRL", hv::bit(31)), hv::bit(31)),
    // Fuses downloaded and distributed to power wells 0, 1 and 2.
    read_only(0x42000, "FUSE_STATUS", 0x8e000000),
    plain(0x42004, "DISPLAY_CHICKEN2"),
    plain(0x42014, "FUSE_STRAP"),
    plain(0x42020, "DSPCLK_GATE_D"),
    plain(0x42080, "CHICKEN_PAR1_1"),
    plain(0x420b0, "CHICKEN_PIPESL", 0, 12),
    with_masks(plain(0x42300, "FPGA_DBG"), 0, hv::bit(31)),
    plain(0x43200, "DPFC_BLOCK", 0, 0x60),
    plain(0x43408, "IPS_CTL"),
    plain(0x44030, "DIGITAL_PORT_HOTPLUG_CNTRL"),
    plain(0x44500, "GUNIT_44500"),
    plain(0x45000, "DISP_ARB_CTL"),
    plain(0x45004, "DISP_ARB_CTL2"),
    hooked(Hook::dbuf, 0x45008, "DBUF_CTL"),
    plain(0x45270, "WM_LINETIME", 0, 12),
    plain(0x45400, "PWR_WELL_CTL_BIOS"),
    // Power well 1 and miscellaneous I/O are on.
    hooked(Hook::power_well, 0x45404, "PWR_WELL_CTL_DRIVER", 0x30000003),
    plain(0x45408, "PWR_WELL_CTL_KVMR"),
    plain(0x4540c, "PWR_WELL_CTL_DEBUG"),
    plain(0x45504, "DC_STATE_EN"),
    plain(0x45520, "DC_STATE_DEBUG"),
    plain(0x46000, "CDCLK_CTL", 0x080002a1),
    hooked(Hook::pll_enable, 0x46010, "LCPLL1_CTL", 0xc0000000),
    hooked(Hook::pll_enable, 0x46014, "LCPLL2_CTL"),
    plain(0x46020, "SPLL_CTL"),
    hooked(Hook::pll_enable, 0x46040, "WRPLL_CTL1"),
    hooked(Hook::pll_enable, 0x46060, "WRPLL_CTL2"),
    plain(0x46100, "PORT_CLK_SEL", 0, 20),
    plain(0x46140, "TRANS_CLK_SEL", 0, 12),
    plain(0x46408, "NDE_RSTWRN_OPT"),
    plain(0x46430, "CHICKEN_46430"),
    plain(0x46508, "CHICKEN_46508"),
    plain(0x46520, "CHICKEN_46520"),
    plain(0x48250, "BLC_PWM_CPU_CTL2"),
    plain(0x48254, "BLC_PWM_CPU_CTL"),
    plain(0x48268, "BLC_48268"),
    // Firmware left a mark here: the display core is already running.
    plain(0x4f060, "SWF_18", 1),
    hooked(Hook::flip_mirror, 0x50080, "FLIP_1_A"),
    hooked(Hook::flip_mirror, 0x50088, "FLIP_1_B"),
    hooked(Hook::flip_mirror, 0x5008c, "FLIP_1_C"),
    hooked(Hook::flip_mirror, 0x50090, "FLIP_2_A"),
    hooked(Hook::flip_mirror, 0x50098, "FLIP_2_B"),
    hooked(Hook::flip_mirror, 0x5009c, "FLIP_2_C"),
    // No pipe is fused off.
    read_only(0x51000, "DFSM"),
    constant(0x64834, "EDP_PSR_IMR", 0),
    constant(0x64838, "EDP_PSR_IIR", 0),
    plain(0x64e00, "DDI_BUF_TRANS_A", 0, 0x50),
    plain(0x64e60, "DDI_BUF_TRANS_B", 0, 0x50),
    plain(0x64ec0, "DDI_BUF_TRANS_C", 0, 0x50),
    plain(0x64f20, "DDI_BUF_TRANS_D", 0, 0x50),
    plain(0x64f80, "DDI_BUF_TRANS_E", 0, 0x50),
    plain(0x65000, "AUDIO", 0, 0x100),
    plain(0x6c00c, "DISPIO_CR_TX_BMU_CR0"),
    plain(0x6c040, "DPLL_CFGCR", 0, 24),
    plain(0x6c058, "DPLL_CTRL1", 7),
    plain(0x6c05c, "DPLL_CTRL2"),
    read_only(0x6c060, "DPLL_STATUS", 1),
    hooked(Hook::pipeconf, 0x7f008, "PIPECONF_EDP"),
    plain(0x7f040, "PIPE_FRMCOUNT_EDP", 0, 8),
    plain(0x80000, "DMC_PROGRAM", 0, 0x3000),
    plain(0x8f000, "DMC_CSR", 0, 0x100),
    hooked(Hook::pll_enable, 0x130040, "LCPLL_CTL"),
});

inline constexpr auto kPchRows = std::to_array<RegisterDesc>({
    plain(0xc2000, "SOUTH_CHICKEN1"),
    hooked(Hook::fdi_chicken, 0xc2004, "SOUTH_CHICKEN2"),
    read_only(0xc2014, "SFUSE_STRAP", 1),  // port D detected
    plain(0xc2020, "SOUTH_DSPCLK_GATE_D"),
    read_only(0xc4030, "SHOTPLUG_CTL"),
    plain(0xc403c, "SHOTPLUG_CTL2"),
    plain(0xc4040, "SERR_INT"),
    plain(0xc5010, "GPIO", 0, 24),
    hooked(Hook::gmbus, 0xc5100, "GMBUS", 0, 16, kTrapRead),
    plain(0xc5110, "GMBUS4"),
    plain(0xc5120, "GMBUS5"),
    plain(0xc6000, "SBI_ADDR"),
    plain(0xc6004, "SBI_DATA"),
    hooked(Hook::sbi_control, 0xc6008, "SBI_CTL_STAT"),
    plain(0xc6020, "PIXCLK_GATE"),
    plain(0xc6200, "DREF_CONTROL"),
    plain(0xc6204, "RAWCLK_FREQ", 24),
    plain(0xc7000, "DPLL_SEL"),
    read_only(0xc7200, "PP_STATUS"),
    hooked(Hook::panel_power, 0xc7204, "PP_CONTROL"),
    plain(0xc7208, "PP_ON_DELAYS"),
    plain(0xc720c, "PP_OFF_DELAYS"),
    plain(0xc7210, "PP_DIVISOR"),
    plain(0xc8250, "BLC_PWM_PCH_CTL1"),
    plain(0xc8254, "BLC_PWM_PCH_CTL2"),
    constant(0xe651c, "DPY_E651C", 1u << 17),
    constant(0xe661c, "DPY_E661C", 1u << 17),
    constant(0xe671c, "DPY_E671C", 1u << 17),
    constant(0xe681c, "DPY_E681C", 1u << 17),
    constant(0xe6c04, "DPY_E6C04", 3),
    constant(0xe6e1c, "DPY_E6E1C", 0x2fu << 16),
    hooked(Hook::transconf, 0xf0008, "TRANSCONF_A"),
    hooked(Hook::transconf, 0xf1008, "TRANSCONF_B"),
    plain(0xf000c, "FDI_RX_CTL_A"),
    plain(0xf0010, "FDI_RX_MISC_A"),
    rw1c(0xf0014, "FDI_RX_IIR_A"),
    plain(0xf0018, "FDI_RX_IMR_A"),
    plain(0xf100c, "FDI_RX_CTL_B"),
    plain(0xf1010, "FDI_RX_MISC_B"),
    rw1c(0xf1014, "FDI_RX_IIR_B"),
    plain(0xf1018, "FDI_RX_IMR_B"),
    plain(0xf200c, "FDI_RX_CTL_C"),
    rw1c(0xf2014, "FDI_RX_IIR_C"),
    plain(0xf2018, "FDI_RX_IMR_C"),
});

inline constexpr std::array<Unit, 4> kTranscoders{{{0x60000, "transcoder A"},
                                                   {0x61000, "transcoder B"},
                                                   {0x62000, "transcoder C"},
                                                   {0x6f000, "transcoder EDP"}}};
inline constexpr auto kTranscoderRows = std::to_array<RegisterDesc>({
    plain(0x00, "HTOTAL"),        plain(0x04, "HBLANK"),
    plain(0x08, "HSYNC"),         plain(0x0c, "VTOTAL"),
    plain(0x10, "VBLANK"),        plain(0x14, "VSYNC"),
    plain(0x1c, "PIPESRC"),       plain(0x20, "BCLRPAT"),
    plain(0x28, "VSYNCSHIFT"),    plain(0x2c, "PIPE_MULT"),
    plain(0x30, "DATA_M1"),       plain(0x34, "DATA_N1"),
    plain(0x38, "DATA_M2"),       plain(0x3c, "DATA_N2"),
    plain(0x40, "LINK_M1"),       plain(0x44, "LINK_N1"),
    plain(0x48, "LINK_M2"),       plain(0x4c, "LINK_N2"),
    plain(0x110, "TRANS_110"),    plain(0x200, "DIP_CTL"),
    plain(0x210, "DIP_GCP"),      plain(0x220, "DIP_DATA", 0, 0x180),
    plain(0x400, "DDI_FUNC_CTL"), plain(0x404, "DDI_FUNC_CTL2"),
    plain(0x410, "MSA_MISC"),
});

/// Transcoder A comes up with the link values of 154 MHz pixels over four lanes at 324 MHz.
inline constexpr auto kAllTranscoderRows = with_reset(
    with_reset(with_reset(with_reset(family(kTranscoders, kTranscoderRows), 0x60030, 0x7e5b425e),
                          0x60034, 0x800000),
               0x60040, 0x3cd6e),
    0x60044, 0x80000);

inline constexpr std::array<Unit, 3> kPipes{
    {{0x70000, "pipe A"}, {0x71000, "pipe B"}, {0x72000, "pipe C"}}};
inline constexpr auto kPipeRows = std::to_array<RegisterDesc>({
    hooked(Hook::scanline, 0x00, "PIPEDSL", 0, 4, kTrapRead),
    plain(0x04, "PIPE_SLC"),
    hooked(Hook::pipeconf, 0x08, "PIPECONF"),
    plain(0x24, "PIPESTAT"),
    plain(0x30, "PIPE_MISC"),
    plain(0x34, "PIPE_BOTTOM_COLOR"),
    hooked(Hook::frame_count, 0x40, "PIPE_FRMCOUNT", 0, 4, kTrapRead),
    read_only(0x44, "PIPE_FLIPCOUNT"),
    read_only(0x48, "PIPE_FRMTMSTMP"),
    plain(0x80, "CUR_CTL"),
    hooked(Hook::cursor_base, 0x84, "CUR_BASE"),
    plain(0x88, "CUR_POS"),
    plain(0x90, "CUR_PAL", 0, 16),
    plain(0xa0, "CUR_FBC_CTL"),
    read_only(0xac, "CUR_SURFLIVE"),
    plain(0x140, "CUR_WM", 0, 32),
    plain(0x168, "CUR_WM_TRANS"),
    plain(0x17c, "CUR_BUF_CFG"),
});
inline constexpr std::array<Unit, 3> kPalettes{
    {{0x4a000, "pipe A"}, {0x4a800, "pipe B"}, {0x4b000, "pipe C"}}};
inline constexpr auto kPaletteRows = std::to_array<RegisterDesc>({
    plain(0, "LGC_PALETTE", 0, 0x400),
    plain(0x400, "PREC_PAL_INDEX"),
    plain(0x404, "PREC_PAL_DATA"),
    plain(0x410, "PREC_PAL_GC_MAX", 0, 12),
    plain(0x480, "GAMMA_MODE"),
});
inline constexpr std::array<Unit, 3> kCscs{
    {{0x49000, "pipe A"}, {0x49100, "pipe B"}, {0x49200, "pipe C"}}};
inline constexpr auto kCscRows = std::to_array<RegisterDesc>({plain(0x10, "PIPE_CSC", 0, 0x94)});

inline constexpr std::array<Unit, 12> kPlanes{{{0x70180, "plane 1A"},
                                               {0x70280, "plane 2A"},
                                               {0x70380, "plane 3A"},
                                               {0x70480, "plane 4A"},
                                               {0x71180, "plane 1B"},
                                               {0x71280, "plane 2B"},
                                               {0x71380, "plane 3B"},
                                               {0x71480, "plane 4B"},
                                               {0x72180, "plane 1C"},
                                               {0x72280, "plane 2C"},
                                               {0x72380, "plane 3C"},
                                               {0x72480, "plane 4C"}}};
inline constexpr auto kPlaneRows = std::to_array<RegisterDesc>({
    plain(0x00, "PLANE_CTL"),
    plain(0x04, "PLANE_LINOFF"),
    plain(0x08, "PLANE_STRIDE"),
    plain(0x0c, "PLANE_POS"),
    plain(0x10, "PLANE_SIZE"),
    plain(0x14, "PLANE_KEYVAL"),
    plain(0x18, "PLANE_KEYMSK"),
    hooked(Hook::plane_surf, 0x1c, "PLANE_SURF"),
    plain(0x20, "PLANE_KEYMAX"),
    plain(0x24, "PLANE_OFFSET"),
    read_only(0x2c, "PLANE_SURFLIVE"),
    plain(0x40, "PLANE_AUX_DIST"),
    plain(0x44, "PLANE_AUX_OFFSET"),
    plain(0x80, "PLANE_COLOR", 0, 0x40),
    plain(0xc0, "PLANE_WM", 0, 32),
    plain(0xe8, "PLANE_WM_TRANS"),
    plain(0xf8, "PLANE_NV12_BUF_CFG"),
    plain(0xfc, "PLANE_BUF_CFG"),
});
inline constexpr std::array<Unit, 5> kScalers{{{0x68100, "scaler 1A"},
                                               {0x68200, "scaler 2A"},
                                               {0x68900, "scaler 1B"},
                                               {0x68a00, "scaler 2B"},
                                               {0x69100, "scaler 1C"}}};
inline constexpr auto kScalerRows = std::to_array<RegisterDesc>({
    plain(0x60, "PS_PWR_GATE"),
    plain(0x70, "PS_WIN_POS"),
    plain(0x74, "PS_WIN_SZ"),
    hooked(Hook::scaler, 0x80, "PS_CTRL"),
    plain(0x84, "PS_VSCALE"),
    plain(0x88, "PS_VPHASE"),
    plain(0x90, "PS_HSCALE"),
    plain(0x94, "PS_HPHASE"),
    plain(0xd0, "PS_ECC_STAT"),
});

inline constexpr std::array<Unit, 5> kPorts{{{0x64000, "port A"},
                                             {0x64100, "port B"},
                                             {0x64200, "port C"},
                                             {0x64300, "port D"},
                                             {0x64400, "port E"}}};
inline constexpr auto kPortRows = std::to_array<RegisterDesc>({
    hooked(Hook::ddi_buf, 0x00, "DDI_BUF_CTL", 0x80),
    hooked(Hook::aux_ctl, 0x10, "AUX_CTL"),
    plain(0x14, "AUX_DATA", 0, 20),
    hooked(Hook::dp_tp_ctl, 0x40, "DP_TP_CTL"),
    with_masks(plain(0x44, "DP_TP_STATUS"), 0xf0ffffff, 0x0f000000),
});

inline constexpr auto kAllDisplayRows = cited(
    join(kDisplayCoreRows, kPchRows, kAllTranscoderRows, family(kPipes, kPipeRows),
         family(kPalettes, kPaletteRows), family(kCscs, kCscRows), family(kPlanes, kPlaneRows),
         family(kScalers, kScalerRows), family(kPorts, kPortRows)),
    "SKL PRM vol 2c and vol 12");

}  // namespace mediator::rows

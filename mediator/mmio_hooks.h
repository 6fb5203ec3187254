// SPDX-License-Identifier: MIT
// The register behaviours that need code. A row of the register table names one; the code is in
// mmio_hooks_*.cc.
#pragma once

#include <cstdint>

namespace mediator {

enum class Hook : uint16_t {
  none,
  // Engines and GT.
  elsp,
  hws_pga,
  ring_mode,
  reset_ctl,
  csfe_chicken,
  force_nonpriv,
  gdrst,
  forcewake,
  tlb_control,
  ips_64k,
  trtte,
  fence,
  pcode,
  // PVINFO.
  pv_info,
  pv_resources,
  pv_notify,
  // Interrupts.
  irq_master,
  irq_imr,
  irq_iir,
  irq_ier,
  // Display.
  power_well,
  dbuf,
  pll_enable,
  pipeconf,
  scanline,
  frame_count,
  plane_surf,
  cursor_base,
  flip_mirror,
  scaler,
  ddi_buf,
  dp_tp_ctl,
  aux_ctl,
  gmbus,
  transconf,
  panel_power,
  fdi_chicken,
  sbi_control,
};

}  // namespace mediator

// SPDX-License-Identifier: MIT
// Inside of the device model: how a register access reaches storage or a hook.
#pragma once

#include "mediator/device_model.h"
#include "mediator/display.h"
#include "mediator/mmio_write.h"
#include "mediator/pci_config.h"
#include "mediator/pcode.h"
#include "mediator/register_table.h"

namespace mediator {

/// From here on up (master interrupt, display, PVINFO, fences) a GT reset changes nothing.
inline constexpr uint32_t kGtResetEnd = 0x44200;

struct DeviceModel::Impl final : InterruptSink {
  Impl(const VgpuConfig& vgpu, std::span<std::byte> memory, DeviceSink& owner);

  // mmio.cc: any access a guest can produce, down to dwords and byte lanes.
  uint64_t read(uint64_t offset, unsigned size);
  void write(uint64_t offset, unsigned size, uint64_t value);
  void write_dword(uint32_t offset, uint32_t value, uint32_t lanes);
  void write_memory(uint32_t offset, uint32_t value, uint32_t lanes);
  void before_read(uint32_t offset);

  // mmio_hooks_gt.cc: rows of Behaviour::hook.
  void run_hook(const RegisterWrite& w);
  void before_hooked_read(const RegisterDesc& row, uint32_t offset);
  void write_hws_pga(const RegisterWrite& w);
  void write_ring_mode(const RegisterWrite& w);
  void write_reset_ctl(const RegisterWrite& w);
  void write_csfe_chicken(const RegisterWrite& w);
  void write_force_nonpriv(const RegisterWrite& w);
  void write_gdrst(const RegisterWrite& w);
  void write_forcewake(const RegisterWrite& w);
  void write_tlb_control(const RegisterWrite& w);
  void write_ips(const RegisterWrite& w);
  void write_trtte(const RegisterWrite& w);
  void write_fence(const RegisterWrite& w);
  void write_notify(const RegisterWrite& w);

  // mmio_reset.cc.
  void reset_registers(bool full, bool zeroed);
  void reset_engine(gen9::EngineId engine);
  // mmio_resume.cc.
  void resume(std::span<const std::byte> saved);
  void refuse() { ++counts.refused_writes; }
  void store(const RegisterWrite& w) { regs.set(w.offset, w.merged()); }

  void raise_msi() override;

  VgpuConfig config;
  DeviceSink& sink;
  RegisterFile regs;
  std::span<const uint16_t> index;
  std::span<const RegisterDesc> rows;
  DeviceCounts counts;
  Interrupts interrupts;
  PciConfig pci;
  Display display;
  bool pvinfo_seen = false;
  bool failsafe = false;
};

/// Corrects the fuse registers (written for a Skylake GT2) for another Gen9 part. mmio_fuses.cc.
void write_fuses(RegisterFile& regs, uint16_t device_id);
/// Coffee Lake and Comet Lake watch one more bit of RING_MODE.
bool is_coffee_lake(uint16_t device_id);

}  // namespace mediator

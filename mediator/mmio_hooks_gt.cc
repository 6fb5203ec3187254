// SPDX-License-Identifier: MIT
// Hooks of the engines, the GT and PVINFO, and the switch that finds every hook.
#include <algorithm>
#include <array>

#include "mediator/device_model_impl.h"
#include "mediator/fences.h"
#include "mediator/mmio_write.h"
#include "mediator/pvinfo.h"

namespace mediator {
namespace {

using gen9::EngineId;

/// The engine whose 4 KiB register block holds this offset; only for rows of that family.
EngineId engine_of(uint32_t offset) {
  for (EngineId e : gen9::kAllEngines)
    if (gen9::info(e).mmio_base == (offset & ~0xfffu)) return e;
  return EngineId::rcs;
}

/// Registers a guest may open to its unprivileged batches (facts, section 2.2).
constexpr auto kNonprivAllowed = std::to_array<uint32_t>(
    {0xd80,  0x20ec, 0x2248, 0x2340, 0x2348, 0x2350, 0x2580, 0x2690, 0x2694, 0x2698, 0x2754,
     0x28a0, 0x4de0, 0x4de4, 0x4dfc, 0x7010, 0x7014, 0x7300, 0x7304, 0x7700, 0x7704, 0x7708,
     0x770c, 0x83a8, 0xb110, 0xb118, 0xe100, 0xe18c, 0xe48c, 0xe5f4, 0x64844});
static_assert(std::is_sorted(kNonprivAllowed.begin(), kNonprivAllowed.end()));
using NonprivAddress = hv::Field32<25, 2>;
using NonprivRange = hv::Field32<1, 0>;  ///< 0: one register, 1: four, 2: sixteen, 3: sixty-four
constexpr uint32_t kPsInvocationCount = 0x2348;

bool nonpriv_allowed(EngineId engine, uint32_t value) {
  const uint32_t reg = value & NonprivAddress::mask;
  const uint32_t range = NonprivRange::get(value);
  if (reg == gen9::engine_reg(engine, gen9::rel::kNopid)) return range == 0;
  if (!std::binary_search(kNonprivAllowed.begin(), kNonprivAllowed.end(), reg)) return false;
  // A range would open its neighbours too; Coffee Lake needs one, over the statistics counters.
  return range == 0 || (range == 1 && reg == kPsInvocationCount);
}

}  // namespace

void DeviceModel::Impl::run_hook(const RegisterWrite& w) {
  switch (w.row.hook) {
    case Hook::none: return;
    case Hook::elsp: return sink.elsp_write(engine_of(w.offset), w.value);
    case Hook::hws_pga: return write_hws_pga(w);
    case Hook::ring_mode: return write_ring_mode(w);
    case Hook::reset_ctl: return write_reset_ctl(w);
    case Hook::csfe_chicken: return write_csfe_chicken(w);
    case Hook::force_nonpriv: return write_force_nonpriv(w);
    case Hook::gdrst: return write_gdrst(w);
    case Hook::forcewake: return write_forcewake(w);
    case Hook::tlb_control: return write_tlb_control(w);
    case Hook::ips_64k: return write_ips(w);
    case Hook::trtte: return write_trtte(w);
    case Hook::fence: return write_fence(w);
    case Hook::pcode: return pcode_command(regs, w.merged());
    case Hook::pv_info: return refuse();
    case Hook::pv_resources:
      store(w);
      return sink.enter_failsafe(FailsafeReason::insufficient_resources);
    case Hook::pv_notify: return write_notify(w);
    case Hook::irq_master: return interrupts.write_master(w.merged());
    case Hook::irq_iir: return interrupts.write_iir(w.offset, w.value);
    case Hook::irq_imr:
      display.before_mask_change(w.offset);
      return interrupts.write_imr(w.offset, w.merged());
    case Hook::irq_ier: return interrupts.write_ier(w.offset, w.merged());
    default:
      if (!display.write(w)) refuse();
  }
}

void DeviceModel::Impl::before_hooked_read(const RegisterDesc& row, uint32_t offset) {
  if (row.hook == Hook::pv_info)
    pvinfo_seen = true;
  else
    display.before_read(row.hook, offset);
}

void DeviceModel::Impl::write_hws_pga(const RegisterWrite& w) {
  const uint32_t address = w.merged() & ~uint32_t{hv::kPageMask};
  if (address != 0 && !config.windows.contains(address, hv::kPageSize)) {
    refuse();
    return sink.enter_failsafe(FailsafeReason::bad_status_page);
  }
  regs.set(w.offset, address);
  sink.status_page_changed(engine_of(w.offset), address);
}

void DeviceModel::Impl::write_ring_mode(const RegisterWrite& w) {
  // Bits that take the engine to a submission interface no vGPU has.
  const uint32_t forbidden = is_coffee_lake(config.device_id) ? 0x3 : 0x1;
  const uint32_t wanted = w.mask() & w.value;
  if (wanted & forbidden) {
    refuse();
    sink.enter_failsafe(FailsafeReason::bad_ring_mode);
  }
  regs.set(w.offset, w.masked() & ~forbidden);
  if (!pvinfo_seen && (wanted & (gen9::kModePpgttEnable | gen9::kModeRunListEnable)))
    return sink.enter_failsafe(FailsafeReason::guest_not_vgpu_aware);
  if (w.mask() & gen9::kModeRunListEnable)
    sink.ring_mode_changed(engine_of(w.offset), (wanted & gen9::kModeRunListEnable) != 0);
}

void DeviceModel::Impl::write_reset_ctl(const RegisterWrite& w) {
  const bool request = w.masked() & gen9::kResetRequest;
  regs.set(w.offset, request ? gen9::kResetRequest | gen9::kResetReady : 0);
}

void DeviceModel::Impl::write_csfe_chicken(const RegisterWrite& w) {
  constexpr uint32_t kPreemptionGranularity = 0x18;
  regs.set(w.offset, w.masked() & ~kPreemptionGranularity);
  if ((w.mask() & w.value & kPreemptionGranularity) == 0) return;
  refuse();
  sink.enter_failsafe(FailsafeReason::bad_ring_mode);
}

void DeviceModel::Impl::write_force_nonpriv(const RegisterWrite& w) {
  if (!nonpriv_allowed(engine_of(w.offset), w.merged())) return refuse();
  store(w);
}

void DeviceModel::Impl::write_gdrst(const RegisterWrite& w) {
  if (w.value & gen9::kGdrstFull) {
    reset_registers(false, false);
    return sink.reset_engines(gen9::kAllEngineMask, true);
  }
  gen9::EngineMask engines = 0;
  for (EngineId e : gen9::kAllEngines)
    if (w.value & gen9::info(e).reset_bit) {
      engines |= gen9::engine_bit(e);
      reset_engine(e);
    }
  if (engines != 0) sink.reset_engines(engines, false);
}

void DeviceModel::Impl::write_forcewake(const RegisterWrite& w) {
  const uint32_t ack = w.offset == gen9::kForcewakeRender    ? gen9::kForcewakeRenderAck
                       : w.offset == gen9::kForcewakeBlitter ? gen9::kForcewakeBlitterAck
                                                             : gen9::kForcewakeMediaAck;
  regs.set(w.offset, w.masked());
  regs.set(ack, w.masked());
}

/// Done at once, so the register reads zero: nothing is pending.
void DeviceModel::Impl::write_tlb_control(const RegisterWrite& w) {
  if ((w.value & 1) == 0) return;
  for (EngineId e : gen9::kAllEngines)
    if (gen9::info(e).tlb_reg == w.offset) sink.tlb_invalidate(e);
}

/// 64 KiB pages are switched for all engines together or not at all.
void DeviceModel::Impl::write_ips(const RegisterWrite& w) {
  constexpr uint32_t kAllEngineIps = 0xf;
  const uint32_t ips = w.merged() & kAllEngineIps;
  if (ips != 0 && ips != kAllEngineIps) return refuse();
  store(w);
}

void DeviceModel::Impl::write_trtte(const RegisterWrite& w) {
  // Enable together with "tables in physical memory": the one form that would leave the PPGTT.
  if ((w.merged() & 3) == 3) return refuse();
  store(w);
}

void DeviceModel::Impl::write_fence(const RegisterWrite& w) {
  if (const unsigned n = fence_number(w.offset); n < config.fences) {
    store(w);
    return sink.fence_changed(read_fence(regs, n, config.fences));
  }
  refuse();
  if (!pvinfo_seen) sink.enter_failsafe(FailsafeReason::bad_fence);
}

void DeviceModel::Impl::write_notify(const RegisterWrite& w) {
  store(w);
  const uint32_t what = w.merged();
  if (what < pvinfo::kL3Create || what > pvinfo::kL4Destroy) return;
  sink.g2v_notify(what, pvinfo::roots(regs));
}

}  // namespace mediator

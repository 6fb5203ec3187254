// SPDX-License-Identifier: MIT
// The device model's outside: config space, register accesses, timers, reset, state.
#include "mediator/device_model.h"

#include <algorithm>

#include "mediator/device_model_impl.h"
#include "mediator/fences.h"

namespace mediator {

const char* failsafe_name(FailsafeReason r) {
  switch (r) {
    case FailsafeReason::none: return "none";
    case FailsafeReason::guest_not_vgpu_aware: return "guest not vGPU aware";
    case FailsafeReason::insufficient_resources: return "insufficient resources";
    case FailsafeReason::bad_status_page: return "bad status page";
    case FailsafeReason::bad_fence: return "bad fence";
    case FailsafeReason::bad_ring_mode: return "bad ring mode";
    case FailsafeReason::scan_refused: return "scan refused";
    case FailsafeReason::bad_context: return "bad context";
    case FailsafeReason::repeated_hangs: return "repeated hangs";
    case FailsafeReason::dismissed: return "dismissed";
  }
  return "?";
}

DeviceModel::Impl::Impl(const VgpuConfig& vgpu, std::span<std::byte> memory, DeviceSink& owner)
    : config(vgpu),
      sink(owner),
      regs(memory),
      index(register_index()),
      rows(register_table()),
      interrupts(regs, *this),
      pci(vgpu),
      display(config, regs, interrupts, owner, counts) {
  reset_registers(true, true);
}

void DeviceModel::Impl::raise_msi() {
  if (!pci.msi_enabled()) return;
  ++counts.interrupts;
  sink.raise_msi(pci.msi_address(), pci.msi_data());
}

DeviceModel::DeviceModel(const VgpuConfig& config, std::span<std::byte> registers, DeviceSink& sink)
    : impl_(std::make_unique<Impl>(config, registers, sink)) {}
DeviceModel::~DeviceModel() = default;

uint64_t DeviceModel::config_read(uint64_t offset, unsigned size) {
  return impl_->pci.read(offset, size);
}

void DeviceModel::config_write(uint64_t offset, unsigned size, uint64_t value) {
  PciConfig& pci = impl_->pci;
  const PciConfig before = pci;
  pci.write(offset, size, value);
  for (hv::Range range : {hv::Range::bar0, hv::Range::bar2}) {
    const PciConfig::Bar now = pci.bar(range), was = before.bar(range);
    if (now == was || (!now.enabled && !was.enabled)) continue;
    impl_->sink.bar_changed(range, now.enabled, now.base, now.bytes);
  }
  if (pci.opregion() != before.opregion() && pci.opregion() != 0 &&
      !impl_->sink.opregion_wanted(pci.opregion()))
    pci.clear_opregion();
  if (pci.msi_enabled() && !before.msi_enabled()) impl_->interrupts.resend();
}

uint64_t DeviceModel::mmio_read(uint64_t offset, unsigned size) {
  return impl_->read(offset, size);
}
void DeviceModel::mmio_write(uint64_t offset, unsigned size, uint64_t value) {
  impl_->write(offset, size, value);
}
void DeviceModel::command_write(uint32_t offset, uint32_t value) { impl_->write(offset, 4, value); }

uint64_t DeviceModel::next_deadline_ns() const { return impl_->display.next_deadline_ns(); }
void DeviceModel::run_timers(uint64_t now_ns) { impl_->display.run_timers(now_ns); }

RegisterFile& DeviceModel::registers() { return impl_->regs; }
Interrupts& DeviceModel::interrupts() { return impl_->interrupts; }
PlaneView DeviceModel::primary_plane(unsigned pipe) const { return impl_->display.primary(pipe); }
PlaneView DeviceModel::cursor_plane(unsigned pipe) const { return impl_->display.cursor(pipe); }
void DeviceModel::display_flip(unsigned plane, uint32_t surface, uint32_t stride_tiling,
                               bool async) {
  if (!impl_->failsafe) impl_->display.flip(plane, surface, stride_tiling, async);
}
uint64_t DeviceModel::fence(unsigned n) const {
  return read_fence(impl_->regs, n, impl_->config.fences);
}

std::vector<std::pair<uint32_t, uint32_t>> DeviceModel::trapped_pages() const {
  std::vector<std::pair<uint32_t, uint32_t>> pages;
  for (const gen9::EngineId e : gen9::kAllEngines) {
    const uint32_t clock = gen9::engine_reg(e, gen9::rel::kTimestamp);
    pages.emplace_back(hv::align_down(clock, hv::kPageSize), hv::kPageSize);
  }
  for (const RegisterDesc& d : impl_->rows) {
    if ((d.flags & kTrapRead) == 0) continue;
    const auto page = static_cast<uint32_t>(hv::align_down(d.offset, hv::kPageSize));
    if (!pages.empty() && pages.back().first + pages.back().second > page) continue;
    pages.emplace_back(page, static_cast<uint32_t>(hv::kPageSize));
  }
  return pages;
}

void DeviceModel::reset(bool full) {
  impl_->reset_registers(full, false);
  if (!full) return;
  const PciConfig before = impl_->pci;
  impl_->pci.reset(impl_->config);
  impl_->pvinfo_seen = false;
  for (hv::Range range : {hv::Range::bar0, hv::Range::bar2})
    if (before.bar(range).enabled)
      impl_->sink.bar_changed(range, false, 0, before.bar(range).bytes);
}

void DeviceModel::resume(std::span<const std::byte> saved) { impl_->resume(saved); }
void DeviceModel::set_failsafe(bool on) { impl_->failsafe = on; }
bool DeviceModel::pvinfo_seen() const { return impl_->pvinfo_seen; }
unsigned DeviceModel::power_state() const { return impl_->pci.power_state(); }
void DeviceModel::plug_monitor(bool in) { impl_->display.plug(in); }
const DeviceCounts& DeviceModel::counts() const { return impl_->counts; }

}  // namespace mediator

// SPDX-License-Identifier: MIT
#include "dom0/daemon/xen_guest.h"

#include <algorithm>

#include "shadow/gen9/regs.h"

namespace xengvtd {

hv::Result<gpu::DmaPage> FrameBus::alloc() {
  const auto frame = frames_.alloc_host();
  if (!frame.ok()) return frame.error();
  return gpu::DmaPage{*frame, frames_.page(*frame)};
}

hv::Result<void, Problem> XenGuest::go_live(hv::TrapHandler& handler) {
  domain_->attach(&handler);
  domain_->resume();
  return {};
}

uint64_t XenGuest::wake_ns() const {
  return domain_->waiting() ? looked_ns_ + kLookAgainNs : UINT64_MAX;
}

bool XenGuest::dispatch(const std::function<bool()>& enough) {
  domain_->dispatch(hv::xen::XenDomain::kMostAtOnce, enough);
  if (domain_->waiting()) looked_ns_ = clock_.now_ns();
  return true;
}

hv::local::TrapCounts XenGuest::counts() const {
  const hv::xen::ExitCounts& x = domain_->counts();
  hv::local::TrapCounts t;
  t.config_reads = x.config_reads;
  t.config_writes = x.config_writes;
  t.register_reads = x.register_reads;
  t.register_writes = x.register_writes;
  t.aperture_reads = x.aperture_reads;
  t.aperture_writes = x.aperture_writes;
  t.page_writes = x.page_writes;
  t.interrupts = x.interrupts;
  return t;
}

std::optional<hv::xen::Record> XenGuest::record() const {
  if (!pages_) return {};
  return domain_->record();
}

uint64_t XenGuest::changes() const { return domain_->changes() + domain_->counts().config_writes; }

std::vector<std::byte> XenGuest::take_registers() {
  const auto left = domain_->left(hv::Range::bar0, 0);
  std::vector<std::byte> registers(left.begin(), left.end());
  // A vGPU begins with zeroed pages.
  std::fill(left.begin(), left.end(), std::byte{0});
  return registers;
}

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// Registers as another process left them: a vGPU's state is its registers, but for what was on the
// GPU. What a write would have been checked for is checked again, because the memory they stood in
// was the guest's.
#include "mediator/device_model_impl.h"
#include "mediator/display_regs.h"
#include "mediator/mmio_write.h"

namespace mediator {
namespace {

enum class Way : uint8_t { copied, written, fresh };

/// How a register comes back.
Way way_of(const RegisterDesc& d) {
  if (d.behaviour == Behaviour::constant) return Way::fresh;
  switch (d.hook) {
    case Hook::hws_pga:
    case Hook::ring_mode:
    case Hook::csfe_chicken:
    case Hook::force_nonpriv:
    case Hook::ips_64k:
    case Hook::trtte:
    case Hook::fence:
    case Hook::pipeconf: return Way::written;
    // What is asked by writing is not asked again, and a transfer that was under way is over.
    case Hook::elsp:
    case Hook::gdrst:
    case Hook::tlb_control:
    case Hook::pv_info:
    case Hook::gmbus:
    case Hook::aux_ctl: return Way::fresh;
    default: return Way::copied;
  }
}

bool is_masked(Hook h) { return h == Hook::ring_mode || h == Hook::csfe_chicken; }

}  // namespace

void DeviceModel::Impl::resume(std::span<const std::byte> saved) {
  const auto before = [&](uint32_t at) { return hv::load<uint32_t>(saved.data() + at); };
  for (const gen9::EngineId e : gen9::kAllEngines)
    pvinfo_seen |=
        (before(gen9::engine_reg(e, gen9::rel::kRingMode)) & gen9::kModeRunListEnable) != 0;
  for (uint32_t at = 0; at < gen9::kMmioBytes; at += 4) {
    const uint16_t row = index[at / 4];
    if (row == 0 || way_of(rows[row - 1]) == Way::copied) regs.set(at, before(at));
  }
  for (unsigned n = 0; n < kPipes; ++n)
    display.count_frames_from(n, before(reg::pipe(n) + reg::kFrameCount));
  for (const RegisterDesc& d : rows) {
    if (way_of(d) != Way::written) continue;
    const uint32_t mask = is_masked(d.hook) ? 0xffff0000 : 0;
    for (uint32_t at = d.offset; at < d.offset + d.bytes; at += 4)
      if (before(at) != 0) run_hook({d, at, before(at) | mask, ~0u, regs.get(at)});
  }
}

}  // namespace mediator

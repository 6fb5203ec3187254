// SPDX-License-Identifier: MIT
// Engine and full resets. SKL PRM vol 2c (GDRST, RESET_CTL).
#include "dom0/gpu/driver/driver.h"

namespace gpu {
namespace {

constexpr uint64_t kReadyTimeoutUs = 700, kGdrstTimeoutUs = 5000;
constexpr uint32_t kResetCatError = hv::bit(2);

}  // namespace

hv::Status Driver::reset_engine(EngineId e) {
  if (auto s = usable(); !s) return s;
  // An engine too hung to get ready is reset all the same: nothing of it is kept.
  prepare_reset(e);
  if (!reset_domain(gen9::info(e).reset_bit)) return full_reset(e);
  write_engine(e, gen9::rel::kResetCtl, hv::masked_disable(gen9::kResetRequest));
  engine_lost(e);
  return {};
}

bool Driver::prepare_reset(EngineId e) {
  const uint32_t reg = gen9::engine_reg(e, gen9::rel::kResetCtl);
  write_engine(e, gen9::rel::kMiMode, hv::masked_enable(gen9::kMiModeStopRing));
  const uint32_t state = device_.read32(reg);
  if (state & kResetCatError) {
    // After a catastrophic error there is no handshake; the hardware clears the bit when it can go.
    device_.write32(reg, hv::masked_enable(kResetCatError));
    return wait_for(reg, kResetCatError, 0, kReadyTimeoutUs);
  }
  device_.write32(reg, hv::masked_enable(gen9::kResetRequest));
  return wait_for(reg, gen9::kResetReady, gen9::kResetReady, kReadyTimeoutUs);
}

bool Driver::reset_domain(uint32_t bits) {
  device_.write32(gen9::kGdrst, bits);
  return wait_for(gen9::kGdrst, bits, 0, kGdrstTimeoutUs);
}

void Driver::engine_lost(EngineId e) {
  drop_stale(e);
  engine(e).ports.clear();
  init_engine(e);
  emit(mediator::GpuEventKind::reset_done, e, 0, 0);
}

/// What the engine said before its reset is nothing to whoever runs there next.
void Driver::drop_stale(EngineId e) {
  std::erase_if(events_, [e](const mediator::GpuEvent& event) { return event.engine == e; });
  const uint32_t iir = gen9::info(e).gt_iir, bits = 0xffffu << gen9::info(e).irq_shift;
  device_.write32(iir, bits);  // IIR holds two levels of events
  device_.write32(iir, bits);
}

/// All engines, because one does not reset alone. The others' users are told what they lost.
hv::Status Driver::full_reset(EngineId asked) {
  service_interrupts();
  for (EngineId e : gen9::kAllEngines) {
    prepare_reset(e);
    if (e != asked) (void)read_csb(e);
  }
  if (!reset_domain(gen9::kGdrstFull)) {
    wedged_ = true;
    return hv::Error::io;
  }
  init_ppat();
  init_workarounds();
  for (unsigned n = 0; n < gen9::kFences; ++n)
    if (fences_[n] != 0) write_fence(n);
  for (EngineId e : gen9::kAllEngines) {
    write_engine(e, gen9::rel::kResetCtl, hv::masked_disable(gen9::kResetRequest));
    const auto lost = static_cast<uint32_t>(ports(e).any_user() >> 32);
    if (e == asked || lost == 0) {
      engine_lost(e);
      continue;
    }
    engine(e).ports.clear();
    init_engine(e);
    emit(mediator::GpuEventKind::reset_done, e, lost, 0);
  }
  init_interrupts();
  return {};
}

}  // namespace gpu

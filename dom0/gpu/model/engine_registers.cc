// SPDX-License-Identifier: MIT
// An engine's register block. SKL PRM vol 2c.
#include "dom0/gpu/model/engine.h"

namespace gpu::model {
namespace {

namespace rel = gen9::rel;

constexpr uint64_t kTimestampMask = (uint64_t{1} << 36) - 1;

}  // namespace

uint32_t Engine::reg(uint32_t rel) const { return core_.regs.get(base_ + rel); }
void Engine::set_reg(uint32_t rel, uint32_t value) { core_.regs.set(base_ + rel, value); }

uint64_t Engine::timestamp() const {
  return ticks(core_.config.context_time ? state_.charged_ns : core_.now) & kTimestampMask;
}

uint32_t Engine::context_ticks() const {
  if (core_.config.context_time) return static_cast<uint32_t>(ticks(state_.charged_ns));
  const bool loaded = phase_ != Phase::idle && phase_ != Phase::restoring;
  return state_.timestamp + static_cast<uint32_t>(loaded ? ticks(core_.now - running_since_) : 0);
}

uint64_t Engine::busy_ns() const {
  return busy_ns_ + (phase_ == Phase::idle ? 0 : core_.now - active_since_);
}

uint32_t Engine::mode_register() const {
  const bool rests = phase_ == Phase::idle || phase_ == Phase::stopped;
  return (reg(rel::kMiMode) & ~gen9::kMiModeIdle) | (rests ? gen9::kMiModeIdle : 0);
}

uint32_t Engine::read(uint32_t offset) {
  const uint64_t at = state_.level != 0 ? state_.batch[state_.level].address
                                        : state_.ring_start + (state_.ring_head & 0x1ffffc);
  const uint64_t batch = state_.level != 0 ? state_.batch[state_.level].address | 1 : 0;
  switch (offset) {
    case rel::kRingHead: return state_.ring_head;
    case rel::kRingTail: return state_.ring_tail;
    case rel::kActhd: return static_cast<uint32_t>(at);
    case rel::kActhdUdw: return static_cast<uint32_t>(at >> 32);
    case rel::kBbAddr: return static_cast<uint32_t>(batch);
    case rel::kBbAddrUdw: return static_cast<uint32_t>(batch >> 32);
    case rel::kIpehr: return cached_dword_;
    case rel::kInstdone: return phase_ == Phase::idle ? ~0u : ~1u;
    case rel::kMiMode: return mode_register();
    case rel::kExeclistStatusLo: return execlist_.status_lo(arbitration_);
    case rel::kExeclistStatusHi: return execlist_.status_hi();
    case rel::kTimestamp: return static_cast<uint32_t>(timestamp());
    case rel::kTimestampUdw: return static_cast<uint32_t>(timestamp() >> 32);
    case rel::kCtxTimestamp: return context_ticks();
    default: return reg(offset);
  }
}

void Engine::write_mode(uint32_t value) {
  core_.regs.write(base_ + rel::kMiMode, value);
  stop_ring_ = (reg(rel::kMiMode) & gen9::kMiModeStopRing) != 0;
  if (stop_ring_ && phase_ == Phase::waiting) stop();
  if (stop_ring_) cut_spin();
  if (!stop_ring_ && phase_ == Phase::stopped) start_next();
}

void Engine::write(uint32_t offset, uint32_t value) {
  switch (offset) {
    case rel::kElsp:
      if ((reg(rel::kRingMode) & gen9::kModeRunListEnable) && execlist_.write_elsp(value)) submit();
      break;
    case rel::kMiMode: write_mode(value); break;
    case rel::kResetCtl: {
      core_.regs.write(base_ + offset, value);
      const uint32_t request = reg(offset) & gen9::kResetRequest;
      set_reg(offset, request ? request | gen9::kResetReady : 0);
      break;
    }
    case rel::kEir:  // write 1 to clear; what caused it is gone with it
      set_reg(rel::kEir, reg(rel::kEir) & ~value);
      set_reg(rel::kEsr, reg(rel::kEsr) & ~value);
      break;
    case rel::kEsr:
    case rel::kExeclistStatusLo:
    case rel::kExeclistStatusHi:
    case rel::kTimestamp:
    case rel::kTimestampUdw:
    case rel::kCtxTimestamp: break;
    default: core_.regs.write(base_ + offset, value);
  }
}

void Engine::reset() {
  if (phase_ != Phase::idle) go_idle();
  execlist_.reset();
  core_.regs.reset_engine(id_);
  if (mmu_.state_observer()) mmu_.state_observer()->on_engine_reset(id_);
  mmu_.invalidate();
  mmu_.set_root(0);
  mmu_.take_fault();
  blitter_.set_state({});
  state_ = {};
  stop_ring_ = false;
  arbitration_ = true;
  workaround_ = Workaround::none;
  window_page_ = kNever;
  yield_ = true;
}

}  // namespace gpu::model

// SPDX-License-Identifier: MIT
// Context switches of an engine: what is restored and saved when, and which events that makes.
#include "dom0/gpu/model/engine.h"

namespace gpu::model {

namespace csb = gen9::csb;
namespace rel = gen9::rel;

/// A new pending pair has arrived.
void Engine::submit() {
  if (phase_ == Phase::idle) {
    active_since_ = core_.now;
    enter_ring();
  } else if (phase_ == Phase::waiting) {
    preempt_wait();
  } else {
    cut_spin();
  }
}

/// A wait is an arbitration point for as long as it lasts. True if the context is leaving; it will
/// start the wait anew and pay for it then.
bool Engine::preempt_wait() {
  if (!may_preempt()) return false;
  if (execlist_.pending_head().continues(execlist_.running())) {
    lite_restore();
    return false;
  }
  state_.charged_ns -= command_ns_;
  begin_save(true);
  return true;
}

/// From idle: the pending pair becomes current.
void Engine::enter_ring() {
  execlist_.take_pending();
  switch_event(csb::kIdleToActive, 0);
  begin_restore();
}

void Engine::switch_event(uint32_t status, uint32_t context_id) {
  execlist_.event(status, context_id);
  raise(gen9::irq::kContextSwitch);
}

void Engine::begin_restore() {
  phase_ = Phase::restoring;
  next_ = core_.now + core_.config.cost.context_restore_ns;
  mmu_.set_context(execlist_.running().lrca());
}

void Engine::finish_restore() {
  constexpr uint32_t kErrorPage = hv::bit(4), kErrorInstruction = hv::bit(0);
  arbitration_ = true;
  workaround_ = Workaround::none;
  leave_loop();
  flushed_ = false;
  window_page_ = kNever;
  if (!image_.restore(execlist_.running().lrca(), state_))
    return halt(mmu_.take_fault() ? kErrorPage : kErrorInstruction);
  ring_bytes_ = gen9::ctx::ring_bytes(state_.ring_ctl);
  state_.ring_head = (state_.ring_head & 0xffe00000) | (state_.ring_head & 0x1ffffc) % ring_bytes_;
  state_.ring_tail = (state_.ring_tail & 0x1ffffc) % ring_bytes_;
  blitter_.set_state(state_.blitter);
  running_since_ = core_.now;
  batch_ns_ = 0;
  set_reg(rel::kRingStart, state_.ring_start);
  set_reg(rel::kRingCtl, state_.ring_ctl);
  set_reg(rel::kPdp0Ldw, static_cast<uint32_t>(state_.pdp0));
  set_reg(rel::kPdp0Udw, static_cast<uint32_t>(state_.pdp0 >> 32));
  start_workaround();
  start_next();
}

/// INDIRECT_CTX, then BB_PER_CTX_PTR, then the context.
void Engine::start_workaround() {
  const uint32_t lines = state_.indirect & 0x3f;
  if (lines == 0) {
    workaround_ = Workaround::indirect;
    return finish_workaround();
  }
  workaround_ = Workaround::indirect;
  workaround_at_ = {state_.indirect & ~0x3fu, true};
  workaround_end_ = workaround_at_.address + uint64_t{lines} * 64;
}

void Engine::finish_workaround() {
  const bool per_context = workaround_ == Workaround::indirect && (state_.per_context & 1);
  workaround_ = per_context ? Workaround::per_context : Workaround::none;
  workaround_at_ = {state_.per_context & ~0xfffu, true};
  workaround_end_ = kNever;
  if (!per_context && mmu_.state_observer())
    mmu_.state_observer()->on_context(id_, lrca(), flushed_);
}

void Engine::begin_save(bool preempted) {
  phase_ = Phase::saving;
  preempting_ = preempted;
  next_ = core_.now + core_.config.cost.context_save_ns;
}

void Engine::finish_save() {
  const uint32_t id = execlist_.running().context_id();
  state_.timestamp = context_ticks();
  state_.blitter = blitter_.state();
  image_.save(execlist_.running().lrca(), state_);
  if (mmu_.take_fault()) fail(hv::bit(4));
  if (preempting_) {
    switch_event(csb::kPreempted, id);
    execlist_.take_pending();
    return begin_restore();
  }
  if (execlist_.next_element()) {
    switch_event(csb::kContextComplete | csb::kElementSwitch, id);
    // A pair that arrived meanwhile displaces the second element before it was ever loaded.
    if (execlist_.pending()) {
      const bool same = execlist_.pending_head().continues(execlist_.running());
      switch_event(csb::kPreempted | (same ? csb::kLiteRestore : 0),
                   execlist_.running().context_id());
      execlist_.take_pending();
    }
    return begin_restore();
  }
  switch_event(csb::kContextComplete | csb::kActiveToIdle, id);
  if (execlist_.pending()) return enter_ring();
  go_idle();
}

void Engine::go_idle() {
  phase_ = Phase::idle;
  next_ = kNever;
  busy_ns_ += core_.now - active_since_;
  execlist_.clear_running();
  mmu_.set_context(0);
}

/// The running context was submitted again: only its tail has moved.
void Engine::lite_restore() {
  const uint32_t id = execlist_.running().context_id();
  execlist_.take_pending();
  state_.ring_tail = (image_.sample_tail(execlist_.running().lrca()) & 0x1ffffc) % ring_bytes_;
  switch_event(csb::kPreempted | csb::kLiteRestore, id);
}

void Engine::ring_empty() {
  if (execlist_.pending() && execlist_.pending_head().continues(execlist_.running())) {
    lite_restore();
    if (ring_offset_ != state_.ring_tail) return start_next();
  }
  begin_save(false);
}

}  // namespace gpu::model

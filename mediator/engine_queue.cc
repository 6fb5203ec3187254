// SPDX-License-Identifier: MIT
#include "mediator/engine_queue.h"

#include <algorithm>
#include <utility>

#include "shadow/gen9/regs.h"

namespace mediator {
namespace {

// A preemption request is looked at this often; the answer is normally much faster.
constexpr unsigned kHangChecks = 4;
// With preemption refused but progress made (arbitration off), others wait at most this many times
// hang_ns before the engine is taken by reset.
constexpr unsigned kStubbornFactor = 5;
// A GPU lives that lives a quarter of the time; the time of one that does not counts a sixteenth.
constexpr unsigned kLivedFactor = 4, kDeadFactor = 16;

}  // namespace

EngineQueue::EngineQueue(EngineId engine, HostGpu& gpu, hv::Clock& clock,
                         const MediatorConfig& config, Lookup lookup)
    : engine_(engine),
      gpu_(gpu),
      clock_(clock),
      config_(config),
      lookup_(std::move(lookup)),
      queue_(GpuShares{.slice_ns = config.slice_ns}) {}

void EngineQueue::add(Vgpu& vgpu, const Share& share) {
  queue_.add(vgpu.id(), share, clock_.now_ns());
}

void EngineQueue::drop(hv::VgpuId id) { queue_.remove(id, clock_.now_ns()); }

void EngineQueue::set_gpu(const GpuShares& gpu) {
  queue_.set_gpu(gpu, clock_.now_ns());
  tick();
}

void EngineQueue::set_share(hv::VgpuId id, const Share& share) {
  queue_.set_share(id, share, clock_.now_ns());
  tick();
}

void EngineQueue::set_starved(hv::VgpuId id, bool starved) {
  queue_.set_starved(id, starved, clock_.now_ns());
}

void EngineQueue::work_arrived(Vgpu& vgpu, bool lite) {
  if (vgpu.paused()) return;
  if (flight_ && flight_->vgpu == &vgpu) {
    if (lite) lite_restore(vgpu);
    return;
  }
  queue_.ready(vgpu.id(), clock_.now_ns());
  schedule();
}

void EngineQueue::preempt_for(Vgpu& vgpu) {
  if (flight_ && flight_->vgpu == &vgpu && !flight_->preempting) ask_preemption();
}

void EngineQueue::set_paused(Vgpu& vgpu, bool paused) {
  queue_.set_paused(vgpu.id(), paused, clock_.now_ns());
  if (paused) preempt_for(vgpu);
  if (!paused && vgpu.runnable(engine_)) work_arrived(vgpu, false);
}

void EngineQueue::schedule() {
  if (scheduling_) return;  // preparing work may bring more work
  scheduling_ = true;
  while (!flight_) {
    const uint64_t now = clock_.now_ns();
    // The current vGPU keeps the engine until its slice ends or it has nothing to do.
    if (const auto current = queue_.current()) {
      Vgpu* v = lookup_(*current);
      const bool stays = v != nullptr && v->runnable(engine_) && !queue_.must_leave(now);
      if (stays && dispatch(*v, now)) break;
      queue_.yield(v != nullptr && v->runnable(engine_), now);
    }
    const auto next = queue_.next(now);
    if (!next) break;
    Vgpu* v = lookup_(*next);
    const bool may = v != nullptr && v->runnable(engine_);
    if (may && dispatch(*v, now)) break;
    const bool later = may && put_off(*v, now);
    if (later) v->note_put_off();
    queue_.yield(later, now);
  }
  scheduling_ = false;
}

/// A vGPU that took too much of the mediator's time waits until that is paid off.
bool EngineQueue::put_off(Vgpu& vgpu, uint64_t now) {
  const uint64_t until = vgpu.work().ready_ns(now);
  if (until <= now || !vgpu.runnable(engine_)) return false;
  queue_.hold(vgpu.id(), until, now);
  return true;
}

bool EngineQueue::dispatch(Vgpu& vgpu, uint64_t now) {
  if (put_off(vgpu, now)) return false;
  const auto contexts = vgpu.prepare(engine_);
  if (contexts.empty()) return false;
  const hv::Status given =
      load_engine_state(vgpu) ? give_to_gpu(vgpu, contexts) : hv::Status{hv::Error::io};
  if (!given.ok()) {
    vgpu.take_back(contexts);
    if (given.error() != hv::Error::busy) vgpu.stall(engine_);
    return false;
  }
  const uint64_t began = clock_.now_ns();
  flight_ = Flight{.vgpu = &vgpu, .contexts = contexts, .segment_ns = began};
  queue_.began(began);
  return true;
}

hv::Status EngineQueue::give_to_gpu(Vgpu& vgpu, const std::vector<ShadowContext*>& contexts) {
  std::array<uint64_t, 2> descriptors{};
  for (size_t i = 0; i < contexts.size(); ++i) {
    if (const auto s = vgpu.make_current(*contexts[i]); !s.ok()) return s;
    descriptors[i] = contexts[i]->descriptor();
    loaded_.mark(engine_, contexts[i]->marks);
  }
  // Busy means the budget here; a driver that has no port free has no business to in this place.
  const auto s = gpu_.submit(engine_, std::span{descriptors}.first(contexts.size()));
  return s.ok() ? s : hv::Status{hv::Error::io};
}

bool EngineQueue::load_engine_state(Vgpu& vgpu) {
  if (loaded_.owner() != vgpu.id())
    if (Vgpu* before = lookup_(loaded_.owner())) before->save_registers(engine_);
  vgpu.switch_registers(engine_, wanted_);
  const auto changes = loaded_.change_to(vgpu.id(), engine_, wanted_);
  if (!changes.empty() && !gpu_.load_registers(engine_, changes).ok()) {
    loaded_.lost();
    return false;
  }
  loaded_.done(vgpu.id(), wanted_);
  return true;
}

void EngineQueue::lite_restore(Vgpu& vgpu) {
  Flight& f = *flight_;
  const bool alone = f.done + 1 == f.contexts.size();
  if (f.preempting) return;
  if (!alone) {  // what stood behind it may have been replaced: the GPU has to forget it
    ask_preemption();
    return;
  }
  // A private view's copies serve what runs now; the rest is submitted after it.
  if (f.contexts[f.done]->view != nullptr) return;
  if (f.contexts[f.done]->tail_taken_back()) {  // its head may be past it: it has to be known
    ask_preemption();
    return;
  }
  if (vgpu.work().spent()) return;  // what there is more comes when this is done
  const auto contexts = vgpu.prepare(engine_);
  if (!flight_ || flight_->vgpu != &vgpu) return;  // refused once too often: taken off the GPU
  if (contexts.empty() || contexts[0] != f.contexts[f.done]) {
    // Refused: what ran before goes no further. Put off: it does.
    if (contexts.empty() && !vgpu.runnable(engine_)) ask_preemption();
    return;
  }
  const uint32_t before = contexts[0]->tail_on_gpu;
  if (give_to_gpu(vgpu, contexts).ok()) {
    f.contexts = contexts;
    f.done = 0;
    return;
  }
  contexts[0]->tail_on_gpu = before;  // too late: submitted again when this one is done
  if (contexts.size() > 1) contexts[1]->on_gpu = false;
}

void EngineQueue::ask_preemption() {
  Flight& f = *flight_;
  f.preempting = true;
  f.asked_ns = f.looked_ns = clock_.now_ns();
  f.still_ns = f.deaf_ns = 0;
  f.stamp.reset();
  f.progress = gpu_.progress(engine_);
  f.hang_ns = f.vgpu->hang_ns();
  f.next_check_ns = f.asked_ns + f.hang_ns / kHangChecks;
  if (!gpu_.preempt(engine_).ok()) kill_flight(Trouble::hang);
}

void EngineQueue::on_event(const GpuEvent& event) {
  if (!flight_) return;
  Vgpu& vgpu = *flight_->vgpu;
  switch (event.kind) {
    case GpuEventKind::context_complete: context_left(event, false); break;
    case GpuEventKind::context_preempted: context_left(event, true); break;
    case GpuEventKind::user_interrupt: vgpu.engine_event(engine_, gen9::irq::kUser); break;
    case GpuEventKind::pipe_control_notify:
      vgpu.engine_event(engine_, gen9::irq::kPipeControlNotify);
      break;
    case GpuEventKind::fault:
      if (flies(event.context_id)) vgpu.note_fault(engine_, event.detail);
      break;
    case GpuEventKind::command_error:
      if (!flies(event.context_id)) break;
      vgpu.engine_event(engine_, gen9::irq::kCsError);
      kill_flight(Trouble::command_error);
      break;
    case GpuEventKind::reset_done:
      // Another engine's reset took this one along; 0 is the end of a reset of our own.
      if (event.context_id == 0 || !flies(event.context_id)) break;
      lose_flight();
      schedule();
      break;
  }
}

/// Is the event about what now flies? 0: the driver does not know.
bool EngineQueue::flies(uint32_t context_id) const {
  const auto& all = flight_->contexts;
  return context_id == 0 || std::any_of(all.begin(), all.end(),
                                        [&](const auto* c) { return c->host_id == context_id; });
}

void EngineQueue::context_left(const GpuEvent& event, bool preempted) {
  Flight& f = *flight_;
  const auto it =
      std::find_if(f.contexts.begin() + static_cast<std::ptrdiff_t>(f.done), f.contexts.end(),
                   [&](const auto* c) { return c->host_id == event.context_id; });
  if (it == f.contexts.end()) return;  // an earlier flight's; its context was taken by reset
  ShadowContext& c = **it;
  // Complete, but for a tail it has since been given more than: hardware has already gone on.
  if (!preempted && !f.vgpu->reached_tail(c)) return;
  const uint64_t used = event.time_ns > f.segment_ns ? event.time_ns - f.segment_ns : 0;
  f.segment_ns = event.time_ns;
  f.done = static_cast<size_t>(it - f.contexts.begin()) + 1;
  if (preempted) f.vgpu->note_preemption();
  f.vgpu->context_done(c, preempted, used);
  if (f.done == f.contexts.size()) end_flight(event.time_ns);
}

void EngineQueue::end_flight(uint64_t at) {
  Vgpu& vgpu = *flight_->vgpu;
  flight_.reset();
  queue_.ended(at);
  vgpu.engine_left(engine_);
  if (!vgpu.runnable(engine_)) queue_.not_ready(vgpu.id(), clock_.now_ns());
  schedule();
}

void EngineQueue::kill_flight(Trouble trouble) {
  Vgpu& vgpu = *flight_->vgpu;
  (void)gpu_.reset_engine(engine_);  // a wedged GPU says so through every later submit
  lose_flight();
  const uint64_t now = clock_.now_ns();
  if (const uint64_t held_ns = vgpu.note_trouble(trouble))
    queue_.hold(vgpu.id(), now + held_ns, now);
  schedule();
}

/// What flew is gone: its vGPU's engine stands still until the guest resets it. What it wasted is
/// on its account.
void EngineQueue::lose_flight() {
  Vgpu& vgpu = *flight_->vgpu;
  const uint64_t segment = flight_->segment_ns, now = clock_.now_ns();
  flight_.reset();
  loaded_.lost();
  queue_.ended(now);
  vgpu.charge(engine_, now > segment ? now - segment : 0);
  vgpu.stall(engine_);
  vgpu.engine_left(engine_);
  queue_.not_ready(vgpu.id(), now);
}

void EngineQueue::remove(Vgpu& vgpu) {
  const uint64_t now = clock_.now_ns();
  uint64_t held_ns = 0;
  vgpu.work().settle(now);
  if (flight_ && flight_->vgpu == &vgpu) {
    const Flight f = *flight_;
    flight_.reset();
    vgpu.work().charge(shadow::cost::kReset);
    (void)gpu_.reset_engine(engine_);
    queue_.ended(now);
    vgpu.charge(engine_, now > f.segment_ns ? now - f.segment_ns : 0);
    // A guest that resets what does not leave, before it was done for it, has hung all the same.
    if (f.preempting && now - f.asked_ns >= f.hang_ns / kHangChecks)
      held_ns = vgpu.note_trouble(Trouble::hang);
  }
  if (loaded_.owner() == vgpu.id()) loaded_.lost();
  queue_.not_ready(vgpu.id(), now);
  if (held_ns != 0) queue_.hold(vgpu.id(), now + held_ns, now);
  schedule();
}

void EngineQueue::tick() {
  if (!flight_) {
    schedule();
    return;
  }
  const uint64_t now = clock_.now_ns();
  if (flight_->preempting) {
    check_hang(now);
  } else if (queue_.must_leave(now)) {
    queue_.told_to_leave(now);
    ask_preemption();
  }
}

/// How much of the time since the last look is held against who is on the engine. A mediator that
/// did not run for long, on a host that is short of CPU, saw nothing meanwhile; a GPU whose own
/// clock hardly moved (a model that was not run) could not get anywhere. One that is dead is still
/// found out.
uint64_t EngineQueue::seen_ns(uint64_t now) {
  Flight& f = *flight_;
  const uint32_t stamp = gpu_.read_register(gen9::engine_reg(EngineId::rcs, gen9::rel::kTimestamp));
  const uint64_t most = std::min(now - f.looked_ns, 2 * f.hang_ns / kHangChecks);
  const uint64_t lived = uint64_t{stamp - f.stamp.value_or(stamp)} * 1000 / gen9::kTimestampMhz;
  const bool known = std::exchange(f.stamp, stamp).has_value();
  f.looked_ns = now;
  return known ? std::clamp(lived * kLivedFactor, most / kDeadFactor, most) : most;
}

void EngineQueue::check_hang(uint64_t now) {
  Flight& f = *flight_;
  if (now < f.next_check_ns) return;
  const uint64_t seen = seen_ns(now);
  f.next_check_ns = now + f.hang_ns / kHangChecks;
  f.deaf_ns += seen;
  const uint64_t before = std::exchange(f.progress, gpu_.progress(engine_));
  f.still_ns = f.progress == before ? f.still_ns + seen : 0;
  if (f.still_ns >= f.hang_ns || f.deaf_ns >= f.hang_ns * kStubbornFactor)
    kill_flight(Trouble::hang);
}

uint64_t EngineQueue::next_deadline_ns() const {
  return flight_ && flight_->preempting ? flight_->next_check_ns : queue_.wake_ns();
}

}  // namespace mediator

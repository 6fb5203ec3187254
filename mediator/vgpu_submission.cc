// SPDX-License-Identifier: MIT
// A vGPU's work: from ELSP writes to contexts for the engines, and back to the guest's status
// buffer.
#include <algorithm>
#include <utility>

#include "mediator/vgpu.h"
#include "shadow/gen9/regs.h"

namespace mediator {
namespace descriptor = gen9::descriptor;
namespace rel = gen9::rel;
using gen9::engine_reg;
using gen9::index;
using hv::GmAddr;

namespace {

/// A guest that waits for its list to be taken (to preempt its own work, say) waits at least this
/// long.
constexpr uint64_t kLateStatusNs = 1'000'000;
/// Fewer than the status buffer has.
constexpr size_t kMostHeld = 4;
/// Whose last lists came after short pauses, of so many status intervals, is expected to submit the
/// next one soon, too.
constexpr unsigned kQuick = 4;
constexpr uint64_t kShortPause = 3;

}  // namespace

void Vgpu::elsp_write(EngineId engine, uint32_t value) {
  const auto list = engines_[index(engine)].execlist.write(value);
  if (list && stats_.failsafe == FailsafeReason::none) submit(engine, *list);
}

bool Vgpu::acceptable(const Execlist& list) const {
  for (unsigned i = 0; i < list.count; ++i) {
    const uint64_t mode = descriptor::AddressingMode::get(list.descriptor[i]);
    if (mode != 1 && mode != 3) return false;
  }
  // The same context in both ports is undefined in hardware.
  const bool twice = list.count == 2 && descriptor::Lrca::get(list.descriptor[0]) ==
                                            descriptor::Lrca::get(list.descriptor[1]);
  return list.count != 0 && !twice;
}

void Vgpu::submit(EngineId engine, const Execlist& list) {
  if (!acceptable(list)) {
    refuse({Reject::forbidden_command, 0, "ELSP", static_cast<uint32_t>(list.descriptor[0])});
    return;
  }
  Engine& e = engines_[index(engine)];
  const uint64_t now = now_ns();
  work_.settle(now);
  for (unsigned i = 0; i < list.count; ++i) {
    const auto context = contexts_->get(engine, list.descriptor[i], now);
    if (!context.ok()) {
      refuse({context.error(), 0, "logical ring context", 0});
      return;
    }
    if (!context.value()->in_progress) context.value()->queued_ns = now;
    contexts_->note_tail(*context.value());
  }
  if (engine == EngineId::rcs) clock_page_->submitted(now, shared_.host.timestamp());
  note_pause(engine, now);
  const auto accepted = e.execlist.accept(list);
  update_status_register(engine);
  if (e.stalled) return;
  if (accepted != VirtualExeclist::Accepted::queued)
    shared_.host.work_arrived(*this, engine, accepted == VirtualExeclist::Accepted::lite_restore);
  else if (e.on_gpu)
    shared_.host.preempt_wanted(*this, engine);
  else
    engine_left(engine);
}

void Vgpu::engine_left(EngineId engine) {
  Engine& e = engines_[index(engine)];
  e.on_gpu = false;
  if (ppgtt_->untidy()) note_deadline();
  if (e.stalled || !e.execlist.active() || !e.execlist.has_pending()) return;
  // Its image is shown to the guest, but the shadow goes on counting: it may stand inside a batch.
  if (const auto head = contexts_->get(engine, e.execlist.head(), now_ns());
      head.ok() && head.value()->in_progress)
    contexts_->copy_back(*head.value(), false);
  e.execlist.head_preempted();
  update_status_register(engine);
  shared_.host.work_arrived(*this, engine, false);
}

bool Vgpu::runnable(EngineId engine) const {
  const Engine& e = engines_[index(engine)];
  return !paused_ && !e.stalled && e.execlist.active() && stats_.failsafe == FailsafeReason::none;
}

std::vector<ShadowContext*> Vgpu::prepare(EngineId engine) {
  std::vector<ShadowContext*> contexts = prepare_contexts(engine);
  note_deadline();  // an audited flip may have moved it
  return contexts;
}

std::vector<ShadowContext*> Vgpu::prepare_contexts(EngineId engine) {
  std::vector<ShadowContext*> out;
  for (const uint64_t d : engines_[index(engine)].execlist.remaining()) {
    const uint64_t now = now_ns();
    work_.settle(now);
    if (!out.empty() && work_.spent()) break;  // the audit of each takes its time
    const auto context = contexts_->get(engine, d, now);
    const Refusal refusal = context.ok() ? contexts_->prepare(*context.value())
                                         : Refusal{context.error(), 0, "logical ring context", 0};
    if (context.ok() && contexts_->put_off()) break;
    if (refusal.reason != Reject::none) {
      // What stands before it still runs; then the engine stands still, as after an error.
      if (!out.empty()) break;
      refuse(refusal);
      stall(engine);
      return {};
    }
    out.push_back(context.value());
    if (context.value()->tail_ready != context.value()->tail_wanted) break;
  }
  return out;
}

hv::Status Vgpu::make_current(ShadowContext& c) {
  if (const auto s = contexts_->make_current(c); !s.ok()) return s;
  c.on_gpu = true;
  engines_[index(c.engine)].on_gpu = true;
  return {};
}

void Vgpu::take_back(const std::vector<ShadowContext*>& contexts) {
  for (ShadowContext* c : contexts) {
    c->on_gpu = false;
    engines_[index(c->engine)].on_gpu = false;
  }
}

bool Vgpu::reached_tail(ShadowContext& c) {
  contexts_->saved(c);
  return c.head == c.tail_on_gpu;
}

bool Vgpu::context_done(ShadowContext& c, bool preempted, uint64_t gpu_ns) {
  charge(c.engine, gpu_ns);
  c.on_gpu = false;
  if (preempted) {
    contexts_->saved(c);
    return false;
  }
  Engine& e = engines_[index(c.engine)];
  // Done is what stands at the head of the guest's own list and has reached the guest's own tail.
  const bool whole = c.tail_on_gpu == c.tail_wanted && e.execlist.active() &&
                     (e.execlist.head() & descriptor::Lrca::mask) == c.guest_lrca;
  contexts_->copy_back(c, true);
  auto& regs = device_->registers();
  regs.set(engine_reg(c.engine, rel::kRingHead), c.head);
  regs.set(engine_reg(c.engine, rel::kRingTail), c.head);
  if (!contexts_->any_in_progress()) ggtt_->release_operands();
  if (c.user_interrupt) engine_event(c.engine, gen9::irq::kUser);
  e.told_done = c.user_interrupt;
  if (!whole) return false;
  ++stats_.submissions;
  add_latency(now_ns() - c.queued_ns);
  e.execlist.head_complete();
  update_status_register(c.engine);
  return true;
}

void Vgpu::add_latency(uint64_t ns) {
  const auto us = static_cast<uint32_t>(std::min<uint64_t>(ns / 1000, UINT32_MAX));
  if (stats_.latency_us.size() < kLatencySamples)
    stats_.latency_us.push_back(us);
  else
    stats_.latency_us[next_sample_++ % kLatencySamples] = us;
}

void Vgpu::engine_event(EngineId engine, uint32_t irq_bit) {
  device_->interrupts().engine_event(engine, irq_bit);
}

/// An entry that nobody waits for is held back: its driver has nothing to do with it, and would
/// submit the little it has by then, with four exits. It looks into memory before each submission,
/// so that holding back the interrupt alone would not do. Where somebody waits, what comes next is
/// to be on the GPU before this is done: the entry is there at once, if not its interrupt.
void Vgpu::context_status(EngineId engine, uint32_t event, uint32_t context_id, Signal signal) {
  Engine& e = engines_[index(engine)];
  const bool withhold = signal == Signal::now && may_withhold(engine, event);
  if (withhold && !e.held_status.empty()) show_status(engine);
  e.held_status.push_back({event, context_id});
  if (!withhold && guest_waits(engine)) post_held(engine);
  if (signal == Signal::none) return;
  const uint64_t now = now_ns(), interval = shared_.config.status_interval_ns;
  if (event & gen9::csb::kActiveToIdle) e.idle_ns = now;
  e.withheld = withhold;
  if (withhold) {
    e.status_due_ns = now + kShortPause * interval;
    return note_deadline();
  }
  const uint64_t soonest = signal == Signal::late ? now + std::max(interval, kLateStatusNs)
                                                  : e.status_sent_ns + interval;
  const bool full = e.held_status.size() >= kMostHeld;
  if (full || (signal == Signal::now && (soonest <= now || guest_waits(engine))))
    return show_status(engine);
  e.status_due_ns = std::min(e.status_due_ns, soonest);
  e.status_held = e.status_held || signal == Signal::now;
  note_deadline();
}

/// How long its guest let the engine stand idle.
void Vgpu::note_pause(EngineId engine, uint64_t now) {
  Engine& e = engines_[index(engine)];
  if (e.execlist.active()) return;
  const bool quick = now - e.idle_ns < kShortPause * shared_.config.status_interval_ns;
  e.quick = quick ? std::min(e.quick + 1, kQuick) : 0;
  // It comes before what is told of the new list.
  if (std::exchange(e.withheld, false)) e.status_due_ns = UINT64_MAX;
}

/// Who waits was told by the user interrupt. That the engine is idle makes its driver retire what
/// it ran and put the engine to sleep, with a list of its own, unless the next one comes first: a
/// guest that submits and waits in turn would pay for that race at every fifth turn.
bool Vgpu::may_withhold(EngineId engine, uint32_t event) {
  const Engine& e = engines_[index(engine)];
  return (event & gen9::csb::kActiveToIdle) && e.told_done && e.quick >= kQuick &&
         guest_waits(engine);
}

void Vgpu::post_status(EngineId engine, std::array<uint32_t, 2> entry) {
  Engine& e = engines_[index(engine)];
  auto& regs = device_->registers();
  const uint32_t pointer = engine_reg(engine, rel::kCsbPtr);
  const uint32_t last = regs.get(pointer) & 7;
  const uint32_t next = last + 1 >= gen9::kCsbEntries ? 0 : last + 1;
  regs.set(engine_reg(engine, rel::kCsb) + next * 8, entry[0]);
  regs.set(engine_reg(engine, rel::kCsb) + next * 8 + 4, entry[1]);
  regs.set(pointer, (regs.get(pointer) & ~uint32_t{7}) | next);
  if (e.status_page == 0) return;
  // Entry first, index after: the guest polls the index. A page it unmapped is its own loss.
  (void)ggtt_->write(GmAddr{e.status_page + (0x10 + 2 * next) * 4},
                     std::as_bytes(std::span{entry}));
  (void)ggtt_->write(GmAddr{e.status_page + 0x1f * 4}, std::as_bytes(std::span{&next, 1}));
}

void Vgpu::post_held(EngineId engine) {
  Engine& e = engines_[index(engine)];
  for (const auto& entry : e.held_status) post_status(engine, entry);
  e.held_status.clear();
}

void Vgpu::show_status(EngineId engine) {
  Engine& e = engines_[index(engine)];
  post_held(engine);
  e.status_due_ns = UINT64_MAX;
  e.status_sent_ns = now_ns();
  e.status_held = false;
  // It was wrong to expect another list.
  if (std::exchange(e.withheld, false)) e.quick = 0;
  note_deadline();
  engine_event(engine, gen9::irq::kContextSwitch);
}

/// Its driver opens the user interrupt while somebody waits for a request, and only then.
bool Vgpu::guest_waits(EngineId engine) {
  const uint32_t user = gen9::irq::kUser << gen9::info(engine).irq_shift;
  return (device_->registers().get(engine_reg(engine, rel::kImr)) & user) == 0;
}

void Vgpu::show_awaited() {
  for (const EngineId e : gen9::kAllEngines)
    if (engines_[index(e)].status_held && guest_waits(e)) show_status(e);
}

void Vgpu::run_timers(uint64_t now) {
  device_->run_timers(now);
  if (ppgtt_->untidy()) {
    work_.settle(now);
    ppgtt_->tidy();
  }
  clock_page_->run_timer(now);
  for (const EngineId e : gen9::kAllEngines)
    if (engines_[index(e)].status_due_ns <= now) show_status(e);
  note_deadline();
}

void Vgpu::update_status_register(EngineId engine) {
  const uint64_t status = engines_[index(engine)].execlist.status();
  device_->registers().set(engine_reg(engine, rel::kExeclistStatusLo),
                           static_cast<uint32_t>(status));
  device_->registers().set(engine_reg(engine, rel::kExeclistStatusHi),
                           static_cast<uint32_t>(status >> 32));
}

}  // namespace mediator

// SPDX-License-Identifier: MIT
// The event loop: the GPU works until it interrupts or something is due, the mediator looks, guests
// run.
#include "dom0/embedded/host.h"

#include <algorithm>

#include "mediator/vgpu.h"

namespace embedded {
namespace {

// Steps without progress of time after which time is pushed on: a deadline that stays in the past
// must not stop the world.
constexpr uint64_t kMaxStalledSteps = 4096;
constexpr uint64_t kPushNs = 1000;
// The longest the GPU works before keep_going is asked again.
constexpr uint64_t kMaxStepNs = 5'000'000;

}  // namespace

Guest::Guest(Host& host, hv::local::Machine& machine, hv::DomId domid, const std::string& name,
             uint64_t ram_bytes)
    : host_(host), domain_(machine, domid, name, ram_bytes), port_(domain_, host) {}

uint64_t Guest::on_read(hv::Range range, uint64_t offset, unsigned size) {
  const Meter::Call call(host_.meter_, time_, host_.gpu_idle());
  return mediator_->on_read(range, offset, size);
}
void Guest::on_write(hv::Range range, uint64_t offset, unsigned size, uint64_t value) {
  const Meter::Call call(host_.meter_, time_, host_.gpu_idle());
  mediator_->on_write(range, offset, size, value);
}
void Guest::on_page_write(hv::Gpa address, unsigned size) {
  const Meter::Call call(host_.meter_, time_, host_.gpu_idle());
  mediator_->on_page_write(address, size);
}

Host::Host(const HostConfig& config)
    : config_(config),
      machine_(config.machine_bytes),
      bus_(machine_),
      model_(bus_, config.model),
      device_(model_, meter_, config.lost_write),
      driver_(std::make_unique<gpu::Driver>(device_)) {}

Host::~Host() {
  model_.set_dma_observer(nullptr);
  model_.set_state_observer(nullptr);
  model_.set_command_observer(nullptr);
  memory_recorder_.reset();
  // The mediator lets go of guests' pages while the guests are still there.
  session_.reset();
}

std::string Host::start() {
  if (const auto s = driver_->start(); !s.ok())
    return std::string("the GPU does not come up: ") + hv::error_name(s.error());
  session_ = std::make_unique<mediator::trace::Session>(
      *driver_, *this, config_.mediator, config_.recorder, config_.record_guest_memory);
  guard_ = std::make_unique<DmaGuard>(machine_, *driver_, *this);
  hygiene_ = std::make_unique<HygieneGuard>(*this, [this](hv::VgpuId id, uint32_t offset) {
    mediator::Vgpu* v = session_->mediator().find(id);
    return v == nullptr ? 0 : v->device().registers().get(offset);
  });
  if (config_.guard) model_.set_state_observer(hygiene_.get());
  if (config_.guard) observer_ = guard_.get();
  if (config_.recorder && config_.record_guest_memory) {
    memory_recorder_ = std::make_unique<replay::MemoryRecorder>(*session_, bus_, observer_);
    observer_ = memory_recorder_.get();
  }
  model_.set_dma_observer(observer_);
  return {};
}

hv::Status Host::finish_recording() {
  if (memory_recorder_) memory_recorder_->finish();
  return session_->finish();
}

replay::LiveWrites& Host::watch_writes() {
  if (!writes_) {
    writes_ = std::make_unique<replay::LiveWrites>(machine_, observer_);
    observer_ = writes_.get();
    model_.set_dma_observer(observer_);
  }
  return *writes_;
}

hv::VgpuId Host::owner_of_context(uint32_t lrca) const {
  return session_->mediator().owner_of_context(lrca);
}

Guest* Host::add_guest(const std::string& name, uint64_t ram_bytes,
                       const mediator::VgpuConfig& config, bool power_on) {
  const hv::DomId domid{static_cast<uint16_t>(guests_.size() + 1)};
  auto guest = std::make_unique<Guest>(*this, machine_, domid, name, ram_bytes);
  auto id = session_->create_vgpu(guest->domain_, config);
  if (!id.ok()) return nullptr;
  guest->vgpu_ = *id;
  guest->mediator_ = session_->traps(*id);
  guest->domain_.attach(guest.get());
  guard_->add_guest(*id, domid);
  if (power_on && !guest->port_.power_on()) return nullptr;
  guests_.push_back(std::move(guest));
  return guests_.back().get();
}

std::string Host::boot(Guest& guest, std::unique_ptr<guests::Actor> actor) {
  guest.actor_ = std::move(actor);
  return guest.actor_->start();
}

void Host::poll() {
  const Meter::Call call(meter_, poll_time_, gpu_idle());
  session_->poll();
}

bool Host::run_guests() {
  bool ran = false;
  for (const auto& g : guests_) {
    if (!g->actor_) continue;
    const bool interrupted = g->domain_.take_interrupts() > 0;
    if (interrupted) g->actor_->on_interrupt();
    const bool due = g->actor_->wake_ns() <= now_ns();
    if (due || g->actor_->polls()) g->actor_->on_time();
    ran |= interrupted || due;
  }
  return ran;
}

uint64_t Host::next_wake_ns() const {
  uint64_t t = session_->mediator().next_deadline_ns();
  for (const auto& g : guests_)
    if (g->actor_) t = std::min(t, g->actor_->wake_ns());
  return t;
}

bool Host::all_done() {
  return std::all_of(guests_.begin(), guests_.end(),
                     [](const auto& g) { return !g->actor_ || g->actor_->finished(); }) &&
         session_->mediator().idle();
}

Host::Stop Host::run(uint64_t until, const std::function<bool()>& keep_going) {
  for (;;) {
    const bool ran = run_guests();
    if (all_done()) return Stop::finished;
    if (keep_going && !keep_going()) return Stop::told;
    if (now_ns() >= until) return Stop::deadline;
    const uint64_t before = now_ns();
    uint64_t next = std::clamp(next_wake_ns(), before, std::min(until, before + kMaxStepNs));
    // Guests that ran may have more to do at this same moment; the GPU waits for them.
    if (!ran && next == before && ++stalled_steps_ > kMaxStalledSteps) next = before + kPushNs;
    if (model_.advance_until_interrupt(next) != before) stalled_steps_ = 0;
    poll();
  }
}

MediatorTime Host::mediator_time() const {
  MediatorTime t = poll_time_;
  for (const auto& g : guests_) {
    t.calls += g->time_.calls;
    t.ns += g->time_.ns;
    t.idle_ns += g->time_.idle_ns;
  }
  return t;
}

uint64_t Host::gpu_ns() const {
  uint64_t ns = 0;
  for (const gen9::EngineId e : gen9::kAllEngines) ns += model_.busy_ns(e);
  return ns;
}

}  // namespace embedded

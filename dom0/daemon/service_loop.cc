// SPDX-License-Identifier: MIT
// The service's event loop: guests' traps, the GPU's interrupts, deadlines, deaths; and traces.
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>

#include "dom0/daemon/service.h"
#include "dom0/daemon/service_guest.h"

namespace xengvtd {
namespace {

// A guest of this process may answer its interrupt at once and so on; others wait meanwhile.
constexpr unsigned kMaxRounds = 16;
// The control socket waits as long for its turn.
constexpr uint64_t kMaxSpinNs = 5'000'000;
constexpr uint64_t kTellNs = 1'000'000'000;

void drain(int fd) {
  uint64_t n;
  [[maybe_unused]] const auto got = ::read(fd, &n, sizeof n);
}

}  // namespace

void Service::watch(int fd) {
  epoll_event e{};
  e.events = EPOLLIN;
  e.data.fd = fd;
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &e);
}

void Service::watch_again(int fd, bool on) {
  epoll_event e{};
  e.events = on ? uint32_t{EPOLLIN} : 0u;
  e.data.fd = fd;
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &e);
}

void Service::take_events() {
  std::array<epoll_event, 64> events;
  const int n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < n; ++i) {
    const int fd = events[static_cast<size_t>(i)].data.fd;
    if (fd == timer_.get() || fd == interrupt_.get()) drain(fd);
    // Our clock may be behind the timer's, and what it was armed for still to come.
    if (fd == timer_.get()) armed_ns_ = UINT64_MAX;
    if (fd == backend_.event_fd()) deaths_ = true;
    for (auto& [id, g] : guests_)
      if (g->backend->event_fd() == fd) g->ready = true;
  }
}

/// A guest that took too much of the mediator's time waits for its answers; others do not.
bool Service::held_back(Guest& g, uint64_t now) {
  g.from_ns = session_->mediator().ready_ns(g.vgpu, now);
  const bool held = g.from_ns > now;
  if (held != g.held && g.backend->event_fd() >= 0) watch_again(g.backend->event_fd(), !held);
  g.held = held;
  return held;
}

bool Service::serve_guests(bool all) {
  bool any = false;
  std::vector<hv::DomId> broken;
  for (auto& [id, g] : guests_) {
    const bool look = all && g->backend->event_fd() >= 0 && g->backend->asks();
    const uint64_t now = clock_.now_ns();
    if (!look && !g->ready && !g->held && g->backend->wake_ns() > now) continue;
    if (held_back(*g, now)) continue;
    g->ready = false;
    const uint64_t before = g->backend->counts().exits();
    const auto enough = [this, &g = *g, now] {
      return session_->mediator().ready_ns(g.vgpu, now) > now;
    };
    if (!g->backend->dispatch(enough)) broken.push_back(id);
    (void)held_back(*g, clock_.now_ns());
    any |= !look || g->backend->counts().exits() != before;
  }
  for (const hv::DomId id : broken) remove(id, "its domain cannot be served any more");
  return any;
}

void Service::drop_dead() {
  deaths_ = false;
  std::vector<hv::DomId> all;
  for (const auto& [id, g] : guests_) all.push_back(id);
  for (const hv::DomId id : backend_.gone(all)) remove(id, "its domain ended");
}

void Service::pump() {
  const uint64_t began = clock_.now_ns();
  uint64_t last = began;
  {
    const GpuUnit::Entry entry(*gpu_);
    gpu_->acknowledge();
    take_events();
    if (deaths_) drop_dead();
    if (const uint64_t now = clock_.now_ns(); backend_.wake_ns() <= now) backend_.tick(now);
    if (!serve(false)) return;
  }
  // A guest's accesses come in rows, and being woken for each costs more than answering it.
  for (uint64_t now = clock_.now_ns();
       now - last < config_.spin_us * uint64_t{1000} && now - began < kMaxSpinNs;
       now = clock_.now_ns()) {
    const GpuUnit::Entry entry(*gpu_);
    if (serve(true)) last = now;
  }
}

bool Service::serve(bool all) {
  bool any = false;
  for (unsigned round = 0; round < kMaxRounds; ++round) {
    const bool served = serve_guests(all);
    const bool due = session_->mediator().next_deadline_ns() <= clock_.now_ns();
    if (due || gpu_->device().interrupt_pending()) session_->poll();
    if (driver_->wedged() && !isolated_) give_up_gpu();
    if (!ending_.empty()) end_guests(false);
    any |= served;
    if (!served || all) break;
  }
  for (auto& [id, g] : guests_)
    if (g->backend->changes() != g->kept_changes) keep(*g);
  if (const uint64_t now = clock_.now_ns(); now >= next_tell_ns_) tell_changes(now);
  gpu_->were_taken();
  if (cpu_) cpu_->tick(clock_.now_ns());
  arm_timer();
  return any;
}

void Service::arm_timer() {
  gpu_->set_occupied(session_->mediator().occupied());
  uint64_t at = std::min(session_->mediator().next_deadline_ns(), backend_.wake_ns());
  for (const auto& [id, g] : guests_)
    at = std::min(at, g->held ? g->from_ns : g->backend->wake_ns());
  if (!guests_.empty()) at = std::min(at, next_tell_ns_);
  if (cpu_) at = std::min(at, cpu_->next_ns());
  const uint64_t now = clock_.now_ns();
  at = std::min(at, gpu_->look_ns(now));
  // Most accesses change no deadline, and a system call for each would show.
  if (at == armed_ns_ && at > now) return;
  armed_ns_ = at;
  itimerspec t{};
  if (at != UINT64_MAX) {
    // Zero would disarm it.
    const uint64_t in = at > now ? at - now : 1;
    t.it_value.tv_sec = static_cast<time_t>(in / 1'000'000'000);
    t.it_value.tv_nsec = static_cast<long>(in % 1'000'000'000);
  }
  timerfd_settime(timer_.get(), 0, &t, nullptr);
}

void Service::give_up_gpu() {
  isolated_ = true;
  gpu_->isolate();
  log_.error("the " + gpu_->name() +
             " no longer answers; it reaches no memory any more, and guests get errors. Stop them, "
             "then restart xengvtd");
}

void Service::tell_changes(uint64_t now) {
  next_tell_ns_ = now + kTellNs;
  recordings_.look();
  for (auto& [id, g] : guests_) {
    g->backend->tick(now);
    const mediator::VgpuStats s = session_->mediator().stats(g->vgpu);
    if (s.failsafe != g->failsafe && s.failsafe != mediator::FailsafeReason::none)
      log_.add(LogLevel::error, g->name,
               std::string("no longer served: ") + mediator::failsafe_name(s.failsafe) +
                   "; the guest's driver must reset or reboot");
    if (s.refused_commands != g->refused)
      log_.add(LogLevel::warning, g->name,
               std::to_string(s.refused_commands - g->refused) +
                   " commands refused, last: " + mediator::reject_name(s.last_refusal.reason));
    if (s.resets != g->resets)
      log_.add(LogLevel::warning, g->name, std::to_string(s.resets - g->resets) + " engine resets");
    if (s.hangs != g->hangs)
      log_.add(LogLevel::warning, g->name,
               std::to_string(s.hangs - g->hangs) +
                   " GPU hangs: taken off the engine, which its driver has to reset");
    if (s.faults != g->faults)
      log_.add(LogLevel::warning, g->name, std::to_string(s.faults - g->faults) + " page faults");
    if (s.failsafe != g->kept_guest.failsafe) keep(*g);
    g->failsafe = s.failsafe;
    g->refused = s.refused_commands;
    g->resets = s.resets;
    g->faults = s.faults;
    g->hangs = s.hangs;
  }
}

void Service::make_session(mediator::trace::Session::Start start) {
  const mediator::GpuShares shares =
      session_ ? session_->mediator().gpu_shares() : configured_shares();
  recordings_.follow(nullptr);
  if (session_) end_guests(true);
  session_.reset();
  const bool memory = recordings_.whole() && recordings_.whole_is_open();
  session_ = std::make_unique<mediator::trace::Session>(*driver_, clock_, mediator_config(),
                                                        &recordings_.sink(), memory, start);
  recordings_.follow(session_.get());
  (void)session_->set_gpu_shares(shares);  // nobody is there for whom they could be wrong
}

Service::Done Service::trace_start(const std::string& path, bool open) {
  const GpuUnit::Entry entry(*gpu_);
  if (recordings_.whole())
    return Problem{"a trace is being recorded already: " + recordings_.whole_path(),
                   "stop it first"};
  if (!guests_.empty())
    return Problem{"a trace of everything starts before the first vGPU is attached",
                   "stop the guests, or record one: xengvt trace start DOMAIN -o TRACE"};
  if (open && !gpu_->shows_dma())
    return Problem{"what the " + gpu_->name() + " reads in memory cannot be seen",
                   "record without the guests' memory, or with the modelled GPU"};
  if (auto started = recordings_.start_whole(path, open); !started.ok()) return started;
  make_session(mediator::trace::Session::Start::at_once);
  return {};
}

Service::Done Service::trace_stop() {
  const GpuUnit::Entry entry(*gpu_);
  if (!recordings_.whole())
    return Problem{"no trace is being recorded", "start one with xengvt trace start"};
  return recordings_.stop_whole();
}

Service::Done Service::trace_start_guest(const std::string& domain, const std::string& path) {
  const GpuUnit::Entry entry(*gpu_);
  for (const auto& [id, g] : guests_)
    if (g->name == domain || std::to_string(id.v) == domain)
      return Problem{domain + " has a vGPU already, and a recording begins at its birth",
                     "start the recording, then the guest; or set 'trace-folder' in xengvtd.conf"};
  // A domain that is there but has no vGPU yet may be given by number; one that is to come has a
  // name.
  const auto who = backend_.identify(domain);
  return recordings_.want(who.ok() ? who->name : domain, path);
}

Service::Done Service::trace_stop_guest(const std::string& domain) {
  const GpuUnit::Entry entry(*gpu_);
  const auto g = find(domain);
  return recordings_.stop(g.ok() ? (*g)->name : domain);
}

}  // namespace xengvtd

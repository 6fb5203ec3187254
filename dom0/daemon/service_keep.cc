// SPDX-License-Identifier: MIT
// Guests that outlive a daemon: what is written down of them, and how the next daemon takes them
// over.
#include <poll.h>

#include <chrono>
#include <cstring>

#include "dom0/daemon/service_guest.h"
#include "shadow/gen9/regs.h"

namespace xengvtd {
namespace {

// A guest that was taken over so often in so short a time may be why the daemon ended.
constexpr uint32_t kMostTakeovers = 5;
constexpr int64_t kTakeoverSeconds = 600;

// How long work may take to end when a daemon leaves its guests to the next.
constexpr uint64_t kSettleNs = 500'000'000;
constexpr int kSettleStepMs = 10;

constexpr unsigned kCommand = 0x04, kMsi = 0xac;

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void read_config_space(hv::TrapHandler& traps, std::array<uint8_t, kConfigSpace>& to) {
  for (unsigned at = 0; at < kConfigSpace; at += 4) {
    const auto v = static_cast<uint32_t>(traps.on_read(hv::Range::config, at, 4));
    std::memcpy(&to[at], &v, sizeof v);
  }
}

/// Interrupts are enabled when they are set up, and decoding when the BARs stand.
void write_config_space(hv::TrapHandler& traps, const std::array<uint8_t, kConfigSpace>& from) {
  const auto write = [&](unsigned at) {
    uint32_t v = 0;
    std::memcpy(&v, &from[at], sizeof v);
    traps.on_write(hv::Range::config, at, 4, v);
  };
  for (unsigned at = 0; at < kConfigSpace; at += 4)
    if (at != kCommand && at != kMsi) write(at);
  write(kCommand);
  write(kMsi);
}

}  // namespace

void Service::keep(Guest& g) {
  g.kept_changes = g.backend->changes();
  const auto record = g.backend->record();
  if (!record) return;
  g.kept = true;
  g.kept_guest.backend = *record;
  g.kept_guest.name = g.name;
  g.kept_guest.type = g.type;
  g.kept_guest.failsafe = session_->mediator().stats(g.vgpu).failsafe;
  g.kept_guest.paused = g.paused;
  g.kept_guest.shares = g.shares;
  // Not through the session: it is no access of the guest's, and no part of a recording.
  read_config_space(*session_->mediator().traps(g.vgpu), g.kept_guest.config);
  if (const std::string why = folder_.store(g.kept_guest); !why.empty())
    log_.add(LogLevel::warning, g.name, "would be lost if xengvtd ended: " + why);
}

void Service::take_over_all() {
  const GpuUnit::Entry entry(*gpu_);
  const KeepFolder::Found found = folder_.load();
  for (const std::string& why : found.broken) log_.warning("unusable: " + why);
  if (!found.broken.empty()) gpu_->guest_was_left();
  for (const KeptGuest& k : found.guests) take_over(k);
  take_over_gpu();
  arm_timer();
}

/// What was set of the GPU goes on with the guests it was set for; without any the configuration
/// counts.
void Service::take_over_gpu() {
  const auto kept = folder_.load_gpu();
  if (guests_.empty()) return folder_.forget_gpu();
  if (!kept.ok()) return log_.warning("unusable: " + kept.error());
  if (!*kept) return;
  mediator::GpuShares gpu = (*kept)->shares;
  const auto holder = guests_.find((*kept)->holder);
  if (holder != guests_.end())
    gpu.holder = holder->second->vgpu;
  else if (gpu.policy == mediator::Policy::exclusive)
    gpu.policy = mediator::Policy::best_effort;  // nobody waits for one that is no more
  if (const char* rule = session_->set_gpu_shares(gpu))
    log_.warning(std::string("the GPU is shared as configured, not as it was set: ") + rule);
}

void Service::keep_gpu() {
  KeptGpu kept{.shares = session_->mediator().gpu_shares(), .holder = {}};
  bool any = false;
  for (const auto& [id, g] : guests_) {
    any |= g->kept;
    if (g->vgpu == kept.shares.holder) kept.holder = id;
  }
  if (!any) return;  // nobody would be taken over
  if (const std::string why = folder_.store_gpu(kept); !why.empty())
    log_.warning("the GPU's policy would be lost if xengvtd ended: " + why);
}

void Service::take_over(KeptGuest k) {
  const Backend::Identity who{k.backend.domain, k.name};
  if (!backend_.is_there(k.backend)) return folder_.forget(who.id);
  auto opened = backend_.adopt(who, k.backend);
  if (!opened.ok()) {
    gpu_->guest_was_left();
    return log_.add(LogLevel::error, k.name,
                    "cannot be taken over: " + opened.error().cause + "; " + opened.error().cure);
  }
  const int64_t now = unix_seconds();
  k.takeovers = now - k.taken_over_at < kTakeoverSeconds ? k.takeovers + 1 : 1;
  k.taken_over_at = now;
  if (k.takeovers > kMostTakeovers || !go_on_with(k, std::move(*opened))) {
    // Answered with ones from here on, by nobody: its driver sees a device that is gone.
    folder_.forget(who.id);
    log_.add(LogLevel::error, k.name,
             "has lost its vGPU: it cannot go on after xengvtd ended; reboot the guest");
  }
}

bool Service::go_on_with(const KeptGuest& k, std::unique_ptr<BackendGuest> backend) {
  const std::vector<std::byte> registers = backend->take_registers();
  if (registers.size() != gen9::kMmioBytes) return false;
  auto g = std::make_unique<Guest>();
  g->type = k.type;
  g->name = k.name;
  g->since_ns = clock_.now_ns();
  g->backend = std::move(backend);
  g->kept_guest = k;
  if (const VgpuType* now = config_.find_type(k.type.name)) g->type.shares = now->shares;
  init_shares(*g);
  if (k.shares) g->shares = *k.shares;
  const auto id = session_->create_vgpu(g->backend->domain(), wanted(*g));
  if (!id.ok()) return false;
  g->vgpu = *id;
  Guest& guest = *guests_.emplace(k.backend.domain, std::move(g)).first->second;
  if (!session_->resume(*id, registers, k.failsafe).ok()) {
    remove(k.backend.domain, "");
    return false;
  }
  write_config_space(*session_->traps(*id), k.config);
  if (guest.backend->event_fd() >= 0) watch(guest.backend->event_fd());
  if (k.paused) session_->pause(*id, guest.paused = true);
  (void)guest.backend->go_live(*session_->traps(*id));
  begin_shares(k.backend.domain, guest);
  keep(guest);
  log_.add(LogLevel::warning, k.name,
           "taken over from an xengvtd that ended; if that was without notice, what the guest had "
           "on the "
           "GPU is lost, and its driver sees a hang");
  return true;
}

/// Guests stand still then, and what they have on the GPU may end, so that nothing is lost.
void Service::settle() {
  {
    const GpuUnit::Entry entry(*gpu_);
    for (auto& [id, g] : guests_) g->backend->hold();
  }
  for (const uint64_t end = clock_.now_ns() + kSettleNs; clock_.now_ns() < end;) {
    pollfd p{event_fd(), POLLIN, 0};
    ::poll(&p, 1, kSettleStepMs);
    pump();
    const GpuUnit::Entry entry(*gpu_);
    if (session_->mediator().idle()) return;
  }
}

void Service::leave() {
  settle();
  gpu_->stop();
  for (auto& [id, g] : guests_) {
    keep(*g);
    if (!g->kept) continue;
    log_.add(LogLevel::info, g->name, "left to the next xengvtd");
    g->backend->leave();
    g->left = true;
  }
}

}  // namespace xengvtd

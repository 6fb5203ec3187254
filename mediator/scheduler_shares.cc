// SPDX-License-Identifier: MIT
// The scheduler's accounts: virtual times, windows of caps, and changes of what was asked.
#include <algorithm>

#include "mediator/encode.h"
#include "mediator/scheduler.h"

namespace mediator {
namespace {

// Virtual units of a nanosecond at weight 1.
constexpr int64_t kScale = 65'536;
/// 64 bits do not hold a weight times a virtual time.
__extension__ typedef __int128 Wide;

}  // namespace

int64_t Scheduler::scaled(int64_t ns, uint64_t weight) {
  return static_cast<int64_t>(Wide{ns} * kScale / static_cast<int64_t>(weight));
}
int64_t Scheduler::unscaled(int64_t units, uint64_t weight) {
  return static_cast<int64_t>((Wide{units} * static_cast<int64_t>(weight) + kScale - 1) / kScale);
}

Scheduler::Entity* Scheduler::find(hv::VgpuId id) {
  const auto it = entities_.find(id);
  return it == entities_.end() ? nullptr : &it->second;
}
const Scheduler::Entity* Scheduler::find(hv::VgpuId id) const {
  const auto it = entities_.find(id);
  return it == entities_.end() ? nullptr : &it->second;
}

/// Interactive work may start one slice ahead of the engine's time.
void Scheduler::set_at(Entity& e, Virtual at) {
  e.at = e.start = at;
  if (e.share.latency == LatencyClass::interactive)
    e.start -= static_cast<Virtual>(scaled(static_cast<int64_t>(e.slice_ns), e.weight));
}

/// Charges the current vGPU up to `now`, or gives back what was charged too much: an event tells of
/// a moment that has passed.
void Scheduler::account(uint64_t now) {
  if (!running_ || now == charged_to_) return;
  Entity& e = *current_;
  const auto ns = static_cast<int64_t>(now - charged_to_);
  set_at(e, e.at + static_cast<Virtual>(scaled(ns, e.weight)));
  clock_ += static_cast<Virtual>(scaled(ns, weights_));
  if (ns > 0)
    spend(e, charged_to_, now);
  else
    e.spent_ns = std::max<int64_t>(0, e.spent_ns + ns);
  e.served.used_ns += static_cast<uint64_t>(ns);
  used_ns_ += static_cast<uint64_t>(ns);
  charged_to_ = now;
}

/// Each window bears what fell into it.
void Scheduler::spend(Entity& e, uint64_t from, uint64_t to) {
  if (e.allow_ns >= static_cast<int64_t>(gpu_.window_ns)) return;
  while (from < to) {
    roll(e, from);
    const uint64_t end = std::min(to, (e.window + 1) * gpu_.window_ns);
    e.spent_ns += static_cast<int64_t>(end - from);
    from = end;
  }
}

/// Brings its account into the window of `now`: each window that passed paid its allowance.
void Scheduler::roll(Entity& e, uint64_t now) const {
  const uint64_t window = now / gpu_.window_ns;
  if (window <= e.window) return;
  const Wide paid = Wide{e.allow_ns} * static_cast<int64_t>(window - e.window);
  // What is not used is lost, unless its CPUs kept it from using it.
  const int64_t least = e.starved ? -e.allow_ns : 0;
  e.spent_ns = static_cast<int64_t>(std::max<Wide>(least, Wide{e.spent_ns} - paid));
  e.window = window;
}

/// When it may have the engine; `now` or before if it may at once. `rest_ns`: how much of its
/// allowance has to be left.
uint64_t Scheduler::release_of(Entity& e, int64_t rest_ns, uint64_t now) const {
  if (gpu_.policy == Policy::exclusive && e.id != gpu_.holder) return UINT64_MAX;
  if (gpu_.policy == Policy::fixed_share && e.share.fixed == 0) return UINT64_MAX;
  const uint64_t at = e.held_until;
  if (e.allow_ns >= static_cast<int64_t>(gpu_.window_ns)) return at;
  roll(e, now);
  const int64_t excess = e.spent_ns + std::min(rest_ns, e.allow_ns / 2) - e.allow_ns;
  if (excess < 0) return at;
  const auto windows = static_cast<uint64_t>(excess / e.allow_ns + 1);
  return std::max(at, (e.window + windows) * gpu_.window_ns);
}

/// When it will have used its allowance if it runs on from `now`.
uint64_t Scheduler::cap_end(Entity& e, uint64_t now) const {
  if (e.allow_ns >= static_cast<int64_t>(gpu_.window_ns)) return UINT64_MAX;
  roll(e, now);
  const uint64_t end = now + static_cast<uint64_t>(std::max<int64_t>(0, e.allow_ns - e.spent_ns));
  const uint64_t window_end = (e.window + 1) * gpu_.window_ns;
  return end < window_end ? end : window_end + static_cast<uint64_t>(e.allow_ns);
}

// Settings.

void Scheduler::add(hv::VgpuId id, const Share& share, uint64_t now) {
  const auto [it, fresh] = entities_.try_emplace(id);
  if (!fresh) return;
  Entity& e = it->second;
  e.id = id;
  e.share = share;
  e.since_ns = now;
  e.window = now / gpu_.window_ns;
  ++present_;
  apply(e);
  set_at(e, clock_);
  if (gpu_.policy == Policy::equal_share) recount(now);
}

void Scheduler::remove(hv::VgpuId id, uint64_t now) {
  Entity* e = find(id);
  if (e == nullptr) return;
  account(now);
  dequeue(*e);
  if (!e->paused) --present_;
  entities_.erase(id);
  if (gpu_.policy == Policy::equal_share) recount(now);
}

/// What the policy makes of the share asked.
void Scheduler::apply(Entity& e) {
  e.slice_ns = e.share.slice_ns != 0 ? e.share.slice_ns : gpu_.slice_ns;
  e.weight = gpu_.policy == Policy::equal_share   ? 1
             : gpu_.policy == Policy::fixed_share ? std::max(1u, e.share.fixed)
                                                  : e.share.weight;
  const auto window = static_cast<int64_t>(gpu_.window_ns);
  int64_t allow = window;
  if (gpu_.policy == Policy::equal_share)
    allow = window / static_cast<int64_t>(std::max<uint64_t>(1, present_));
  if (gpu_.policy == Policy::fixed_share) allow = window * e.weight / kWholeGpu;
  if (e.share.cap != 0) allow = std::min<int64_t>(allow, window * e.share.cap / kWholeGpu);
  e.allow_ns = std::max<int64_t>(1, allow);
}

/// Makes a change to a vGPU's settings, wherever it stands. What it is ahead or behind stays the
/// same time.
template <class F>
void Scheduler::change(Entity& e, uint64_t now, F make) {
  account(now);
  const Place place = e.place;
  const bool counts = place != Place::idle && place != Place::throttled;
  if (place != Place::current)
    dequeue(e);
  else
    weights_ -= e.weight;
  int64_t ahead = unscaled(static_cast<int64_t>(e.at - clock_), e.weight);
  if (place == Place::throttled)
    ahead = std::max<int64_t>(ahead, 0);  // not owed what it was denied
  roll(e, now);
  const int64_t had = e.allow_ns;
  make(e);
  apply(e);
  // What it used by right is no debt now that it may have less: only this window's part is gone.
  if (e.allow_ns < had)
    e.spent_ns = std::min(e.spent_ns, e.allow_ns) + std::max<int64_t>(0, e.spent_ns - had);
  set_at(e, clock_ + static_cast<Virtual>(scaled(ahead, e.weight)));
  e.deadline = e.at;
  if (place == Place::idle) return;
  if (place == Place::current) {
    weights_ += e.weight;
    renew(e);
    grant(e, std::max(now, slice_start_ns_));
  } else if (e.paused) {
    e.since_ns = now;
  } else {
    weights_ += e.weight;
    if (!counts) e.since_ns = now;
    enqueue(e, now);
  }
}

void Scheduler::recount(uint64_t now) {
  for (auto& [id, e] : entities_) change(e, now, [](Entity&) {});
}

void Scheduler::set_share(hv::VgpuId id, const Share& share, uint64_t now) {
  if (Entity* e = find(id)) change(*e, now, [&](Entity& it) { it.share = share; });
}

void Scheduler::set_gpu(const GpuShares& gpu, uint64_t now) {
  account(now);
  const bool windows = gpu.window_ns != gpu_.window_ns;
  gpu_ = gpu;
  for (auto& [id, e] : entities_) {
    if (windows) e.spent_ns = 0, e.window = now / gpu.window_ns;
    change(e, now, [](Entity&) {});
  }
}

void Scheduler::set_paused(hv::VgpuId id, bool paused, uint64_t now) {
  Entity* e = find(id);
  if (e == nullptr || e->paused == paused) return;
  present_ += paused ? uint64_t{0} - 1 : 1;
  e->paused = paused;
  if (paused && e->place != Place::current) not_ready(id, now);
  if (gpu_.policy == Policy::equal_share) recount(now);
}

void Scheduler::set_starved(hv::VgpuId id, bool starved, uint64_t now) {
  Entity* e = find(id);
  if (e == nullptr) return;
  roll(*e, now);
  e->starved = starved;
}

void Scheduler::hold(hv::VgpuId id, uint64_t until, uint64_t now) {
  if (Entity* e = find(id)) change(*e, now, [&](Entity& it) { it.held_until = until; });
}

// What came of it.

Served Scheduler::served(hv::VgpuId id) const {
  const Entity* e = find(id);
  return e ? e->served : Served{};
}

uint32_t Scheduler::asked(hv::VgpuId id) const {
  const Entity* e = find(id);
  if (e == nullptr || e->paused) return 0;
  if (gpu_.policy == Policy::exclusive) return id == gpu_.holder ? kWholeGpu : 0;
  uint64_t all = 0;
  for (const auto& [other, o] : entities_) all += o.paused ? 0 : o.weight;
  const auto part = static_cast<uint32_t>(e->weight * kWholeGpu / std::max<uint64_t>(1, all));
  const auto most =
      static_cast<uint32_t>(e->allow_ns * kWholeGpu / static_cast<int64_t>(gpu_.window_ns));
  return gpu_.policy == Policy::best_effort ? std::min(part, most) : most;
}

void Scheduler::encode(std::vector<std::byte>& out) const {
  put(out, gpu_.policy);
  put(out, gpu_.slice_ns);
  put(out, gpu_.window_ns);
  put(out, gpu_.holder.v);
  put(out, used_ns_);
  put(out, current_ ? current_->id.v : uint16_t{0});
  for (const auto& [id, e] : entities_) {
    put(out, id.v);
    put(out, e.share.weight);
    put(out, e.share.cap);
    put(out, e.share.fixed);
    put(out, e.share.latency);
    put(out, e.share.slice_ns);
    put(out, e.place);
    put(out, e.at - clock_);
    put(out, e.spent_ns);
    put(out, e.held_until);
    put(out, e.served.used_ns);
    put(out, e.served.overshoot_ns);
  }
}

}  // namespace mediator

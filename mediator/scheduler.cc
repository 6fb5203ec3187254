// SPDX-License-Identifier: MIT
// Turns: who is next, when a slice ends, when it does not. scheduler_shares.cc has the accounts.
#include "mediator/scheduler.h"

#include <algorithm>

namespace mediator {
namespace {

// A rest of a slice shorter than this part of it is added to the next one.
constexpr uint64_t kShortestPart = 4;
// Interactive work lets the running slice come this far (a part of it) before it takes its place:
// bounds what arrivals can cost others in switches.
constexpr uint64_t kHurryPart = 2;
// Less than this is not worth a switch: a cap's rest is left until the next window.
constexpr int64_t kShortestRunNs = 50'000;

}  // namespace

Scheduler::~Scheduler() {
  eligible_.clear();
  later_.clear();
  throttled_.clear();
}

std::optional<hv::VgpuId> Scheduler::current() const {
  return current_ ? std::optional(current_->id) : std::nullopt;
}

void Scheduler::ready(hv::VgpuId id, uint64_t now) {
  Entity* e = find(id);
  if (e == nullptr || e->paused || e->place != Place::idle) return;
  // A pause between two submissions costs nothing, a CPU that was not there neither; both bounded.
  const bool blink = now - e->since_ns < e->slice_ns;
  const uint64_t keep = e->starved ? kStarvedSlices * e->slice_ns : blink ? e->slice_ns : 0;
  join(*e, keep, now);
  hurry(*e, now);
}

void Scheduler::not_ready(hv::VgpuId id, uint64_t now) {
  Entity* e = find(id);
  if (e == nullptr || e->place == Place::idle) return;
  account(now);
  dequeue(*e);
  e->since_ns = now;
}

std::optional<hv::VgpuId> Scheduler::next(uint64_t now) {
  release(now);
  promote();
  if (eligible_.empty() && !later_.empty()) {
    clock_ = later_.begin()->start;  // all are ahead: nothing is won by waiting
    promote();
  }
  if (eligible_.empty()) return std::nullopt;
  Entity& e = *eligible_.begin();
  eligible_.erase(eligible_.iterator_to(e));
  e.place = Place::current;
  current_ = &e;
  ++e.served.slices;
  e.served.max_wait_ns = std::max(e.served.max_wait_ns, now - std::min(now, e.since_ns));
  grant(e, now);
  return e.id;
}

void Scheduler::began(uint64_t now) {
  running_ = current_ != nullptr;
  charged_to_ = now;
}

void Scheduler::ended(uint64_t at) {
  account(at);
  running_ = false;
  if (current_ == nullptr || told_ns_ == UINT64_MAX) return;
  const uint64_t over = at > told_ns_ ? at - told_ns_ : 0;
  current_->served.overshoot_ns += over;
  current_->served.max_overshoot_ns = std::max(current_->served.max_overshoot_ns, over);
  told_ns_ = UINT64_MAX;
}

void Scheduler::told_to_leave(uint64_t now) { told_ns_ = now; }

void Scheduler::yield(bool still_ready, uint64_t now) {
  if (current_ == nullptr) return;
  Entity& e = *current_;
  account(now);
  dequeue(e);
  e.since_ns = now;
  if (!still_ready || e.paused) return;
  weights_ += e.weight;
  enqueue(e, now);
}

/// The slice goes on until the virtual deadline, which is a whole slice behind the last one: so
/// what was overshot then is missing now.
void Scheduler::grant(Entity& e, uint64_t now) {
  const auto left = static_cast<int64_t>(e.deadline - e.at);
  slice_start_ns_ = now;
  slice_end_ns_ = gpu_.policy == Policy::exclusive
                      ? UINT64_MAX
                      : now + static_cast<uint64_t>(unscaled(std::max<int64_t>(left, 0), e.weight));
  cap_end_ns_ = cap_end(e, now);
}

void Scheduler::renew(Entity& e) const {
  const int64_t quantum = std::max<int64_t>(1, scaled(static_cast<int64_t>(e.slice_ns), e.weight));
  const int64_t shortest = quantum / static_cast<int64_t>(kShortestPart);
  const auto left = static_cast<int64_t>(e.deadline - e.at);
  if (left > shortest && left <= quantum + shortest) return;
  const int64_t missing = shortest + 1 - left;
  if (missing > 0)
    e.deadline += static_cast<Virtual>((missing + quantum - 1) / quantum * quantum);
  else
    e.deadline = e.at + static_cast<Virtual>(quantum);  // its slice was made shorter
}

bool Scheduler::must_leave(uint64_t now) {
  if (current_ == nullptr) return false;
  Entity& e = *current_;
  account(now);
  release(now);
  if (release_of(e, 0, now) > now) return true;
  cap_end_ns_ = cap_end(e, now);
  if (now < slice_end_ns_ || !others_waiting()) return false;
  renew(e);
  e.order = ++orders_;  // others of the same deadline come before it
  if (challenged(e)) return true;
  grant(e, now);
  return false;
}

/// Would somebody else be chosen?
bool Scheduler::challenged(const Entity& e) {
  promote();
  const bool ahead = before(clock_, e.start);
  if (eligible_.empty()) return ahead && !later_.empty() && before(later_.begin()->start, e.start);
  return ahead || ByDeadline()(*eligible_.begin(), e);
}

/// Interactive work that may run now shortens the slice of other work.
void Scheduler::hurry(const Entity& e, uint64_t now) {
  if (current_ == nullptr || e.share.latency != LatencyClass::interactive) return;
  if (current_->share.latency == LatencyClass::interactive) return;
  promote();
  if (e.place != Place::eligible) return;
  const uint64_t soonest = slice_start_ns_ + current_->slice_ns / kHurryPart;
  slice_end_ns_ = std::min(slice_end_ns_, std::max(now, soonest));
}

uint64_t Scheduler::wake_ns() const {
  uint64_t t = throttled_.empty() ? UINT64_MAX : throttled_.begin()->release_ns;
  if (current_ == nullptr) return t;
  if (others_waiting()) t = std::min(t, slice_end_ns_);
  return std::min(t, cap_end_ns_);
}

// Places.

/// It has work: joins those that have, not behind the engine's time by more than `keep_ns` of what
/// it may have been owed.
void Scheduler::join(Entity& e, uint64_t keep_ns, uint64_t now) {
  account(now);
  const Virtual oldest =
      clock_ - static_cast<Virtual>(scaled(static_cast<int64_t>(keep_ns), e.weight));
  if (before(e.at, oldest)) {
    set_at(e, oldest);
    e.deadline = e.at;  // a slice of its own; else it goes on with the one it left
  }
  weights_ += e.weight;
  e.since_ns = now;
  enqueue(e, now);
}

void Scheduler::enqueue(Entity& e, uint64_t now) {
  e.order = ++orders_;
  e.release_ns = release_of(e, kShortestRunNs, now);
  if (e.release_ns > now) {
    weights_ -= e.weight;
    e.place = Place::throttled;
    throttled_.insert(e);
    return;
  }
  renew(e);
  e.place = before(clock_, e.start) ? Place::later : Place::eligible;
  if (e.place == Place::later)
    later_.insert(e);
  else
    eligible_.insert(e);
}

void Scheduler::dequeue(Entity& e) {
  switch (e.place) {
    case Place::idle: return;
    case Place::eligible: eligible_.erase(eligible_.iterator_to(e)); break;
    case Place::later: later_.erase(later_.iterator_to(e)); break;
    case Place::throttled: throttled_.erase(throttled_.iterator_to(e)); break;
    case Place::current:
      current_ = nullptr;
      running_ = false;
      told_ns_ = UINT64_MAX;
      break;
  }
  if (e.place != Place::throttled) weights_ -= e.weight;
  e.place = Place::idle;
}

void Scheduler::release(uint64_t now) {
  while (!throttled_.empty() && throttled_.begin()->release_ns <= now) {
    Entity& e = *throttled_.begin();
    dequeue(e);
    join(e, 0, now);
    hurry(e, now);
  }
}

/// Moves those the engine's time has caught up with.
void Scheduler::promote() {
  while (!later_.empty() && !before(clock_, later_.begin()->start)) {
    Entity& e = *later_.begin();
    later_.erase(later_.begin());
    e.place = Place::eligible;
    eligible_.insert(e);
  }
}

}  // namespace mediator

// SPDX-License-Identifier: MIT
// An engine and its vGPUs as the scheduler sees them, in virtual time: work that arrives, flights
// that end by themselves or at an arbitration point after they were told to leave.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "mediator/scheduler.h"

namespace core_test {

inline constexpr uint64_t kUs = 1000, kMs = 1'000'000, kSec = 1'000'000'000;

class EngineSim {
 public:
  explicit EngineSim(const mediator::GpuShares& gpu = {}) : scheduler(gpu) {}

  struct Work {
    bool present = true, paused = false, has_work = false;
    uint64_t left_ns = UINT64_MAX;  ///< until it has no more work
    uint64_t ready_since = 0;
    std::vector<std::pair<uint64_t, uint64_t>> turns;  ///< on the engine from, to
  };

  hv::VgpuId add(const mediator::Share& share = {}) {
    const hv::VgpuId id{static_cast<uint16_t>(works.size() + 1)};
    works[id] = {};
    scheduler.add(id, share, now);
    return id;
  }
  /// It has `ns` of work from now on.
  void give(hv::VgpuId id, uint64_t ns = UINT64_MAX) {
    Work& w = works[id];
    if (!w.has_work) w.ready_since = now;
    w.has_work = true;
    w.left_ns = ns;
    if (on_engine != id && !w.paused) scheduler.ready(id, now);
  }
  void take(hv::VgpuId id) {
    works[id].has_work = false;
    if (on_engine == id) depart();
    scheduler.not_ready(id, now);
  }
  /// What runs leaves as if its slice were over.
  void pause(hv::VgpuId id, bool paused) {
    Work& w = works[id];
    if (w.paused == paused) return;
    w.paused = paused;
    scheduler.set_paused(id, paused, now);
    if (paused && on_engine == id && !leaving) leave();
    if (!paused && w.has_work) scheduler.ready(id, now);
    if (!paused) w.ready_since = now;
  }
  /// As a mediator does after a change of what was asked.
  void tick() {
    if (on_engine && !leaving && scheduler.must_leave(now)) leave();
  }
  void remove(hv::VgpuId id) {
    take(id);
    works[id].present = false;
    scheduler.remove(id, now);
  }

  /// Runs until `until`. Told to leave, the running one needs up to `leave_ns`.
  void run(uint64_t until) {
    while (now < until) {
      schedule();
      if (!on_engine && on_idle) on_idle();
      uint64_t next = std::min(until, scheduler.wake_ns());
      if (on_engine) {
        const uint64_t left = works[*on_engine].left_ns;
        if (left != UINT64_MAX) next = std::min(next, began + left);
        if (leaving) next = std::min(until, leave_at);
      }
      now = std::max(now, next);
      step();
    }
  }
  /// Time the vGPU had the engine in [from, to).
  uint64_t given(hv::VgpuId id, uint64_t from, uint64_t to) {
    uint64_t ns = 0;
    auto turns = works[id].turns;
    if (on_engine == id) turns.emplace_back(began, now);
    for (const auto& [a, b] : turns)
      if (b > from && a < to) ns += std::min(b, to) - std::max(a, from);
    return ns;
  }
  uint64_t random(uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
  }

  mediator::Scheduler scheduler;
  std::map<hv::VgpuId, Work> works;
  uint64_t now = 0, leave_ns = 0, seed = 1;
  uint64_t longest_wait = 0, idle_with_work = 0;
  uint64_t switch_ns = 0;  ///< the engine is nobody's for so long between two
  std::optional<hv::VgpuId> on_engine;
  uint64_t began = 0, leave_at = 0;
  bool leaving = false;
  /// Told of each turn: who has the engine now, and since when it had work.
  std::function<void(hv::VgpuId, uint64_t)> on_turn;
  /// Told whenever nobody has the engine for a while.
  std::function<void()> on_idle;

 private:
  void schedule() {
    if (on_engine) return;
    if (scheduler.current() && scheduler.must_leave(now)) scheduler.yield(true, now);
    if (!scheduler.current() && !scheduler.next(now)) return;
    on_engine = scheduler.current();
    Work& w = works[*on_engine];
    longest_wait = std::max(longest_wait, now - std::min(now, w.ready_since));
    if (on_turn) on_turn(*on_engine, w.ready_since);
    began = now;
    leaving = false;
    scheduler.began(now);
  }
  void depart() {
    Work& w = works[*on_engine];
    if (w.left_ns != UINT64_MAX) w.left_ns -= std::min(w.left_ns, now - began);
    if (now > began) w.turns.emplace_back(began, now);
    scheduler.ended(now);
    if (w.paused) scheduler.not_ready(*on_engine, now);
    on_engine.reset();
    w.ready_since = now;
  }
  void leave() {
    scheduler.told_to_leave(now);
    leaving = true;
    leave_at = now + (leave_ns ? random(leave_ns) : 0);
  }
  void step() {
    if (!on_engine) return;
    const hv::VgpuId id = *on_engine;
    Work& w = works[id];
    if (w.left_ns != UINT64_MAX && now >= began + w.left_ns) {
      depart();
      w.has_work = false;
      scheduler.not_ready(id, now);
    } else if (leaving && now >= leave_at) {
      depart();
    } else if (!leaving && scheduler.must_leave(now)) {
      leave();
    }
  }
};

}  // namespace core_test

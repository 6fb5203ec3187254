// SPDX-License-Identifier: MIT
#include "dom0/gpu/driver/ports.h"

#include <algorithm>

#include "shadow/gen9/regs.h"

namespace gpu {
namespace {

/// Same context image and id; flags such as force-restore may differ.
bool same_context(uint64_t a, uint64_t b) { return ((a ^ b) >> 12) == 0; }

bool holds(const Bundle& bundle, uint64_t descriptor) {
  return std::any_of(bundle.begin(), bundle.end(),
                     [&](uint64_t d) { return same_context(d, descriptor); });
}

}  // namespace

uint64_t ExeclistPorts::any_user() const {
  for (const Bundle* b : {&running_, &pending_, &waiting_})
    for (const uint64_t d : *b)
      if (!same_context(d, idle_)) return d;
  return 0;
}

bool ExeclistPorts::idle() const { return any_user() == 0; }

bool ExeclistPorts::lite_restore_allowed(const Bundle& bundle) const {
  if (preempt_wanted_) return false;
  if (holds(pending_, idle_) && !running_.empty()) return false;  // already on its way out
  const auto alone = [&](const Bundle& b) {
    return std::all_of(b.begin(), b.end(), [&](uint64_t d) {
      return same_context(d, bundle.front()) || same_context(d, idle_);
    });
  };
  return alone(running_) && alone(pending_) && alone(waiting_);
}

hv::Status ExeclistPorts::queue(std::span<const uint64_t> descriptors) {
  if (descriptors.empty() || descriptors.size() > 2) return hv::Error::bad_argument;
  const Bundle bundle(descriptors.begin(), descriptors.end());
  for (uint64_t d : bundle) {
    if (!(d & gen9::descriptor::kValid) || same_context(d, idle_)) return hv::Error::bad_argument;
  }
  if (bundle.size() == 2 && same_context(bundle[0], bundle[1])) return hv::Error::bad_argument;
  if (!idle() && !lite_restore_allowed(bundle)) return hv::Error::busy;
  waiting_ = bundle;
  return {};
}

void ExeclistPorts::request_preempt() {
  // If the idle context is written but something may still run before it, one is enough.
  const bool leaving = holds(pending_, idle_) && waiting_.empty();
  if (!idle() && !leaving) preempt_wanted_ = true;
}

Bundle ExeclistPorts::take_ready() {
  if (!pending_.empty()) return {};
  if (!waiting_.empty()) {
    pending_.swap(waiting_);
  } else if (preempt_wanted_) {
    preempt_wanted_ = false;
    if (!idle()) pending_.push_back(idle_);
  }
  return pending_;
}

void ExeclistPorts::on_event(uint32_t status, uint32_t context_id, Departures& out) {
  namespace csb = gen9::csb;
  if (status & (csb::kIdleToActive | csb::kPreempted)) {
    promote(status, out);
  } else if (status & csb::kContextComplete) {
    retire_front(context_id, out);
  } else {
    ++unexpected_;
  }
}

void ExeclistPorts::promote(uint32_t status, Departures& out) {
  if (pending_.empty()) {
    ++unexpected_;
    return;
  }
  bool front = true;
  for (uint64_t d : running_) {
    const bool complete = front && (status & gen9::csb::kContextComplete);
    front = false;
    const bool stays = holds(pending_, d) || holds(waiting_, d);
    if (!stays && !same_context(d, idle_)) out.push_back({d, complete});
  }
  running_ = pending_;
  pending_.clear();
}

void ExeclistPorts::retire_front(uint32_t context_id, Departures& out) {
  if (running_.empty() || running_.front() >> 32 != context_id) {
    ++unexpected_;
    return;
  }
  const uint64_t d = running_.front();
  running_.erase(running_.begin());
  // A lite restore that comes too late runs the context once more; that end is the one to report.
  const bool again = holds(pending_, d) || holds(waiting_, d);
  if (!again && !same_context(d, idle_)) out.push_back({d, true});
}

void ExeclistPorts::clear() {
  running_.clear();
  pending_.clear();
  waiting_.clear();
  preempt_wanted_ = false;
}

}  // namespace gpu

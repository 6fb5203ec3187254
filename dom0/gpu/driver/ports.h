// SPDX-License-Identifier: MIT
// The two-element execlist ports of one engine as the driver believes them to be: which bundle
// runs, which one was written and is not yet acknowledged, which one waits to be written. Pure
// state; the driver writes ELSP and reads the CSB. SKL PRM vol 3 (Execlists), vol 2c (CSB).
#pragma once

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <span>

#include "hv/result.h"

namespace gpu {

/// One ELSP write: one or two context descriptors, in order of execution.
using Bundle = boost::container::static_vector<uint64_t, 2>;

/// How a submitted context left the engine.
struct Departure {
  uint64_t descriptor = 0;
  bool complete = false;  ///< false: preempted, or never started
};
using Departures = boost::container::static_vector<Departure, 4>;

class ExeclistPorts {
 public:
  /// `idle_descriptor` is the driver's own context, whose comings and goings are nobody's event.
  explicit ExeclistPorts(uint64_t idle_descriptor) : idle_(idle_descriptor) {}

  /// No context of a user is on the engine or on its way to it (the driver's own may be).
  [[nodiscard]] bool idle() const;

  /// Queues a bundle. busy unless the engine is idle or this is a lite restore (see
  /// HostGpu::submit); bad_argument if it is not one or two different valid descriptors, or names
  /// the idle context.
  hv::Status queue(std::span<const uint64_t> descriptors);
  /// Asks for the idle context to be put in front of whatever runs. No-op on an idle engine.
  void request_preempt();
  /// The next bundle to be written to ELSP, empty if there is none. Only one write is ever
  /// unacknowledged: a second one would make the hardware forget the first without an event.
  Bundle take_ready();

  /// One CSB entry. What it ends is appended to `out`.
  void on_event(uint32_t status, uint32_t context_id, Departures& out);
  /// CSB entries that fit nothing that was submitted (ignored).
  [[nodiscard]] uint64_t unexpected() const { return unexpected_; }

  /// The context that runs, or 0.
  [[nodiscard]] uint64_t running() const { return running_.empty() ? 0 : running_.front(); }
  /// A user's context that is on the engine or on its way to it, or 0.
  [[nodiscard]] uint64_t any_user() const;
  /// The driver's own context runs alone, next: only on an engine that has nothing at all.
  void start_idle() { pending_.push_back(idle_); }
  [[nodiscard]] bool empty() const {
    return running_.empty() && pending_.empty() && waiting_.empty();
  }
  /// Forgets everything (the engine was reset).
  void clear();

 private:
  [[nodiscard]] bool lite_restore_allowed(const Bundle& bundle) const;
  void promote(uint32_t status, Departures& out);
  void retire_front(uint32_t context_id, Departures& out);

  uint64_t idle_;
  Bundle running_, pending_, waiting_;
  bool preempt_wanted_ = false;
  uint64_t unexpected_ = 0;
};

}  // namespace gpu

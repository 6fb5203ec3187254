// SPDX-License-Identifier: MIT
// Plays a recorded guest to a live mediator. It does what the guest did, in its order, and waits
// where the guest had waited: until the GPU got as far as the guest had seen it get.
#pragma once

#include <functional>
#include <string>

#include "dom0/guests/actor.h"
#include "dom0/replay/live_writes.h"

namespace replay {

/// What a player plays to.
struct Stage {
  hv::local::LocalDomain& domain;
  hv::TrapHandler& traps;
  hv::Clock& clock;
  LiveWrites& writes;
  std::function<uint64_t()> completed;  ///< contexts of this vGPU run to their end
  std::function<bool()> idle;           ///< none of its work is left
};

struct Pace {
  double scale = 1;                      ///< of the recorded time between two accesses
  uint64_t longest_ns = 60'000'000'000;  ///< and no longer than this, at most an hour
};

struct Outcome {
  uint64_t delivered = 0;
  uint64_t late = 0;  ///< waits that were given up
  uint64_t pages = 0, pages_equal = 0;
  std::string difference;  ///< the first page that is not as recorded; empty if all are
};

class Player final : public guests::Actor {
 public:
  Player(const Script& script, Stage stage, Pace pace);

  std::string start() override { return {}; }
  void on_interrupt() override { on_time(); }
  void on_time() override;
  [[nodiscard]] uint64_t wake_ns() const override { return finished_ ? UINT64_MAX : wake_ns_; }
  [[nodiscard]] bool polls() const override { return waiting_since_ns_ != 0; }
  [[nodiscard]] bool finished() const override { return finished_; }

  /// Compares what the GPU wrote with what the recorded one wrote. At any time, best when finished.
  [[nodiscard]] Outcome outcome();
  [[nodiscard]] const hv::local::TrapCounts& counts() const { return counts_; }

 private:
  [[nodiscard]] bool reached(const Progress& wanted);
  bool wait_for(const Progress& wanted, const Action* next);
  bool port_free(const Action& a);
  void deliver(const Action& a);
  void count(const Action& a);

  const Script& script_;
  Stage stage_;
  const Pace pace_;
  const LiveWrites::Guest& written_;
  size_t next_ = 0;
  uint64_t wake_ns_;               ///< of this world
  uint64_t waiting_since_ns_ = 0;  ///< 0: not waiting
  Progress excused_;               ///< what never came; not waited for again
  uint64_t late_ = 0;
  bool finished_ = false;
  hv::local::TrapCounts counts_;
};

}  // namespace replay

// SPDX-License-Identifier: MIT
// The embedded guest driver: does through its port what an i915 6.1 vGPU guest does, so that what
// works for it works for i915. Event driven: on_interrupt and on_time are all that moves it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dom0/guests/driver/context.h"
#include "dom0/guests/driver/execlists.h"
#include "dom0/guests/driver/interrupts.h"
#include "dom0/guests/driver/ppgtt.h"
#include "dom0/guests/driver/pvinfo.h"

namespace guests {

struct DriverConfig {
  gen9::EngineMask engines = gen9::kAllEngineMask;
  uint64_t first_frame = 256;             ///< guest frames the driver may use: from here
  uint64_t frames = 16384;                ///< and so many
  uint64_t heartbeat_ns = 2'500'000'000;  ///< 0: none
  unsigned missed_beats_to_reset = 4;
  bool mid_thread = false;  ///< its render contexts ask for mid-thread preemption (to hang well)
  /// Where there is no PVINFO to ask (native).
  shadow::GgttWindows native_windows{0, 64u << 20, 256u << 20, 384u << 20};
};

struct DriverCounts {
  uint64_t interrupts = 0, vblanks = 0, flips_done = 0;
  uint64_t beats = 0, missed_beats = 0, resets = 0;
};

class Driver {
 public:
  Driver(GuestPort& port, const DriverConfig& config);
  ~Driver();

  /// Probes and brings up the GPU. Empty on success, else why the probe failed.
  std::string start();
  /// After every engine's default context state was recorded: contexts can be made.
  [[nodiscard]] bool ready() const { return ready_; }

  void on_interrupt();
  void on_time();
  /// When on_time wants to run next; UINT64_MAX for never.
  [[nodiscard]] uint64_t wake_ns() const;

  /// A new address space, or nothing when guest RAM is used up. Lives as long as the driver.
  GuestPpgtt* create_ppgtt();
  /// A context of the given PML4; nullptr when out of RAM or GGTT window. Needs ready().
  Context* create_context(gen9::EngineId engine, hv::Gpa pml4);
  /// Runs the batch at a PPGTT address. Returns the request's seqno, or nothing when the ring is
  /// full (wait for earlier requests).
  std::optional<uint32_t> submit(Context& context, uint64_t batch);
  [[nodiscard]] bool done(Context& context, uint32_t seqno) const {
    return static_cast<int32_t>(context.completed() - seqno) >= 0;
  }
  [[nodiscard]] bool idle() const;

  [[nodiscard]] GuestPort& port() { return port_; }
  [[nodiscard]] Frames& frames() { return frames_; }
  [[nodiscard]] GuestGgtt& ggtt() { return *ggtt_; }
  [[nodiscard]] const PvInfo& pvinfo() const { return info_; }
  [[nodiscard]] const DriverCounts& counts() const { return counts_; }
  [[nodiscard]] const EngineCounts& engine_counts(gen9::EngineId e) const;

 private:
  struct Engine;
  Engine* engine(gen9::EngineId id) { return engines_[gen9::index(id)].get(); }
  std::string start_engines();
  std::string start_engine(gen9::EngineId id);
  void submit_request(Engine& engine, Context& context, uint64_t batch, bool first_use);
  void record_defaults();
  void beat(Engine& engine);

  GuestPort& port_;
  DriverConfig config_;
  Frames frames_;
  PvInfo info_;
  std::unique_ptr<GuestGgtt> ggtt_;
  std::vector<std::unique_ptr<GuestPpgtt>> spaces_;
  std::array<std::unique_ptr<Engine>, gen9::kEngines> engines_;
  GgttObject indirect_, indirect_scratch_;
  uint32_t next_context_ = 1;
  bool ready_ = false;
  uint64_t next_beat_ns_ = UINT64_MAX;
  DriverCounts counts_;
};

}  // namespace guests

// SPDX-License-Identifier: MIT
// The demo: drawing guests, stream guests and recorded guests share one modelled GPU through the
// mediator. The work of the first two is then done again natively, and what recorded guests' work
// wrote is compared with what it wrote when it was recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dom0/guests/aub/script.h"
#include "dom0/replay/player.h"
#include "hv/local/machine.h"
#include "hv/result.h"
#include "hv/trace/sink.h"
#include "mediator/mediator.h"

namespace embedded {

struct DemoConfig {
  unsigned painters = 4;
  unsigned stream_guests = 3;
  /// What stream guests run, in turn. Needs at least one if there are any.
  std::vector<guests::AubScript> scripts;
  std::vector<std::string> script_names;
  /// Guests of recordings, each played once.
  std::vector<replay::Script> recorded;
  std::vector<std::string> recorded_names;
  uint64_t virtual_ns = 3'000'000'000;
  uint64_t slice_ns = 5'000'000;
  uint32_t width = 1024, height = 768;
  std::vector<uint32_t> weights;  ///< of the guests in turn; empty: all the same
  bool baseline = true;           ///< also run natively
  hv::trace::RecordSink* recorder = nullptr;
  bool record_guest_memory = false;
  /// Told virtual time done and its end, now and then.
  std::function<void(uint64_t done_ns, uint64_t end_ns)> progress;
};

struct DemoGuest {
  std::string name, work;
  uint64_t frames = 0;    ///< drawing guests: frames shown; stream guests: times through
  uint64_t requests = 0;  ///< finished, as the guest's own driver counts them
  mediator::VgpuStats stats;
  hv::local::TrapCounts traps;
  uint64_t mediator_ns = 0;    ///< real time in its traps
  uint64_t native_gpu_ns = 0;  ///< what its frames take natively, boot included
  uint64_t latency_median_us = 0, latency_p99_us = 0;
  std::optional<replay::Outcome> recorded;  ///< of recorded guests
  std::string error;
  mediator::Screen screen;  ///< empty unless it draws
};

struct DemoTotal {
  uint64_t virtual_ns = 0, gpu_ns = 0, native_gpu_ns = 0;
  uint64_t recorded_gpu_ns = 0;   ///< of gpu_ns: recorded guests, which have no native run
  uint64_t mediator_ns = 0;       ///< real time in the mediator
  uint64_t mediator_idle_ns = 0;  ///< of this, while no engine ran
  uint64_t submissions = 0, requests = 0, traps = 0, refused = 0;
  uint64_t dma_accesses = 0, dma_violations = 0;
  uint64_t leaks = 0;  ///< contexts that met another guest's state in the GPU
  /// native_gpu_ns / (gpu_ns - recorded_gpu_ns + mediator_idle_ns): GPU time that the same work
  /// takes natively, over the GPU time it took here plus the real mediator time that no engine's
  /// work hid.
  double mediated_over_native = 0;
  /// The same with all mediator time counted, as if nothing were hidden.
  double mediated_over_native_unhidden = 0;
};

struct DemoResult {
  std::vector<DemoGuest> guests;
  DemoTotal total;
  std::vector<std::string> violations;
  [[nodiscard]] bool ok() const;
};

/// The error is one line.
hv::Result<DemoResult, std::string> run_demo(const DemoConfig& config);

}  // namespace embedded

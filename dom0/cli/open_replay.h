// SPDX-License-Identifier: MIT
// Open replay: a trace as a stimulus for a live mediator on a live model. Guests do what the
// recording says, with the memory it says; what comes out is what this mediator and this model make
// of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hv/trace/sink.h"

namespace cli {

/// What became of one guest.
struct OpenReplayGuest {
  std::string name;
  uint64_t accesses = 0;                               ///< delivered
  uint64_t submissions = 0, recorded_submissions = 0;  ///< ELSP writes; contexts run to completion
  uint64_t refused = 0;                                ///< commands refused
  uint64_t resets = 0, faults = 0;
  uint64_t late = 0;  ///< waits for recorded progress that did not come in time
  uint64_t gpu_ns = 0;
  bool compares = false;                ///< the recording says what the GPU wrote
  uint64_t pages = 0, pages_equal = 0;  ///< pages that the recorded GPU wrote
  std::string difference;
};

struct OpenReplayResult {
  std::vector<OpenReplayGuest> guests;
  uint64_t recorded_ns = 0;     ///< time that the recording spans
  uint64_t virtual_ns = 0;      ///< modelled time that the replay took
  uint64_t dma_violations = 0;  ///< accesses of the GPU beyond its guest
  std::string error;            ///< not empty: the trace is bad, or cannot be replayed so

  /// Did every guest run all its work with the recorded results?
  [[nodiscard]] bool same() const;
};

/// With `recorder` the replay is recorded in turn.
OpenReplayResult open_replay(const std::string& path, hv::trace::RecordSink* recorder = nullptr);

}  // namespace cli

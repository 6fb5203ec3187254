// SPDX-License-Identifier: MIT
// Open replay: a trace as a stimulus for a live mediator on a live model. Guests' memory is what
// the recording says; what comes out is what this mediator and this model make of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cli {

struct OpenReplayResult {
  uint64_t events = 0;              ///< inputs delivered
  uint64_t submissions = 0;         ///< contexts run to completion
  uint64_t refused = 0;             ///< commands refused
  uint64_t late = 0;                ///< completions of the recording that did not come here in time
  uint64_t gpu_ns = 0;              ///< GPU time of all vGPUs
  uint64_t recorded_ns = 0;         ///< time that the recording spans
  std::vector<std::string> memory;  ///< SHA-256 of each guest's pages that the trace names
  std::string error;                ///< not empty: the trace is bad, or cannot be replayed so
};

OpenReplayResult open_replay(const std::string& path);

}  // namespace cli

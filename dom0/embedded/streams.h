// SPDX-License-Identifier: MIT
// Executes AUB streams on the model, natively or as guests of the mediator, and says what came of
// it in numbers that must not depend on which.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dom0/guests/aub/script.h"
#include "hv/result.h"
#include "hv/trace/sink.h"

namespace embedded {

struct StreamRun {
  bool mediated = true;
  uint64_t slice_ns = 5'000'000;
  bool scan_all = false;
  /// A stream that executes more is looping, and given up; 0: a bound by its file's size.
  uint64_t max_commands = 0;
  hv::trace::RecordSink* recorder = nullptr;
  bool record_guest_memory = false;
};

struct StreamResult {
  std::string memory;  ///< SHA-256
  std::map<std::string, uint64_t> executed;
  std::string stream;  ///< SHA-256
  uint64_t refused = 0;
  std::string error;  ///< why it did not finish, or empty
};

struct StreamResults {
  std::vector<StreamResult> streams;
  uint64_t gpu_ns = 0, host_ns = 0, traps = 0, dma_violations = 0, leaks = 0;
  std::vector<std::string> violations;
  [[nodiscard]] bool ok() const;
};

/// Runs all at once as separate guests (mediated), or one after the other, each alone (native).
/// The error is one line: the host itself could not be set up.
hv::Result<StreamResults, std::string> run_streams(const std::vector<guests::AubScript>& scripts,
                                                   const StreamRun& how);

}  // namespace embedded

// SPDX-License-Identifier: MIT
// Closed replay: a fresh mediator is told what a trace says, its calls are answered from the trace,
// and neither hypervisor nor GPU is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hv/trace/reader.h"

namespace mediator::trace {

struct ReplayResult {
  uint64_t events = 0;                       ///< records replayed
  hv::trace::Sha256 state{};                 ///< of the mediator where the replay ended
  bool matches = false;                      ///< every call and the final state are the same
  std::optional<uint64_t> first_divergence;  ///< index of the first record that is not
  std::string reason;                        ///< what differed there
  uint64_t recorded_ns = 0;                  ///< time that the recording spans
  std::string error;                         ///< not empty: the trace is bad
};

/// The reader must know kVocabulary (mediator/trace/kinds.h) and stand before the first record.
ReplayResult replay(hv::trace::Reader& reader);

}  // namespace mediator::trace

// SPDX-License-Identifier: MIT
// Where the records of a recording go: into a file (writer.h), or to whoever chooses among them.
#pragma once

#include <cstdint>
#include <span>

#include "hv/result.h"
#include "hv/trace/hash.h"
#include "hv/trace/record.h"

namespace hv::trace {

class RecordSink {
 public:
  virtual ~RecordSink() = default;
  /// Which GPU is behind the recording. Before the first record.
  virtual void describe(uint16_t device_id, uint8_t revision) = 0;
  /// `args` as the kind's row says. Never fails here: finish() tells.
  virtual void add(Kind kind, uint32_t subject, std::span<const uint64_t> args,
                   std::span<const std::byte> blob = {}) = 0;
  /// The end, with the core's state then. Nothing may be added after it.
  virtual Status finish(const Sha256& state) = 0;
};

}  // namespace hv::trace

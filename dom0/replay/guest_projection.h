// SPDX-License-Identifier: MIT
// One guest's part of a recording of several: what it did, what was found in its memory, and what
// the GPU did for it. Enough to play it (xengvt replay --open); the others leave no trace in it.
#pragma once

#include <vector>

#include "hv/trace/sink.h"

namespace replay {

class GuestProjection {
 public:
  /// Takes the records of the guest with number `subject` and passes them on as guest 1's.
  GuestProjection(uint32_t subject, hv::trace::RecordSink& sink) : subject_(subject), sink_(sink) {}

  /// The next record of the whole. The first must be its session; time is what its clock records
  /// add up to.
  void take(hv::trace::Kind kind, uint32_t subject, std::span<const uint64_t> args,
            std::span<const std::byte> blob, uint64_t now_ns);
  /// Was the guest made?
  [[nodiscard]] bool found() const { return vgpu_ != 0; }

 private:
  void pass(hv::trace::Kind kind, uint32_t subject, std::span<const uint64_t> args,
            std::span<const std::byte> blob, uint64_t now_ns);
  void events(std::span<const uint64_t> args, std::span<const std::byte> blob, uint64_t now_ns);

  const uint32_t subject_;
  hv::trace::RecordSink& sink_;
  uint64_t vgpu_ = 0;  ///< the mediator's number for it
  uint64_t told_ns_ = 0;
  std::vector<std::byte> scratch_;
};

}  // namespace replay

// SPDX-License-Identifier: MIT
// Whose turn it is on one engine. Pure policy: no GPU, no clocks. Round robin by time slices;
// weights, caps and latency classes have their place behind this interface.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "hv/types.h"

namespace mediator {

class RoundRobin {
 public:
  explicit RoundRobin(uint64_t slice_ns) : slice_ns_(slice_ns) {}

  /// The vGPU has work (again). Already queued or current: no effect.
  void ready(hv::VgpuId id);
  /// It has none, is paused or is gone.
  void not_ready(hv::VgpuId id);
  /// Takes the next vGPU, which becomes current; its slice starts at `now_ns`.
  std::optional<hv::VgpuId> next(uint64_t now_ns);
  /// The current one left the engine; if it still has work it goes to the end of the line.
  void yield(bool still_ready);
  [[nodiscard]] std::optional<hv::VgpuId> current() const { return current_; }
  [[nodiscard]] bool others_waiting() const { return !line_.empty(); }
  /// When the current slice ends if somebody waits; UINT64_MAX if nobody does.
  [[nodiscard]] uint64_t slice_end_ns() const;

 private:
  uint64_t slice_ns_;
  std::deque<hv::VgpuId> line_;
  std::optional<hv::VgpuId> current_;
  uint64_t slice_start_ns_ = 0;
};

}  // namespace mediator

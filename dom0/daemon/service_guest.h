// SPDX-License-Identifier: MIT
// What the service keeps of one guest.
#pragma once

#include "dom0/daemon/service.h"

namespace xengvtd {

struct Service::Guest {
  std::string name;
  VgpuType type;
  std::unique_ptr<BackendGuest> backend;
  hv::VgpuId vgpu{};
  uint32_t subject = 0;  ///< its number in recordings
  bool paused = false, ready = false, direct_reads = true;
  bool gives_up = false;  ///< its domain does not run
  // It took too much of the mediator's time: it is answered again from then on.
  bool held = false;
  uint64_t from_ns = 0;
  ShareSettings shares;
  std::optional<CpuShare> cpu;
  uint64_t since_ns = 0;
  // What is written down of it, and as of which of the back end's changes.
  bool kept = false;
  uint64_t kept_changes = 0;
  KeptGuest kept_guest;
  bool left = false;  ///< to the next daemon
  // What was told of it already.
  mediator::FailsafeReason failsafe{};
  uint64_t refused = 0, resets = 0, faults = 0, hangs = 0;
};

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// A Mediator as hosts use it: with a trace writer it records everything the mediator is told and
// learns; without one, calls go straight through.
#pragma once

#include <memory>
#include <vector>

#include "hv/trace/ports.h"
#include "hv/trace/writer.h"
#include "mediator/mediator.h"
#include "mediator/trace/gpu.h"

namespace mediator::trace {

class Session {
 public:
  /// `writer` may be nullptr: no recording. Both ports and the writer outlive the session. With
  /// `guest_pages` (set Quirk::kGuestPages in the header too) the changed pages that the GPU can
  /// reach are written before each submission, for open replay.
  Session(HostGpu& gpu, hv::Clock& clock, const MediatorConfig& config,
          hv::trace::Writer* writer = nullptr, bool guest_pages = false);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The inputs of a Mediator; see mediator.h. Drive it through these only.
  hv::Result<hv::VgpuId> create_vgpu(hv::Domain& domain, const VgpuConfig& config);
  /// Not while recording: not_supported then.
  hv::Status resume(hv::VgpuId id, std::span<const std::byte> registers, FailsafeReason failsafe);
  void destroy_vgpu(hv::VgpuId id);
  /// Valid until the vGPU is destroyed, except when not recording: then as Mediator::traps.
  hv::TrapHandler* traps(hv::VgpuId id);
  void pause(hv::VgpuId id, bool paused);
  void poll();

  /// For what does not change its state: stats, deadlines, idle, find, owner_of_context, ...
  Mediator& mediator() { return *mediator_; }
  [[nodiscard]] const Mediator& mediator() const { return *mediator_; }
  /// Reads guest memory, but is no part of a recording.
  hv::Result<Screen> read_screen(hv::VgpuId id);

  /// Ends the recording here, with the state as it is now; later calls go straight through. An
  /// error of the writer at any time before shows here. Nothing to do when not recording.
  hv::Status finish();

 private:
  struct Guest;
  Guest* find(hv::VgpuId id);
  uint32_t subject(hv::VgpuId id);
  void record_config(const MediatorConfig& config);
  void note_pages(std::span<const uint64_t> contexts);

  hv::trace::Writer* writer_;
  hv::trace::Journal journal_;
  TracedGpu gpu_;
  hv::trace::TracedClock clock_;
  const bool guest_pages_;
  uint32_t guests_made_ = 0;
  std::vector<std::unique_ptr<Guest>> guests_;  ///< of this recording, dead ones too
  std::unique_ptr<Mediator> mediator_;
};

/// SHA-256 over Mediator::encode.
hv::trace::Sha256 state_hash(const Mediator& mediator);

}  // namespace mediator::trace

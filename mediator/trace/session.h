// SPDX-License-Identifier: MIT
// A Mediator as hosts use it: with a sink it records everything the mediator is told and learns;
// without one, calls go straight through.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "hv/trace/ports.h"
#include "hv/trace/sink.h"
#include "mediator/mediator.h"
#include "mediator/trace/gpu.h"

namespace mediator::trace {

class Session {
 public:
  enum class Start : uint8_t { at_once, later };
  /// `sink` may be nullptr: no recording. Both ports and the sink outlive the session. With
  /// `guest_memory` it knows whose pages the GPU reaches, so that what the GPU finds there can be
  /// noted, for open replay (set Quirk::kGuestData in the header). A session that starts `later`
  /// puts nothing into the sink until listen(): what it then says of one guest is good for open
  /// replay.
  Session(HostGpu& gpu, hv::Clock& clock, const MediatorConfig& config,
          hv::trace::RecordSink* sink = nullptr, bool guest_memory = false,
          Start start = Start::at_once);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The inputs of a Mediator; see mediator.h. Drive it through these only.
  /// `guest_memory`: for this guest too, if not for all.
  hv::Result<hv::VgpuId> create_vgpu(hv::Domain& domain, const VgpuConfig& config,
                                     bool guest_memory = false);
  /// Not while recording: not_supported then.
  hv::Status resume(hv::VgpuId id, std::span<const std::byte> registers, FailsafeReason failsafe);
  void destroy_vgpu(hv::VgpuId id);
  void dismiss(hv::VgpuId id);
  /// Valid until the vGPU is destroyed, except when not recording: then as Mediator::traps.
  hv::TrapHandler* traps(hv::VgpuId id);
  void pause(hv::VgpuId id, bool paused);
  const char* set_gpu_shares(const GpuShares& gpu);
  const char* set_share(hv::VgpuId id, const Share& share);
  void set_starved(hv::VgpuId id, bool starved);
  void poll();

  /// For what does not change its state: stats, deadlines, idle, find, owner_of_context, ...
  Mediator& mediator() { return *mediator_; }
  [[nodiscard]] const Mediator& mediator() const { return *mediator_; }
  /// Reads guest memory, but is no part of a recording.
  hv::Result<Screen> read_screen(hv::VgpuId id);

  /// Does the sink hear of what happens? From the start unless told `later`; again after finish().
  void listen(bool on);
  /// The number that the next guest will have in the recording.
  [[nodiscard]] uint32_t next_subject() const { return guests_made_ + 1; }

  /// A guest's page as the GPU reaches it.
  struct GuestPage {
    uint32_t subject = 0;  ///< the guest's number in the recording
    hv::Gfn gfn{};
    auto operator<=>(const GuestPage&) const = default;
  };
  /// Whose page a frame is; only with `guest_memory`.
  [[nodiscard]] std::optional<GuestPage> page_of(hv::BusFrame frame) const;
  /// Changes whenever page_of may answer otherwise.
  [[nodiscard]] uint64_t pages_changed() const;
  using InputHook = std::function<void(uint32_t subject)>;
  /// Called before each recorded access of a guest.
  void before_access(InputHook hook) { before_access_ = std::move(hook); }
  /// Writes down something that a closed replay skips (hv::trace::is_aside).
  void note(hv::trace::Kind kind, uint32_t subject, hv::trace::Journal::Args args,
            std::span<const std::byte> blob = {});

  /// Ends the recording here, with the state as it is now; later calls go straight through. An
  /// error of the sink at any time before shows here. Nothing to do when not recording.
  hv::Status finish();

 private:
  struct Guest;
  Guest* find(hv::VgpuId id);
  uint32_t subject(hv::VgpuId id);
  void record_config(const MediatorConfig& config);

  hv::trace::RecordSink* sink_;
  hv::trace::Journal journal_;
  TracedGpu gpu_;
  hv::trace::TracedClock clock_;
  const bool guest_memory_;
  InputHook before_access_;
  uint32_t guests_made_ = 0;
  uint64_t pages_changed_ = 0;                  ///< by guests that are gone
  std::vector<std::unique_ptr<Guest>> guests_;  ///< of this recording, dead ones too
  std::unique_ptr<Mediator> mediator_;
};

/// SHA-256 over Mediator::encode.
hv::trace::Sha256 state_hash(const Mediator& mediator);

}  // namespace mediator::trace

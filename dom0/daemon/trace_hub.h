// SPDX-License-Identifier: MIT
// Who hears of what the session records: a recording of everything, and recordings of single
// guests.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "dom0/replay/guest_projection.h"
#include "hv/trace/sink.h"

namespace xengvtd {

class TraceHub final : public hv::trace::RecordSink {
 public:
  void describe(uint16_t device_id, uint8_t revision) override;
  void add(hv::trace::Kind kind, uint32_t subject, std::span<const uint64_t> args,
           std::span<const std::byte> blob = {}) override;
  /// Ends the recording of everything.
  hv::Status finish(const hv::trace::Sha256& state) override;

  /// Before the session is made; nullptr: nobody. Outlives it.
  void set_whole(hv::trace::RecordSink* sink) { whole_ = sink; }
  /// The guest with this number, which is about to be made. The sink stays until end_guest.
  void begin_guest(uint32_t subject, hv::trace::RecordSink& sink);
  void end_guest(uint32_t subject) { guests_.erase(subject); }
  /// Does anybody listen?
  [[nodiscard]] bool active() const { return whole_ != nullptr || !guests_.empty(); }
  [[nodiscard]] bool any_guest() const { return !guests_.empty(); }

 private:
  hv::trace::RecordSink* whole_ = nullptr;
  std::map<uint32_t, replay::GuestProjection> guests_;
  uint16_t device_id_ = 0;
  uint8_t revision_ = 0;
  std::vector<uint64_t> session_;  ///< arguments of its record
  uint64_t now_ns_ = 0;
};

}  // namespace xengvtd

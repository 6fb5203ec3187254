// SPDX-License-Identifier: MIT
// Closed replay: a fresh mediator is told what a trace says, its calls are answered from the trace,
// and neither hypervisor nor GPU is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hv/trace/reader.h"
#include "hv/trace/sink.h"
#include "mediator/host_gpu.h"

namespace mediator::trace {

struct ReplayResult {
  uint64_t events = 0;                       ///< records replayed
  hv::trace::Sha256 state{};                 ///< of the mediator where the replay ended
  bool matches = false;                      ///< every call and the final state are the same
  std::optional<uint64_t> first_divergence;  ///< index of the first record that is not
  std::string reason;                        ///< what differed there
  uint64_t changed_answers = 0;              ///< retold: reads answered otherwise to the guest
  uint64_t recorded_ns = 0;                  ///< time that the recording spans
  uint64_t most_owed_ns = 0;                 ///< of the mediator's time by any one vGPU
  std::string error;                         ///< not empty: the trace is bad
};

/// Sees what a replay does to the GPU. Times are those of the recording.
class ReplayWatcher {
 public:
  virtual ~ReplayWatcher() = default;
  virtual void created(hv::VgpuId vgpu, const std::string& name) = 0;
  /// `owner`: of the first context; no descriptors: the engine was reset.
  virtual void submitted(EngineId engine, hv::VgpuId owner, std::span<const uint64_t> descriptors,
                         uint64_t now_ns) = 0;
  virtual void happened(const GpuEvent& event) = 0;
};

/// The reader must know kVocabulary (mediator/trace/kinds.h) and stand before the first record.
ReplayResult replay(hv::trace::Reader& reader, ReplayWatcher* watcher = nullptr);

/// For a mediator that puts out something else than the recorded one: the same inputs and the same
/// answers of the ports, with what this mediator puts out, go into `sink`. `matches` means then
/// that the mediator asked for nothing that the trace has no answer to.
ReplayResult retell(hv::trace::Reader& reader, hv::trace::RecordSink& sink);

}  // namespace mediator::trace

// SPDX-License-Identifier: MIT
// The daemon's recordings: one of everything, from before the first guest, and one of each guest
// for which somebody wants it, from its birth. All calls with the GPU's lock held.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "dom0/daemon/backend.h"
#include "dom0/daemon/config.h"
#include "dom0/daemon/log.h"
#include "dom0/daemon/trace_file_writer.h"
#include "dom0/daemon/trace_hub.h"
#include "dom0/replay/memory_recorder.h"

namespace xengvtd {

class Recordings {
 public:
  using Done = hv::Result<void, Problem>;
  /// Has the GPU tell an observer of its memory accesses; nullptr: nobody. Empty where a GPU
  /// cannot.
  using Observe = std::function<void(gpu::model::DmaObserver*)>;
  Recordings(const Config& config, gpu::model::DmaBus& bus, Observe observe, Log& log)
      : config_(config), bus_(bus), observe_(std::move(observe)), log_(log) {}

  /// For the sessions, each of which is then told to follow().
  hv::trace::RecordSink& sink() { return hub_; }
  void follow(mediator::trace::Session* session);

  /// Of everything: the session that is made next is recorded from its start, if that is `at_once`.
  Done start_whole(const std::string& path, bool open);
  [[nodiscard]] bool whole() const { return whole_ != nullptr; }
  [[nodiscard]] bool whole_is_open() const { return whole_open_; }
  [[nodiscard]] std::string whole_path() const { return whole_ ? whole_->path() : std::string(); }
  Done stop_whole();

  /// The next guest of this name.
  Done want(const std::string& name, const std::string& path);
  /// Forgets a wish, or ends the recording of a guest.
  Done stop(const std::string& name);
  /// Before a guest's vGPU is made. True if the session has to know its memory.
  bool begin(const std::string& name, hv::DomId domain);
  /// After it was taken away, or could not be made.
  void end(uint32_t subject);
  /// Ends what has reached its bound or cannot be written; now and then.
  void look();

 private:
  struct Guest {
    std::string name;
    std::unique_ptr<TraceFileWriter> file;
  };
  using Guests = std::map<uint32_t, Guest>;
  std::string path_for(const std::string& name, hv::DomId domain);
  Done finish(Guests::iterator guest);
  void observe_memory();
  [[nodiscard]] uint64_t max_bytes() const { return uint64_t{config_.trace_max_mib} << 20; }

  const Config& config_;
  gpu::model::DmaBus& bus_;
  const Observe observe_;
  Log& log_;
  TraceHub hub_;
  mediator::trace::Session* session_ = nullptr;
  std::unique_ptr<TraceFileWriter> whole_;
  bool whole_open_ = false;
  Guests guests_;                              ///< by their number in the session
  std::map<std::string, std::string> wanted_;  ///< paths, by the guest's name
  std::unique_ptr<replay::MemoryRecorder> memory_;
};

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// Virtual execlists of one engine of one vGPU: what ELSP writes mean and which context status
// events the guest sees, in the order hardware gives them. SKL PRM vol 7 (Execlists); facts
// section 5.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "shadow/gen9/engine.h"

namespace mediator {

/// Receives context status events: the status buffer, its pointer and the interrupt.
/// How soon a status event is to interrupt the guest. A list that was taken needs no answer of its
/// own if it is done soon: late, and not at all where another event comes first.
enum class Signal : uint8_t { none, late, now };

class StatusSink {
 public:
  virtual ~StatusSink() = default;
  /// One CSB entry: event bits (gen9::csb) and context id.
  virtual void context_status(gen9::EngineId engine, uint32_t event, uint32_t context_id,
                              Signal signal) = 0;
};

/// One ELSP submission: one or two context descriptors.
struct Execlist {
  std::array<uint64_t, 2> descriptor{};
  unsigned count = 0;
};

class VirtualExeclist {
 public:
  VirtualExeclist(gen9::EngineId engine, StatusSink& sink) : engine_(engine), sink_(sink) {}

  /// One dword to ELSP (port 1 high, low, port 0 high, low). The fourth completes a submission.
  std::optional<Execlist> write(uint32_t value);

  enum class Accepted : uint8_t {
    started,       ///< the engine was idle; it runs now
    lite_restore,  ///< its first context is the one running: tail moved, list replaced
    queued,        ///< another context: the running one is to be preempted
  };
  Accepted accept(const Execlist& list);

  /// The context at the head ran to its tail.
  void head_complete();
  /// The context at the head left before its tail because of a queued list, which now runs.
  void head_preempted();
  void reset();

  [[nodiscard]] bool active() const { return running_.count != 0; }
  [[nodiscard]] bool has_pending() const { return pending_.count != 0; }
  /// Descriptors still to run, head first. Empty when idle.
  [[nodiscard]] std::vector<uint64_t> remaining() const;
  [[nodiscard]] uint64_t head() const { return running_.descriptor[head_]; }
  /// EXECLIST_STATUS low and high dwords as the guest reads them.
  [[nodiscard]] uint64_t status() const;
  void encode(std::vector<std::byte>& out) const;

 private:
  void promote();
  gen9::EngineId engine_;
  StatusSink& sink_;
  std::array<uint32_t, 4> words_{};
  unsigned collected_ = 0;
  Execlist running_, pending_;
  unsigned head_ = 0;
  unsigned slot_ = 0;  // which of the two execlist slots runs
};

}  // namespace mediator

// SPDX-License-Identifier: MIT
// One engine of the embedded driver: submission through the two execlist ports and the context
// status buffer, by the rules of i915 6.1 on a vGPU (no preemption, lite restore).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "dom0/guests/driver/context.h"

namespace guests {

struct Request {
  Context* context = nullptr;
  uint32_t seqno = 0;
  uint32_t tail = 0, wa_tail = 0;
};

struct EngineCounts {
  uint64_t submissions = 0;    ///< ELSP writes
  uint64_t lite_restores = 0;  ///< of these, with the running context in front
  uint64_t completed = 0;      ///< requests
  uint64_t csb_events = 0;
  uint64_t csb_errors = 0;  ///< events that fit nothing this driver submitted
};

class Execlists {
 public:
  Execlists(GuestPort& port, gen9::EngineId engine, GgttObject status_page)
      : port_(port), engine_(engine), status_(std::move(status_page)) {}

  /// Writes what enable_execlists writes (facts 1.7).
  void enable();
  void queue(const Request& request);
  /// Reads new status-buffer entries and submits what can follow.
  void process_csb();
  /// Requests finished since the last call, oldest first.
  std::vector<Request> retire();
  /// Resets the engine through RESET_CTL and GDRST; what the running context had queued is lost.
  void reset();

  /// Nothing submitted, nothing queued.
  [[nodiscard]] bool idle() const;
  [[nodiscard]] gen9::EngineId engine() const { return engine_; }
  [[nodiscard]] const EngineCounts& counts() const { return counts_; }

 private:
  struct Port {
    Context* context = nullptr;
    uint32_t seqno = 0;  // of the last request given to the GPU here
    uint32_t tail = 0;
    uint32_t wa_tail = 0;  // where to move the tail when the same request is submitted again
  };
  using Ports = std::array<Port, 2>;

  [[nodiscard]] uint32_t reg(uint32_t rel) const { return gen9::engine_reg(engine_, rel); }
  void reset_csb();
  void on_event(uint32_t status);
  void dequeue();
  void fill(Ports& ports);
  void write_ports(const Ports& ports);
  void reset_hardware();

  GuestPort& port_;
  gen9::EngineId engine_;
  GgttObject status_;
  Ports active_{}, pending_{};
  std::deque<Request> queue_;
  std::vector<Request> inflight_;
  uint32_t csb_head_ = 0;
  EngineCounts counts_;
};

}  // namespace guests

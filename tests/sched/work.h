// SPDX-License-Identifier: MIT
// What the guests of the scheduling benchmark do: batches whose length is chosen by where they are
// entered, on a driver that does what i915 does.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "dom0/guests/driver/driver.h"

namespace sched {

inline constexpr uint64_t kUs = 1000, kMs = 1'000'000, kSec = 1'000'000'000;
/// A batch is a row of primitives of this length, with an arbitration point behind each.
inline constexpr uint64_t kUnitNs = 100 * kUs, kHalfNs = kUnitNs / 2, kLongestNs = 8 * kMs;
/// GPU time of a 3DPRIMITIVE of the rows, by its dwords (dom0/gpu/model/cost.h).
uint64_t primitive_ns(uint32_t vertices);

/// How a guest keeps its GPU busy.
struct Plan {
  enum class Kind : uint8_t {
    idle,      ///< nothing but its driver's heartbeat
    busy,      ///< always `depth` requests queued
    periodic,  ///< one request every `period_ns`
    duty,      ///< one request, half to one and a half `think_ns` after the last one was done
    hang,      ///< busy with batches that never end and cannot be preempted
  } kind = Kind::idle;
  uint64_t shortest_ns = kHalfNs, longest_ns = kLongestNs;
  unsigned depth = 2;
  uint64_t period_ns = 0, think_ns = 0;
  uint64_t requests = UINT64_MAX;  ///< then it is done
  uint64_t seed = 1;
};

class Client {
 public:
  Client(guests::GuestPort& port, const guests::DriverConfig& config, const Plan& plan)
      : driver_(port, config), plan_(plan), random_(plan.seed) {}
  std::string start() { return driver_.start(); }
  /// Context and batches; once the driver is ready.
  std::string prepare();
  void begin(uint64_t now) { next_ns_ = began_ns_ = now + offset(); }
  void on_events();
  void pump(uint64_t now);
  [[nodiscard]] uint64_t wake_ns(uint64_t now) const;

  [[nodiscard]] bool finished() const { return completed_ >= plan_.requests; }
  [[nodiscard]] uint64_t finished_ns() const { return finished_ns_; }
  [[nodiscard]] uint64_t began_ns() const { return began_ns_; }
  [[nodiscard]] uint64_t completed() const { return completed_; }
  /// From submission to completion, less the work itself; nanoseconds.
  [[nodiscard]] const std::vector<uint64_t>& waits() const { return waits_; }
  [[nodiscard]] guests::Driver& driver() { return driver_; }

 private:
  struct Request {
    uint32_t seqno;
    uint64_t at_ns, work_ns;
  };
  void collect(uint64_t now);
  void submit(uint64_t now);
  uint64_t length();
  [[nodiscard]] uint64_t batch(uint64_t ns) const;
  uint64_t offset();
  uint64_t think();

  guests::Driver driver_;
  Plan plan_;
  std::mt19937_64 random_;
  guests::Context* context_ = nullptr;
  std::deque<Request> flying_;
  uint64_t submitted_ = 0, completed_ = 0, next_ns_ = UINT64_MAX, began_ns_ = 0, finished_ns_ = 0;
  std::vector<uint64_t> waits_;
};

}  // namespace sched

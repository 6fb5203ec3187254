// SPDX-License-Identifier: MIT
// Real time spent in the mediator: how much, and how much of it while the GPU had nothing to do.
#pragma once

#include <chrono>
#include <cstdint>

namespace embedded {

struct MediatorTime {
  uint64_t calls = 0;
  uint64_t ns = 0;       ///< in the mediator and the host driver, the modelled device taken out
  uint64_t idle_ns = 0;  ///< of these, while no engine ran: what the GPU waited for
};

class Meter {
 public:
  /// Time inside the device does not count: on silicon it is the GPU's.
  class InDevice {
   public:
    explicit InDevice(Meter& m) : meter_(m), since_(now()) {}
    ~InDevice() { meter_.device_ns_ += now() - since_; }
    InDevice(const InDevice&) = delete;
    InDevice& operator=(const InDevice&) = delete;

   private:
    Meter& meter_;
    uint64_t since_;
  };
  /// One call into the mediator; adds to `to`.
  class Call {
   public:
    Call(Meter& m, MediatorTime& to, bool gpu_idle)
        : meter_(m), to_(to), gpu_idle_(gpu_idle), device_before_(m.device_ns_), since_(now()) {}
    ~Call() {
      const uint64_t ns = now() - since_ - (meter_.device_ns_ - device_before_);
      ++to_.calls;
      to_.ns += ns;
      if (gpu_idle_) to_.idle_ns += ns;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Meter& meter_;
    MediatorTime& to_;
    bool gpu_idle_;
    uint64_t device_before_, since_;
  };

 private:
  static uint64_t now() {
    return static_cast<uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
  }
  uint64_t device_ns_ = 0;
};

}  // namespace embedded

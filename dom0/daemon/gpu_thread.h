// SPDX-License-Identifier: MIT
// The modelled GPU at work: its own thread advances the model in short steps, paced to wall time.
//
// One lock covers model, driver, mediator and guest memory. A step holds it for about `step_us` of
// wall time, and FairLock hands it to whoever asked first, so a trap waits for one step at most.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "dom0/daemon/fair_lock.h"
#include "dom0/daemon/pacer.h"
#include "dom0/daemon/step_size.h"
#include "dom0/daemon/wall_clock.h"
#include "dom0/gpu/model/model.h"

namespace xengvtd {

class GpuThread {
 public:
  /// `interrupt` is called, with the lock held and at most once until acknowledge(), when the model
  /// asserts its interrupt.
  GpuThread(gpu::model::Model& model, Pacer& pacer, WallClock& clock, uint32_t step_us,
            std::function<void()> interrupt);
  /// Stops.
  ~GpuThread();
  GpuThread(const GpuThread&) = delete;
  GpuThread& operator=(const GpuThread&) = delete;

  void start();
  void stop();

  /// The way to everything the lock covers. On entry an idle model is brought up to the present; on
  /// exit the thread is woken if there is work that it would sleep through.
  class Entry {
   public:
    explicit Entry(GpuThread& gpu);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    GpuThread& gpu_;
  };
  /// Only inside an Entry: somebody's work is on the GPU (it may be waiting for memory to change).
  void set_occupied(bool occupied) { occupied_ = occupied; }
  /// Only inside an Entry: interrupts are being looked at; the next one is signalled again.
  void acknowledge() { signalled_ = false; }
  /// Longest step so far, wall nanoseconds; only inside an Entry.
  [[nodiscard]] uint64_t longest_step_ns() const { return longest_step_ns_; }

 private:
  void run();
  /// One step, lock held. Wall time at which the next is due; UINT64_MAX: when woken.
  uint64_t step();
  /// Wall time at which the model wants the next step, lock held; UINT64_MAX: none by itself.
  [[nodiscard]] uint64_t due(uint64_t now) const;

  gpu::model::Model& model_;
  Pacer& pacer_;
  WallClock& clock_;
  const std::function<void()> interrupt_;

  FairLock lock_;  ///< of all below up to the blank line, and of the model and the mediator
  bool occupied_ = false, signalled_ = false;
  StepSize size_;
  uint64_t longest_step_ns_ = 0;
  uint64_t asleep_until_ns_ = 0;  ///< when the thread looks next without being woken

  std::mutex sleep_mutex_;
  std::condition_variable wake_;
  bool woken_ = false, stopping_ = false;  ///< sleep_mutex_
  std::thread thread_;
};

}  // namespace xengvtd

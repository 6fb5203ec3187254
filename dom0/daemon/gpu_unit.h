// SPDX-License-Identifier: MIT
// The GPU that the daemon shares, with whatever makes it work: a model on its own thread, or
// silicon.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "dom0/gpu/driver/driver.h"
#include "dom0/gpu/model/model.h"

namespace xengvtd {

class GpuUnit {
 public:
  virtual ~GpuUnit() = default;
  virtual gpu::Device& device() = 0;
  [[nodiscard]] virtual gpu::DriverConfig driver_config() const { return {}; }
  /// "model", or which GPU.
  [[nodiscard]] virtual std::string name() const = 0;
  /// The driver works.
  virtual void start(gpu::Driver& driver) { (void)driver; }
  virtual void stop() {}

  /// The way to everything that is the GPU's, the mediator's or the guests'.
  class Entry {
   public:
    explicit Entry(GpuUnit& unit) : unit_(unit) { unit_.lock(); }
    ~Entry() { unit_.unlock(); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    GpuUnit& unit_;
  };
  /// Readable when the GPU interrupts; -1 if it does not, or in another way.
  [[nodiscard]] virtual int event_fd() const { return -1; }
  // Only inside an Entry.
  /// Somebody's work is on the GPU.
  virtual void set_occupied(bool occupied) = 0;
  /// Interrupts are being looked at; the next one is signalled again.
  virtual void acknowledge() {}
  /// All events of the GPU were taken.
  virtual void were_taken() {}
  /// When somebody must look for events without being told, by the daemon's clock; UINT64_MAX:
  /// never.
  virtual uint64_t look_ns(uint64_t now) { return (void)now, UINT64_MAX; }
  /// A guest of an earlier daemon's is in nobody's hand, and may see what was shown to it.
  virtual void guest_was_left() {}
  /// The GPU no longer obeys. From here on it reaches no memory.
  virtual void isolate() {}

  /// Every memory access of the GPU can be seen by an observer.
  [[nodiscard]] virtual bool shows_dma() const { return false; }
  virtual void set_dma_observer(gpu::model::DmaObserver* observer) { (void)observer; }

  struct Figures {
    uint64_t busy_ns = 0;          ///< time the engines worked, where it is known
    uint64_t lag_ns = 0;           ///< wall time a model was too slow for
    uint64_t longest_step_ns = 0;  ///< longest that a trap waited for a model
    uint64_t bar_accesses = 0, ggtt_writes = 0;
    uint64_t tiled = 0;  ///< tiled regions shown to guests so far
  };
  [[nodiscard]] virtual Figures figures() const = 0;

 protected:
  virtual void lock() {}
  virtual void unlock() {}
};

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// The embedded host: guests, the mediator, the host driver and the modelled GPU in one process, in
// virtual time, single-threaded and deterministic.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dom0/embedded/dma_guard.h"
#include "dom0/embedded/hygiene_guard.h"
#include "dom0/embedded/machine_bus.h"
#include "dom0/embedded/meter.h"
#include "dom0/embedded/metered_device.h"
#include "dom0/gpu/driver/driver.h"
#include "dom0/gpu/model/model.h"
#include "dom0/guests/actor.h"
#include "dom0/guests/trap_port.h"
#include "dom0/replay/live_writes.h"
#include "dom0/replay/memory_recorder.h"
#include "hv/local/machine.h"
#include "mediator/trace/session.h"

namespace embedded {

struct HostConfig {
  uint64_t machine_bytes = uint64_t{8} << 30;  ///< address space; committed when touched
  gpu::model::Config model;
  mediator::MediatorConfig mediator;
  bool guard = true;               ///< watch the GPU's DMA, and what it keeps between contexts
  MeteredDevice::Lost lost_write;  ///< for tests: writes of the host driver that fail
  hv::trace::RecordSink* recorder = nullptr;  ///< outlives the host
  bool record_guest_memory = false;           ///< for open replay
};

/// One guest: its domain, its vGPU, and what it runs.
class Guest final : public hv::TrapHandler {
 public:
  Guest(class Host& host, hv::local::Machine& machine, hv::DomId domid, const std::string& name,
        uint64_t ram_bytes);

  [[nodiscard]] guests::GuestPort& port() { return port_; }
  [[nodiscard]] hv::local::LocalDomain& domain() { return domain_; }
  [[nodiscard]] const hv::local::LocalDomain& domain() const { return domain_; }
  [[nodiscard]] hv::VgpuId vgpu() const { return vgpu_; }
  [[nodiscard]] guests::Actor* actor() { return actor_.get(); }
  [[nodiscard]] const MediatorTime& mediator_time() const { return time_; }

  // hv::TrapHandler: to the mediator, measured.
  uint64_t on_read(hv::Range range, uint64_t offset, unsigned size) override;
  void on_write(hv::Range range, uint64_t offset, unsigned size, uint64_t value) override;
  void on_page_write(hv::Gpa address, unsigned size) override;

 private:
  friend class Host;
  Host& host_;
  hv::local::LocalDomain domain_;
  guests::TrapPort port_;
  hv::VgpuId vgpu_{};
  hv::TrapHandler* mediator_ = nullptr;
  std::unique_ptr<guests::Actor> actor_;
  MediatorTime time_;
};

class Host final : public hv::Clock, public ContextOwners {
 public:
  explicit Host(const HostConfig& config);
  ~Host() override;

  /// Brings the GPU up and starts the mediator. Empty, or one line about what failed.
  std::string start();
  /// Ends the recording, if there is one; the error is the sink's.
  hv::Status finish_recording();
  /// A guest with its vGPU, powered on unless it does that itself. nullptr if the machine or the
  /// mediator has no room.
  Guest* add_guest(const std::string& name, uint64_t ram_bytes, const mediator::VgpuConfig& config,
                   bool power_on = true);
  /// Follows what the GPU writes into guests' memory. Before the guests run.
  replay::LiveWrites& watch_writes();
  /// Boots a guest's software. Empty, or why it could not.
  std::string boot(Guest& guest, std::unique_ptr<guests::Actor> actor);

  enum class Stop : uint8_t {
    deadline,  ///< virtual time `until` was reached
    finished,  ///< every actor finished and the GPU is idle
    told,      ///< `keep_going` said no
  };
  /// Runs until virtual time `until` (finite). `keep_going` is asked after every step, and
  /// no step is longer than 50 ms.
  Stop run(uint64_t until, const std::function<bool()>& keep_going = {});

  uint64_t now_ns() override { return model_.now_ns(); }
  [[nodiscard]] hv::VgpuId owner_of_context(uint32_t lrca) const override;
  [[nodiscard]] gpu::model::Model& model() { return model_; }
  [[nodiscard]] mediator::trace::Session& session() { return *session_; }
  [[nodiscard]] mediator::Mediator& mediator() { return session_->mediator(); }
  [[nodiscard]] const std::vector<std::unique_ptr<Guest>>& guests() const { return guests_; }
  [[nodiscard]] const DmaGuard& guard() const { return *guard_; }
  [[nodiscard]] const HygieneGuard& hygiene() const { return *hygiene_; }
  /// Everything spent in the mediator: traps and polls.
  [[nodiscard]] MediatorTime mediator_time() const;
  /// GPU time spent in contexts, all engines.
  [[nodiscard]] uint64_t gpu_ns() const;

 private:
  friend class Guest;
  [[nodiscard]] bool gpu_idle() const { return model_.next_event_ns() == UINT64_MAX; }
  void poll();
  /// Runs every guest that has an interrupt or whose time has come; false if none had.
  bool run_guests();
  [[nodiscard]] uint64_t next_wake_ns() const;
  [[nodiscard]] bool all_done();

  HostConfig config_;
  hv::local::Machine machine_;
  MachineBus bus_;
  gpu::model::Model model_;
  Meter meter_;
  MeteredDevice device_;
  std::unique_ptr<gpu::Driver> driver_;
  std::vector<std::unique_ptr<Guest>> guests_;
  std::unique_ptr<DmaGuard> guard_;
  std::unique_ptr<HygieneGuard> hygiene_;
  std::unique_ptr<mediator::trace::Session> session_;
  std::unique_ptr<replay::MemoryRecorder> memory_recorder_;
  std::unique_ptr<replay::LiveWrites> writes_;
  gpu::model::DmaObserver* observer_ = nullptr;  ///< the first of those who hear of DMA
  MediatorTime poll_time_;
  uint64_t stalled_steps_ = 0;
};

}  // namespace embedded

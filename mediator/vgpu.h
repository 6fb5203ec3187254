// SPDX-License-Identifier: MIT
// One virtual GPU: routes its guest's traps, owns its shadows and virtual execlists, and hands work
// to the engines.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "mediator/aperture.h"
#include "mediator/clock_page.h"
#include "mediator/context.h"
#include "mediator/device_model.h"
#include "mediator/execlist.h"
#include "mediator/mediator.h"
#include "mediator/trouble.h"

namespace mediator {

/// What a vGPU asks of the mediator.
class VgpuHost {
 public:
  virtual ~VgpuHost() = default;
  /// The guest handed work to an engine. `lite_restore`: more for the context at the head.
  virtual void work_arrived(Vgpu& vgpu, EngineId engine, bool lite_restore) = 0;
  /// The guest queued another context behind a running one: it is to be preempted.
  virtual void preempt_wanted(Vgpu& vgpu, EngineId engine) = 0;
  /// The guest resets these engines: what it has on them is to be thrown away now.
  virtual void reset_wanted(Vgpu& vgpu, gen9::EngineMask engines) = 0;
  virtual uint32_t live_register(Vgpu& vgpu, uint32_t offset) = 0;
  /// What the clocks of all engines say.
  virtual uint64_t timestamp() = 0;
  /// next_deadline_ns() is no longer `was`, or the clock page came or went.
  virtual void deadline_moved(Vgpu& vgpu, uint64_t was) = 0;
  /// No room in the host's GGTT: contexts at rest are given up. False if that freed nothing.
  virtual bool reclaim_ggtt() = 0;
  virtual uint64_t now_ns() = 0;
};

class Vgpu final : public hv::TrapHandler, private DeviceSink, private StatusSink {
 public:
  /// Everything a vGPU shares with the others.
  struct Shared {
    HostGpu& gpu;
    const DefaultImages& defaults;
    ContextOwnerMap& owners;
    const std::vector<RegisterValue>& host_values;
    shadow::GgttSpace& space;
    shadow::Retired& retired;
    VgpuHost& host;
    Originals* originals;
    uint64_t& stamps;
    const MediatorConfig& config;
  };
  /// Fails if the domain refuses register pages.
  static hv::Result<std::unique_ptr<Vgpu>> create(hv::VgpuId id, hv::Domain& domain,
                                                  const VgpuConfig& config, const Shared& shared);
  ~Vgpu() override;

  // Traps.
  uint64_t on_read(hv::Range range, uint64_t offset, unsigned size) override;
  void on_write(hv::Range range, uint64_t offset, unsigned size, uint64_t value) override;
  void on_page_write(hv::Gpa address, unsigned size) override;

  // Work, for the engines.
  [[nodiscard]] bool runnable(EngineId engine) const;
  /// Contexts left to run, head first, brought up to date; empty if refused (then stalled).
  std::vector<ShadowContext*> prepare(EngineId engine);
  hv::Status make_current(ShadowContext& context);
  /// Did the GPU save it at the tail it was last given?
  bool reached_tail(ShadowContext& context);
  /// The GPU is done with a context: true if it ran to the guest's tail and was completed.
  bool context_done(ShadowContext& context, bool preempted, uint64_t gpu_ns);
  /// Nothing of this vGPU is on the engine: a queued list may now take over.
  void engine_left(EngineId engine);
  void engine_event(EngineId engine, uint32_t irq_bit);
  /// The engine hung or was refused work: it stands still until the guest resets it.
  void stall(EngineId engine);
  void refuse(const Refusal& refusal);
  void note_fault(EngineId engine, uint64_t detail);
  void note_preemption() { ++stats_.preemptions; }
  /// The engine was reset because of it. Returns how long it is to be held back.
  uint64_t note_trouble(Trouble trouble);
  /// How long its engine may make no progress after it was told to leave.
  [[nodiscard]] uint64_t hang_ns() const {
    return trouble_.hang_ns(shared_.config.hang_ns, shared_.host.now_ns());
  }
  /// An engine's interrupt stands that the guest's CPU has not looked at.
  [[nodiscard]] bool waits_for_cpu() const;
  /// What it makes the mediator do. While it is over its budget nothing of it is submitted.
  shadow::Work& work() { return work_; }
  [[nodiscard]] const shadow::Work& work() const { return work_; }
  /// It waits because of that.
  void note_put_off() { ++stats_.put_off; }
  /// These were to be given to the GPU, but are not.
  void take_back(const std::vector<ShadowContext*>& contexts);
  /// GPU time it used that no context's end tells of.
  void charge(EngineId engine, uint64_t gpu_ns);

  /// As Mediator::resume.
  void resume(std::span<const std::byte> registers, FailsafeReason failsafe);
  void set_paused(bool paused) { paused_ = paused; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] hv::VgpuId id() const { return id_; }
  [[nodiscard]] const VgpuConfig& config() const { return config_; }
  [[nodiscard]] VgpuStats stats() const;
  /// What to write to the engine's registers for this vGPU, in the order of loaded_registers().
  void switch_registers(EngineId engine, std::vector<uint32_t>& out) const;
  /// Another vGPU's turn: what user batches may have changed in registers of no context is read
  /// back.
  void save_registers(EngineId engine);
  DeviceModel& device() { return *device_; }
  ClockPage& clock_page() { return *clock_page_; }
  shadow::Ggtt& ggtt() { return *ggtt_; }
  shadow::PpgttSet& ppgtt() { return *ppgtt_; }
  /// Its accesses go nowhere from here on, and nothing of it runs.
  void enter_failsafe(FailsafeReason reason) override;
  ContextSet& contexts() { return *contexts_; }
  /// When run_timers wants to be called next, as last told to the host.
  [[nodiscard]] uint64_t next_deadline_ns() const { return deadline_ns_; }
  /// Tells the host if the next deadline has moved. After whatever may have moved it.
  void note_deadline();
  void run_timers(uint64_t now_ns);
  /// Gives up what it holds of the host's GGTT without using it.
  void give_up_idle() { contexts_->drop_idle(); }
  void encode(std::vector<std::byte>& out) const;

 private:
  Vgpu(hv::VgpuId id, hv::Domain& domain, const VgpuConfig& config, const Shared& shared);
  hv::Status build();
  void submit(EngineId engine, const Execlist& list);
  std::vector<ShadowContext*> prepare_contexts(EngineId engine);
  bool acceptable(const Execlist& list) const;
  void queued_list(EngineId engine);
  void reset_engine_state(EngineId engine);
  void update_status_register(EngineId engine);
  void post_status(EngineId engine, std::array<uint32_t, 2> entry);
  void post_held(EngineId engine);
  void show_status(EngineId engine);
  void note_pause(EngineId engine, uint64_t now);
  [[nodiscard]] bool may_withhold(EngineId engine, uint32_t event);
  void show_awaited();
  [[nodiscard]] bool guest_waits(EngineId engine);
  void add_latency(uint64_t ns);
  [[nodiscard]] bool user_may_write(EngineId engine, uint32_t offset) const;

  // DeviceSink.
  void elsp_write(EngineId engine, uint32_t value) override;
  void ring_mode_changed(EngineId engine, bool run_list) override;
  void status_page_changed(EngineId engine, uint32_t address) override;
  void reset_engines(gen9::EngineMask engines, bool full) override;
  void g2v_notify(uint32_t value, std::span<const uint64_t, 4> pdps) override;
  void tlb_invalidate(EngineId engine) override;
  uint32_t live_register(uint32_t offset) override;
  void fence_changed(uint64_t fence) override { aperture_->fence_changed(fence); }
  bool opregion_wanted(uint32_t address) override;
  void bar_changed(hv::Range range, bool enabled, uint64_t base, uint64_t bytes) override;
  void raise_msi(uint64_t address, uint32_t data) override;
  uint64_t now_ns() override;
  [[nodiscard]] std::span<const RegisterValue> host_values() const override {
    return shared_.host_values;
  }
  // StatusSink.
  void context_status(EngineId engine, uint32_t event, uint32_t context_id, Signal signal) override;

  struct Engine {
    VirtualExeclist execlist;
    bool stalled = false;
    bool on_gpu = false;
    uint32_t status_page = 0;
    uint64_t status_due_ns = UINT64_MAX;                 ///< when a late status event interrupts
    uint64_t status_sent_ns = 0;                         ///< when one last did
    std::vector<std::array<uint32_t, 2>> held_status{};  ///< entries the guest does not see yet
    bool status_held = false;  ///< something is done, and nobody waits for it
    bool withheld = false;     ///< it is done, as its user interrupt said, but not that it is idle
    bool told_done = false;    ///< the context at the head raised its user interrupt
    uint64_t idle_ns = 0;      ///< since when it is idle
    unsigned quick = 0;        ///< lists that came after short pauses, in a row
    unsigned csb_next = 0;
  };
  hv::VgpuId id_;
  hv::Domain& domain_;
  VgpuConfig config_;
  Shared shared_;
  bool paused_ = false;
  uint64_t refusals_ = 0;
  TroubleRecord trouble_;
  shadow::Work work_;
  uint32_t opregion_ = 0;  // where it is
  VgpuStats stats_;
  size_t next_sample_ = 0;
  uint64_t deadline_ns_ = UINT64_MAX;
  bool clock_shown_ = false;
  std::unique_ptr<DeviceModel> device_;
  std::unique_ptr<ClockPage> clock_page_;
  std::unique_ptr<shadow::Ggtt> ggtt_;
  std::unique_ptr<shadow::PpgttSet> ppgtt_;
  std::unique_ptr<ContextSet> contexts_;
  std::unique_ptr<Aperture> aperture_;
  std::vector<Engine> engines_;
};

}  // namespace mediator

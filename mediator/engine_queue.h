// SPDX-License-Identifier: MIT
// One physical engine shared by vGPUs: what flies on it now, whose turn is next, when to preempt.
//
// Engines are scheduled apart from each other: a context of one vGPU on the render engine and of
// another on the blitter touch only their own shadow tables and host-owned objects. A share is a
// share of each engine.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "mediator/engine_state.h"
#include "mediator/scheduler.h"
#include "mediator/vgpu.h"

namespace mediator {

class EngineQueue {
 public:
  using Lookup = std::function<Vgpu*(hv::VgpuId)>;
  EngineQueue(EngineId engine, HostGpu& gpu, hv::Clock& clock, const MediatorConfig& config,
              Lookup lookup);

  void add(Vgpu& vgpu, const Share& share);
  /// Forgets the vGPU; `remove` it first.
  void drop(hv::VgpuId id);
  void set_gpu(const GpuShares& gpu);
  void set_share(hv::VgpuId id, const Share& share);
  void set_starved(hv::VgpuId id, bool starved);
  [[nodiscard]] const Scheduler& scheduler() const { return queue_; }

  void work_arrived(Vgpu& vgpu, bool lite_restore);
  /// The vGPU's running list must give way to its next one.
  void preempt_for(Vgpu& vgpu);
  /// Takes the vGPU off the engine now, by reset if it is on it.
  void remove(Vgpu& vgpu);
  void set_paused(Vgpu& vgpu, bool paused);

  void on_event(const GpuEvent& event);
  /// Ends slices and looks for hangs.
  void tick();
  [[nodiscard]] uint64_t next_deadline_ns() const;
  [[nodiscard]] bool occupied() const { return flight_ || queue_.others_waiting(); }
  [[nodiscard]] bool idle() const { return !occupied() && !queue_.others_later(); }

  [[nodiscard]] Vgpu* on_engine() const { return flight_ ? flight_->vgpu : nullptr; }

 private:
  struct Flight {
    Vgpu* vgpu = nullptr;
    std::vector<ShadowContext*> contexts;
    size_t done = 0;
    bool preempting = false;
    uint64_t segment_ns = 0;  // when the context now at the head began
    uint64_t asked_ns = 0;    // when preemption was asked for
    uint64_t progress = 0, looked_ns = 0, next_check_ns = 0, hang_ns = 0;
    uint64_t still_ns = 0, deaf_ns = 0;  // without progress, and without leaving, as was looked at
    std::optional<uint32_t> stamp{};     // the GPU's clock at the last look
  };
  void schedule();
  bool dispatch(Vgpu& vgpu, uint64_t now);
  bool put_off(Vgpu& vgpu, uint64_t now);
  hv::Status give_to_gpu(Vgpu& vgpu, const std::vector<ShadowContext*>& contexts);
  bool load_engine_state(Vgpu& vgpu);
  void lite_restore(Vgpu& vgpu);
  void ask_preemption();
  void context_left(const GpuEvent& event, bool preempted);
  void end_flight(uint64_t at);
  void check_hang(uint64_t now);
  uint64_t seen_ns(uint64_t now);
  void kill_flight(Trouble trouble);
  void lose_flight();
  [[nodiscard]] bool flies(uint32_t context_id) const;

  EngineId engine_;
  HostGpu& gpu_;
  hv::Clock& clock_;
  const MediatorConfig& config_;
  Lookup lookup_;
  Scheduler queue_;
  std::optional<Flight> flight_;
  LoadedState loaded_;
  std::vector<uint32_t> wanted_;  // scratch of load_engine_state
  bool scheduling_ = false;
};

}  // namespace mediator

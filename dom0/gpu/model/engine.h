// SPDX-License-Identifier: MIT
// One engine: restores contexts, walks ring and batches, retires commands at their virtual end,
// preempts at arbitration points, saves contexts.
//
// A command's cost is charged when it starts and its effect happens when it ends. SKL PRM vol 7.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dom0/gpu/model/blitter.h"
#include "dom0/gpu/model/context_image.h"
#include "dom0/gpu/model/core.h"
#include "dom0/gpu/model/execlist.h"
#include "dom0/gpu/model/mmu.h"

namespace gpu::model {

inline constexpr uint64_t kNever = UINT64_MAX;

enum class Phase : uint8_t {
  idle,       ///< no context
  restoring,  ///< a context image is being read
  running,    ///< a command is under way
  moving,     ///< a blit's data is under way
  waiting,    ///< at an unsatisfied MI_SEMAPHORE_WAIT
  saving,     ///< a context image is being written
  stopped,    ///< MI_MODE says STOP_RING
  halted,     ///< met a command it cannot execute; only a reset helps
};

/// How executing a command went on: done, has to wait, or goes on with its data.
enum class Outcome : uint8_t { retired, wait, more };

class Engine {
 public:
  Engine(Core& core, gen9::EngineId id);

  // Registers of its block, by offset from its base.
  uint32_t read(uint32_t rel);
  void write(uint32_t rel, uint32_t value);
  void reset();

  /// When it next does something by itself, or kNever.
  [[nodiscard]] uint64_t next() const { return next_; }
  /// The same for observers of the model: a wait counts only if it is satisfied by now.
  [[nodiscard]] uint64_t next_visible();
  [[nodiscard]] bool active() const { return next_ != kNever && phase_ != Phase::waiting; }
  /// Processes its own events up to `limit`, or until something wants the core's attention.
  void run(uint64_t limit);
  /// Memory may have changed: an unsatisfied wait looks again at its next tick.
  void wake(uint64_t now);
  [[nodiscard]] uint64_t busy_ns() const;

  // For the command implementations (mi.cc, pipe_control.cc).
  [[nodiscard]] gen9::EngineId id() const { return id_; }
  [[nodiscard]] Mmu& mmu() { return mmu_; }
  [[nodiscard]] Core& core() { return core_; }
  [[nodiscard]] Blitter& blitter() { return blitter_; }
  /// True unless the command came from a PPGTT batch.
  [[nodiscard]] bool privileged() const { return here_.ggtt; }
  [[nodiscard]] uint32_t reg(uint32_t rel) const;
  void set_reg(uint32_t rel, uint32_t value);
  void raise(uint32_t bits) { core_.raise(id_, bits); }
  /// RING_TIMESTAMP, ticks of 83.33 ns.
  [[nodiscard]] uint64_t timestamp() const;
  /// GGTT address of the per-process HWSP.
  [[nodiscard]] uint64_t hwsp() const { return execlist_.running().lrca(); }
  [[nodiscard]] uint32_t lrca() const { return execlist_.running().lrca(); }
  /// A stalling L3 flush: nothing of earlier contexts is left in caches and local memory.
  void caches_flushed() { flushed_ = true; }
  void start_batch(BatchPosition at, bool second_level);
  void end_batch();
  void set_arbitration(bool on) { arbitration_ = on; }
  void set_predicate_mode(uint32_t mode) { state_.set_predicate = mode; }
  [[nodiscard]] uint32_t predicate_mode() const { return state_.set_predicate; }
  /// MI_SEMAPHORE_SIGNAL from some engine.
  void signal(uint32_t context_id);
  void set_root(uint64_t pdp0) { mmu_.set_root(pdp0); }
  /// Stop the present run so that the core looks at the other engines again.
  void yield() { yield_ = true; }

 private:
  /// What the restore workarounds run before the context itself.
  enum class Workaround : uint8_t { none, indirect, per_context };
  using Place = BatchPosition;

  // Contexts (engine_context.cc).
  void submit();
  void begin_restore();
  void finish_restore();
  void begin_save(bool preempted);
  bool preempt_wait();
  void finish_save();
  void lite_restore();
  void ring_empty();
  void go_idle();
  void enter_ring();
  void switch_event(uint32_t status, uint32_t context_id);
  void start_workaround();
  void finish_workaround();

  // Commands (engine.cc).
  void step();
  void start_next();
  [[nodiscard]] bool may_preempt() const;
  bool fetch_command();
  bool fetch_rest();
  const std::byte* fetch_run(uint64_t address, unsigned bytes);
  [[nodiscard]] uint64_t dword_address(unsigned i) const;
  void locate();
  void begin();
  void charge(uint64_t ns);
  [[nodiscard]] uint64_t cost();
  [[nodiscard]] bool spins();
  void cut_spin();
  void note_jump(BatchPosition at);
  void leave_loop();
  void retire();
  void finish_command();
  Outcome execute();
  Outcome start_blit();
  void advance_pc();
  void report();
  void poll();
  void wait();
  void halt(uint32_t esr_bits);
  void stop();
  void fail(uint32_t esr_bits);
  void write_mode(uint32_t value);
  [[nodiscard]] uint32_t context_ticks() const;
  [[nodiscard]] uint32_t mode_register() const;

  Core& core_;
  const gen9::EngineId id_;
  const uint32_t base_;
  Mmu mmu_;
  Execlist execlist_;
  ContextImage image_;
  Blitter blitter_;
  ContextState state_;

  Phase phase_ = Phase::idle;
  uint64_t next_ = kNever;
  bool arbitration_ = true, stop_ring_ = false, preempting_ = false, yield_ = false;
  bool flushed_ = false;  ///< since the restore
  uint64_t active_since_ = 0, busy_ns_ = 0, running_since_ = 0;
  uint64_t command_ns_ = 0;  ///< charged for the command under way
  uint64_t batch_ns_ = 0;    ///< charged to the current first-level batch (fixed_batch_ns)
  Place loop_at_;            ///< where a batch jumped last
  bool quiet_ = false;       ///< since then it only looked at memory
  bool round_begins_ = false, spins_at_jump_ = false;
  uint32_t loop_ns_ = 0;      ///< added to a command of the loop it is in; 0: it is in none
  uint64_t spin_ns_ = 0;      ///< charged for that, of the command under way
  uint64_t poll_anchor_ = 0;  ///< when the wait began: polls are whole periods later

  // The command under way.
  const gen9::CommandDesc* desc_ = nullptr;
  unsigned length_ = 0;
  Place here_;
  uint32_t ring_offset_ = 0, ring_bytes_ = 0;  ///< ring_bytes_ 0: not fetched from the ring
  ExecutedCommand::From from_{};
  std::vector<uint32_t> dwords_;
  uint32_t cached_dword_ = 0;  ///< last one-dword look-up
  const gen9::CommandDesc* cached_desc_ = nullptr;

  Workaround workaround_ = Workaround::none;
  Place workaround_at_;
  uint64_t workaround_end_ = 0;

  // Fetch window: the page being fetched from.
  uint64_t window_page_ = kNever, window_stamp_ = 0;
  bool window_ggtt_ = false;
  const std::byte* window_ = nullptr;
};

}  // namespace gpu::model

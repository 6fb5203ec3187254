// SPDX-License-Identifier: MIT
// What stands behind Model: the register bus, the clock and the four engines.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "dom0/gpu/model/interrupts.h"
#include "dom0/gpu/model/mmu.h"
#include "dom0/gpu/model/model.h"
#include "dom0/gpu/model/registers.h"

namespace gpu::model {

class Engine;

class Core {
 public:
  Core(DmaBus& bus, const Config& config);
  ~Core();

  // The CPU's side of the register bus. Invalid offsets read 0 and ignore writes.
  uint32_t read(uint32_t offset);
  void write(uint32_t offset, uint32_t value);
  // A command's side: like the CPU's, but without effect on registers it must not reach.
  uint32_t command_read(uint32_t offset);
  void command_write(Engine& from, uint32_t offset, uint32_t value);

  void advance_to(uint64_t ns);
  uint64_t advance_until_interrupt(uint64_t ns);
  [[nodiscard]] uint64_t next_event_ns() const;
  /// The outside world may have changed memory or its layout.
  void enter() { ++fabric.epoch; }
  [[nodiscard]] Engine& engine(gen9::EngineId id) { return *engines_[gen9::index(id)]; }
  [[nodiscard]] const Engine& engine(gen9::EngineId id) const { return *engines_[gen9::index(id)]; }
  /// True if an engine other than this one will do something by itself.
  [[nodiscard]] bool others_active(const Engine& engine) const;
  void raise(gen9::EngineId engine, uint32_t bits);
  /// True if events must stop being processed now, for advance_until_interrupt.
  [[nodiscard]] bool stopped() const { return stop_on_interrupt_ && irq.line(); }

  const Config config;
  Registers regs;
  Fabric fabric;
  Interrupts irq;
  CommandObserver* observer = nullptr;
  uint64_t now = 0;

 private:
  Engine* owner(uint32_t offset);
  void write_by_cpu(uint32_t offset, uint32_t value);
  void reset(uint32_t gdrst);
  void work_until(uint64_t ns);
  bool stop_on_interrupt_ = false;
  std::array<std::unique_ptr<Engine>, gen9::kEngines> engines_;
};

}  // namespace gpu::model

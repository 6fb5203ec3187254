// SPDX-License-Identifier: MIT
// The functional Gen9 GPU: a device driven only by registers, GGTT entries, memory and interrupts.
//
// It executes MI, blitter and synchronisation commands for effect. 3D, media and GPGPU commands are
// parsed and charged time by cost.h; they are not rendered. Time is virtual: nothing happens until
// advance_to. It knows nothing of the mediator; a library that can also stand in another process.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "dom0/gpu/device.h"
#include "dom0/gpu/model/cost.h"
#include "shadow/gen9/commands.h"
#include "shadow/gen9/engine.h"

namespace gpu::model {

/// The memory behind the GPU's bus, as DMA sees it.
class DmaBus {
 public:
  virtual ~DmaBus() = default;
  /// The 4 KiB page of that frame, or nullptr if no memory answers (reads all ones, writes drop).
  virtual std::byte* page(hv::BusFrame frame) = 0;
  virtual hv::Result<DmaPage> alloc() = 0;
  virtual void free(hv::BusFrame frame) = 0;
};

enum class DmaPurpose : uint8_t {
  table_walk,  ///< PPGTT entries
  context,     ///< context image save and restore
  status,      ///< HWSP: CSB entries, index writes to the global page
  ring,        ///< ring fetch
  batch,       ///< batch fetch
  data,        ///< operands of commands
};

struct DmaAccess {
  gen9::EngineId engine{};
  uint32_t lrca = 0;     ///< GGTT address of the running context's image; 0 if none
  bool ggtt = false;     ///< space of `address`
  uint64_t address = 0;  ///< graphics address (table_walk: address being translated)
  hv::BusFrame frame{};
  unsigned offset = 0, bytes = 0;  ///< inside the frame
  bool write = false;
  DmaPurpose purpose{};
};

/// Sees every memory access of the GPU, for tests and evidence.
class DmaObserver {
 public:
  virtual ~DmaObserver() = default;
  virtual void on_access(const DmaAccess& access) = 0;
};

/// One command that retired. A command interrupted by preemption is reported once, when it retires.
struct ExecutedCommand {
  gen9::EngineId engine{};
  uint32_t lrca = 0;
  uint32_t context_id = 0;
  enum class From : uint8_t { ring, batch, second_level, indirect_context } from{};
  bool ggtt = true;      ///< where the command was fetched
  uint64_t address = 0;  ///< graphics address of its first dword
  const gen9::CommandDesc* desc = nullptr;
  std::span<const uint32_t> dwords;
};

class CommandObserver {
 public:
  virtual ~CommandObserver() = default;
  virtual void on_command(const ExecutedCommand& command) = 0;
};

/// A register written by software: by the CPU, by a command, or by a context's restore.
struct RegisterChange {
  uint32_t lrca = 0;  ///< the context that did it; 0: the CPU
  uint32_t offset = 0;
  uint32_t before = 0, after = 0;  ///< as they read
};

/// Sees what stays in the GPU between contexts, to check that nobody meets another's. The model
/// clears some registers where silicon leaves them; that is not told, so that nobody counts on it.
class StateObserver {
 public:
  virtual ~StateObserver() = default;
  virtual void on_register(const RegisterChange& change) = 0;
  /// The context's own commands are about to run. `flushed`: caches and shared local memory were
  /// emptied since it was restored, by a stalling L3 flush.
  virtual void on_context(gen9::EngineId engine, uint32_t lrca, bool flushed) = 0;
  /// The registers in the engine's own block are back at their reset values.
  virtual void on_engine_reset(gen9::EngineId engine) = 0;
};

struct Config {
  uint16_t device_id = 0x1912;
  uint8_t revision = 6;
  CostParameters cost{};
  /// Timestamps advance only with the running context's own charged time (kept in its image), so a
  /// stream that stores timestamps gives the same bytes however it is scheduled.
  bool context_time = false;
};

class Model final : public Device {
 public:
  Model(DmaBus& bus, const Config& config);
  ~Model() override;

  // Device.
  [[nodiscard]] uint16_t device_id() const override;
  [[nodiscard]] uint8_t revision() const override;
  uint32_t read32(uint32_t offset) override;
  void write32(uint32_t offset, uint32_t value) override;
  uint64_t read64(uint32_t offset) override;
  void write64(uint32_t offset, uint64_t value) override;
  uint64_t read_ggtt(uint64_t index) override;
  void write_ggtt(uint64_t index, uint64_t entry) override;
  [[nodiscard]] uint64_t aperture_bytes() const override;
  void read_aperture(uint64_t offset, std::span<std::byte> to) override;
  void write_aperture(uint64_t offset, std::span<const std::byte> from) override;
  hv::Result<DmaPage> alloc_dma() override;
  void free_dma(hv::BusFrame frame) override;
  bool interrupt_pending() override;
  uint64_t now_ns() override;
  void pause_ns(uint64_t ns) override;

  /// Works until virtual time `ns` (no-op if in the past).
  void advance_to(uint64_t ns);
  /// Works until `ns`, or until the interrupt line is asserted; returns the time reached.
  uint64_t advance_until_interrupt(uint64_t ns);
  /// When the model would next change by itself (end of the command now running), or UINT64_MAX
  /// when every engine is idle, halted or waiting.
  [[nodiscard]] uint64_t next_event_ns() const;
  /// Nanoseconds of virtual time the engine has spent running contexts.
  [[nodiscard]] uint64_t busy_ns(gen9::EngineId engine) const;

  void set_dma_observer(DmaObserver* observer);
  void set_command_observer(CommandObserver* observer);
  void set_state_observer(StateObserver* observer);

  [[nodiscard]] const Config& config() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gpu::model

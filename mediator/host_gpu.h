// SPDX-License-Identifier: MIT
// Port: the host driver as the mediator sees it. Implemented by dom0/gpu/driver over the GPU device
// port (model or silicon), by record/replay, and by fakes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "hv/result.h"
#include "shadow/gen9/engine.h"
#include "shadow/gpu_memory.h"

namespace mediator {

using gen9::EngineId;

enum class GpuEventKind : uint8_t {
  context_complete,   ///< the context ran to its tail and was saved
  context_preempted,  ///< the context left before its tail and was saved; submit it again to go on
  user_interrupt,     ///< MI_USER_INTERRUPT
  pipe_control_notify,  ///< PIPE_CONTROL with notify enable
  fault,                ///< page fault of the running context; `detail` is the faulting address
  command_error,        ///< the engine met a command it cannot execute
  reset_done,           ///< the engine was reset: what it held is lost
};

/// Of a fault or error whose context has left and is not known any more: nobody is told.
inline constexpr uint32_t kNobodysContext = ~uint32_t{0};

/// Whose context it is, from the context id that the GPU knows it by.
constexpr hv::VgpuId owner_of_host_id(uint32_t host_id) {
  return hv::VgpuId{static_cast<uint16_t>(host_id >> 16)};
}

struct GpuEvent {
  GpuEventKind kind{};
  EngineId engine{};
  /// Bits 63:32 of the descriptor. For fault and command_error: what ran then, 0 if not known. For
  /// reset_done: 0, or what the engine lost because another one's reset took it along.
  uint32_t context_id = 0;
  uint64_t detail = 0;
  uint64_t time_ns = 0;  ///< when the GPU did it
};

/// Fixed facts of the GPU behind the port.
struct GpuInfo {
  uint16_t device_id = 0x1912;
  uint8_t revision = 6;
  uint64_t ggtt_bytes = uint64_t{4} << 30;
  uint64_t aperture_bytes = uint64_t{256} << 20;
  gen9::EngineMask engines = gen9::kAllEngineMask;
  /// Host GGTT range (bytes) free for the mediator's objects; the driver keeps the rest.
  uint64_t ggtt_free_base = 0, ggtt_free_bytes = 0;
};

struct RegisterValue {
  uint32_t offset = 0;
  uint32_t value = 0;
};

class HostGpu : public shadow::GpuMemory {
 public:
  [[nodiscard]] virtual GpuInfo gpu_info() = 0;

  /// Writes ELSP: one or two context descriptors, in order. The engine must be idle, or the first
  /// descriptor is the context now running alone (lite restore: its tail moved).
  virtual hv::Status submit(EngineId engine, std::span<const uint64_t> descriptors) = 0;
  /// Asks what runs on the engine to leave at the next arbitration point. For each submitted
  /// context a complete or preempted event follows, unless it hangs.
  virtual hv::Status preempt(EngineId engine) = 0;
  /// Resets one engine; every context it held is lost. reset_done follows.
  virtual hv::Status reset_engine(EngineId engine) = 0;
  /// A number that changes whenever the engine gets further (head, batch address). For hang checks.
  virtual uint64_t progress(EngineId engine) = 0;

  /// Loads per-vGPU engine registers (MOCS, L3CC, ...). Only while the engine is idle.
  virtual hv::Status load_registers(EngineId engine, std::span<const RegisterValue> values) = 0;
  /// Reads a register of the real GPU (timestamps, INSTDONE, ACTHD); never with side effects.
  virtual uint32_t read_register(uint32_t offset) = 0;

  /// One page (from 1 on) of a context image as the engine saves it when nobody has used it since
  /// its reset: what a first context starts from. All zero if there is none.
  /// Defined here as GpuMemory::page_equals is.
  virtual void default_image(EngineId, unsigned page, std::span<std::byte> to) {
    (void)page;
    std::fill(to.begin(), to.end(), std::byte{0});
  }

  /// Takes up to `events.size()` events, oldest first; returns how many.
  virtual size_t poll(std::span<GpuEvent> events) = 0;
};

}  // namespace mediator

// SPDX-License-Identifier: MIT
// The GPU device port: silicon as dom0 sees it, and nothing more. Implementations: dom0/gpu/model
// (functional Gen9) and, later, dom0/gpu/pci.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hv/result.h"
#include "hv/types.h"

namespace gpu {

/// A page both the CPU and the GPU reach.
struct DmaPage {
  hv::BusFrame frame;
  std::byte* cpu = nullptr;
};

class Device {
 public:
  virtual ~Device() = default;
  [[nodiscard]] virtual uint16_t device_id() const = 0;
  [[nodiscard]] virtual uint8_t revision() const = 0;

  // BAR0, first 2 MiB. `offset` is aligned to the width and inside the window.
  virtual uint32_t read32(uint32_t offset) = 0;
  virtual void write32(uint32_t offset, uint32_t value) = 0;
  virtual uint64_t read64(uint32_t offset) = 0;
  virtual void write64(uint32_t offset, uint64_t value) = 0;

  // BAR0, GGTT entries (index = graphics address >> 12).
  virtual uint64_t read_ggtt(uint64_t index) = 0;
  virtual void write_ggtt(uint64_t index, uint64_t entry) = 0;

  // BAR2. Detiled by fence registers as hardware does.
  [[nodiscard]] virtual uint64_t aperture_bytes() const = 0;
  virtual void read_aperture(uint64_t offset, std::span<std::byte> to) = 0;
  virtual void write_aperture(uint64_t offset, std::span<const std::byte> from) = 0;

  // Memory the GPU can reach.
  virtual hv::Result<DmaPage> alloc_dma() = 0;
  virtual void free_dma(hv::BusFrame frame) = 0;

  /// How often the bus was used so far; 0 where there is none.
  [[nodiscard]] virtual uint64_t bus_accesses() const { return 0; }
  /// True while the device asserts its interrupt (pollers may use it as a hint).
  virtual bool interrupt_pending() = 0;
  /// Time by the device's clock, and a pause of at least `ns` in which the device goes on working.
  virtual uint64_t now_ns() = 0;
  virtual void pause_ns(uint64_t ns) = 0;
};

}  // namespace gpu

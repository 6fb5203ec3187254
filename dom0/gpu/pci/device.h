// SPDX-License-Identifier: MIT
// The GPU device port over a PCI function's BARs: silicon, or a model that stands in its place.
#pragma once

#include "dom0/gpu/device.h"
#include "dom0/gpu/pci/bars.h"

namespace gpu::pci {

/// Pages of the host's own that the GPU reaches, by the address that it must use.
class HostMemory {
 public:
  virtual ~HostMemory() = default;
  virtual hv::Result<DmaPage> alloc() = 0;
  virtual void free(hv::BusFrame frame) = 0;
};

/// Time, and how to let it pass.
class DeviceClock {
 public:
  virtual ~DeviceClock() = default;
  virtual uint64_t now_ns() = 0;
  virtual void pause_ns(uint64_t ns) = 0;
};
/// The machine's monotonic time. Short pauses look at the clock, since a sleep would take longer.
class SystemClock final : public DeviceClock {
 public:
  /// Now is `ns`: events have the time of whoever takes them.
  void set(uint64_t ns) { origin_ns_ += now_ns() - ns; }
  uint64_t now_ns() override;
  void pause_ns(uint64_t ns) override;

 private:
  uint64_t origin_ns_ = 0;
};

/// What went over the bus, by kind.
struct BarCounts {
  uint64_t register_reads = 0, register_writes = 0;
  uint64_t ggtt_reads = 0, ggtt_writes = 0, aperture_accesses = 0;
  [[nodiscard]] uint64_t all() const {
    return register_reads + register_writes + ggtt_reads + ggtt_writes + aperture_accesses;
  }
};

/// Bytes of graphics addresses behind a GTT of the size in a GMCH control word (GGC bits 7:6).
constexpr uint64_t ggtt_bytes_of(uint32_t ggc) {
  const unsigned size = ggc >> 6 & 3;  // 2, 4 or 8 MiB of 8-byte entries
  return size == 0 ? 0 : uint64_t{1} << (29 + size);
}

class PciDevice final : public Device {
 public:
  PciDevice(Bars& bars, HostMemory& memory, DeviceClock& clock, uint16_t device_id,
            uint8_t revision)
      : bars_(bars), memory_(memory), clock_(clock), device_id_(device_id), revision_(revision) {}

  [[nodiscard]] uint16_t device_id() const override { return device_id_; }
  [[nodiscard]] uint8_t revision() const override { return revision_; }
  uint32_t read32(uint32_t offset) override {
    ++counts_.register_reads;
    return bars_.read32(offset);
  }
  void write32(uint32_t offset, uint32_t value) override {
    ++counts_.register_writes;
    bars_.write32(offset, value);
  }
  uint64_t read64(uint32_t offset) override;
  void write64(uint32_t offset, uint64_t value) override;
  uint64_t read_ggtt(uint64_t index) override;
  void write_ggtt(uint64_t index, uint64_t entry) override;
  [[nodiscard]] uint64_t aperture_bytes() const override { return bars_.aperture_bytes(); }
  void read_aperture(uint64_t offset, std::span<std::byte> to) override;
  void write_aperture(uint64_t offset, std::span<const std::byte> from) override;
  hv::Result<DmaPage> alloc_dma() override { return memory_.alloc(); }
  void free_dma(hv::BusFrame frame) override { memory_.free(frame); }
  [[nodiscard]] uint64_t bus_accesses() const override { return counts_.all(); }
  /// What is asked for by polling may always be there; looking costs no access of the bus.
  bool interrupt_pending() override { return true; }
  uint64_t now_ns() override { return clock_.now_ns(); }
  void pause_ns(uint64_t ns) override { clock_.pause_ns(ns); }

  [[nodiscard]] const BarCounts& counts() const { return counts_; }

 private:
  Bars& bars_;
  HostMemory& memory_;
  DeviceClock& clock_;
  uint16_t device_id_;
  uint8_t revision_;
  BarCounts counts_;
};

}  // namespace gpu::pci

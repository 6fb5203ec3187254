// SPDX-License-Identifier: MIT
// The two BARs of a GPU: mapped, or for tests served by a model.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

namespace gpu::pci {

/// Offsets are aligned to the width and inside the BAR.
class Bars {
 public:
  virtual ~Bars() = default;
  virtual uint32_t read32(uint64_t offset) = 0;
  virtual void write32(uint64_t offset, uint32_t value) = 0;
  virtual uint64_t read64(uint64_t offset) = 0;
  virtual void write64(uint64_t offset, uint64_t value) = 0;
  virtual void read_aperture(uint64_t offset, std::span<std::byte> to) = 0;
  virtual void write_aperture(uint64_t offset, std::span<const std::byte> from) = 0;
  [[nodiscard]] virtual uint64_t aperture_bytes() const = 0;
};

/// Each access is one access of the machine, of exactly that width.
class MappedBars final : public Bars {
 public:
  MappedBars(std::span<std::byte> bar0, std::span<std::byte> bar2) : bar0_(bar0), bar2_(bar2) {}
  uint32_t read32(uint64_t offset) override { return *at<uint32_t>(offset); }
  void write32(uint64_t offset, uint32_t value) override { *at<uint32_t>(offset) = value; }
  uint64_t read64(uint64_t offset) override { return *at<uint64_t>(offset); }
  void write64(uint64_t offset, uint64_t value) override { *at<uint64_t>(offset) = value; }
  void read_aperture(uint64_t offset, std::span<std::byte> to) override {
    std::memcpy(to.data(), bar2_.data() + offset, to.size());
  }
  void write_aperture(uint64_t offset, std::span<const std::byte> from) override {
    std::memcpy(bar2_.data() + offset, from.data(), from.size());
  }
  [[nodiscard]] uint64_t aperture_bytes() const override { return bar2_.size(); }

 private:
  template <class T>
  volatile T* at(uint64_t offset) {
    return reinterpret_cast<volatile T*>(bar0_.data() + offset);
  }
  std::span<std::byte> bar0_, bar2_;
};

}  // namespace gpu::pci

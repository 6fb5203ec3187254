// SPDX-License-Identifier: MIT
// A guest's world made of plain memory: registers that read back what was written, a log of writes,
// and RAM that can run out.
#pragma once

#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "dom0/guests/port.h"

namespace fake {

class GuestPort final : public guests::GuestPort {
 public:
  explicit GuestPort(uint64_t ram_bytes = 8u << 20, bool is_virtual = true)
      : ram_(ram_bytes), virtual_(is_virtual) {}

  [[nodiscard]] bool virtual_gpu() const override { return virtual_; }
  uint64_t config_read(uint64_t offset, unsigned) override { return config[offset]; }
  void config_write(uint64_t offset, unsigned, uint64_t v) override { config[offset] = v; }
  uint64_t mmio_read(uint64_t offset, unsigned) override {
    const auto it = regs.find(offset);
    return it == regs.end() ? 0 : it->second;
  }
  void mmio_write(uint64_t offset, unsigned, uint64_t v) override {
    log.emplace_back(offset, v);
    regs[offset] = v;
  }
  void aperture_read(uint64_t, std::span<std::byte>) override {}
  void aperture_write(uint64_t, std::span<const std::byte>) override {}
  [[nodiscard]] uint64_t ram_bytes() const override { return ram_.size(); }
  bool ram_read(hv::Gpa from, std::span<std::byte> to) override {
    if (from.v + to.size() > ram_.size()) return false;
    std::memcpy(to.data(), ram_.data() + from.v, to.size());
    return true;
  }
  bool ram_write(hv::Gpa to, std::span<const std::byte> from) override {
    if (to.v + from.size() > ram_.size()) return false;
    std::memcpy(ram_.data() + to.v, from.data(), from.size());
    return true;
  }
  void ram_store(hv::Gpa to, unsigned size, uint64_t value) override {
    if (to.v + size <= ram_.size()) std::memcpy(ram_.data() + to.v, &value, size);
  }
  unsigned take_interrupts() override { return std::exchange(interrupts, 0u); }
  uint64_t now_ns() override { return now; }

  /// Values written to one register, in order.
  [[nodiscard]] std::vector<uint64_t> writes_to(uint64_t offset) const {
    std::vector<uint64_t> v;
    for (const auto& [o, value] : log)
      if (o == offset) v.push_back(value);
    return v;
  }

  std::map<uint64_t, uint64_t> regs, config;
  std::vector<std::pair<uint64_t, uint64_t>> log;
  unsigned interrupts = 0;
  uint64_t now = 0;

 private:
  std::vector<std::byte> ram_;
  bool virtual_;
};

}  // namespace fake

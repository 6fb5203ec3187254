// SPDX-License-Identifier: MIT
// A device model on plain memory, with a sink that remembers what it was asked.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "mediator/device_model.h"
#include "mediator/pvinfo.h"
#include "mediator/register_table.h"

namespace device_test {

using gen9::EngineId;
using mediator::DeviceModel;
using mediator::FailsafeReason;

struct BarChange {
  hv::Range range;
  bool enabled;
  uint64_t base, bytes;
  bool operator==(const BarChange&) const = default;
};

struct RecordingSink : mediator::DeviceSink {
  std::vector<std::pair<EngineId, uint32_t>> elsp, status_pages;
  std::vector<std::pair<EngineId, bool>> ring_modes;
  std::vector<std::pair<gen9::EngineMask, bool>> resets;
  std::vector<std::pair<uint32_t, std::array<uint64_t, 4>>> notifies;
  std::vector<EngineId> tlb;
  std::vector<FailsafeReason> failsafes;
  std::vector<BarChange> bars;
  std::vector<std::pair<uint64_t, uint32_t>> msis;
  uint64_t now = 1'000'000'000;
  uint32_t live = 0x1234;
  std::vector<uint64_t> fences;
  std::vector<uint32_t> opregions;
  bool give_opregion = true;

  void elsp_write(EngineId e, uint32_t v) override { elsp.emplace_back(e, v); }
  void ring_mode_changed(EngineId e, bool on) override { ring_modes.emplace_back(e, on); }
  void status_page_changed(EngineId e, uint32_t a) override { status_pages.emplace_back(e, a); }
  void reset_engines(gen9::EngineMask m, bool full) override { resets.emplace_back(m, full); }
  void g2v_notify(uint32_t v, std::span<const uint64_t, 4> pdps) override {
    notifies.emplace_back(v, std::array{pdps[0], pdps[1], pdps[2], pdps[3]});
  }
  void tlb_invalidate(EngineId e) override { tlb.push_back(e); }
  uint32_t live_register(uint32_t) override { return live; }
  void enter_failsafe(FailsafeReason r) override { failsafes.push_back(r); }
  void bar_changed(hv::Range r, bool on, uint64_t base, uint64_t bytes) override {
    bars.push_back({r, on, base, bytes});
  }
  bool opregion_wanted(uint32_t address) override {
    opregions.push_back(address);
    return give_opregion;
  }
  void fence_changed(uint64_t fence) override { fences.push_back(fence); }
  void raise_msi(uint64_t a, uint32_t d) override { msis.emplace_back(a, d); }
  uint64_t now_ns() override { return now; }
};

class DeviceTest : public testing::Test {
 protected:
  DeviceTest() { make(mediator::VgpuConfig{}); }

  void make(const mediator::VgpuConfig& config) {
    memory_.assign(gen9::kMmioBytes, std::byte{0});
    sink_ = RecordingSink{};
    config_ = config;
    device_.emplace(config_, memory_, sink_);
  }
  DeviceModel& dev() { return *device_; }
  uint32_t r32(uint64_t at) { return static_cast<uint32_t>(dev().mmio_read(at, 4)); }
  void w32(uint64_t at, uint32_t v) { dev().mmio_write(at, 4, v); }
  uint32_t c32(uint64_t at) { return static_cast<uint32_t>(dev().config_read(at, 4)); }

  void see_pvinfo() { dev().mmio_read(0x78000, 8); }
  void enable_msi(uint64_t address = 0xfee00000, uint32_t data = 0x4021) {
    dev().config_write(0xb0, 4, static_cast<uint32_t>(address));
    dev().config_write(0xb4, 4, static_cast<uint32_t>(address >> 32));
    dev().config_write(0xb8, 2, data);
    dev().config_write(0xae, 2, 1);
  }

  std::vector<std::byte> memory_;
  RecordingSink sink_;
  mediator::VgpuConfig config_;
  std::optional<DeviceModel> device_;
};

}  // namespace device_test

// SPDX-License-Identifier: MIT
// A GPU device that is a register map with the handshakes of Gen9 (acks, masked writes,
// self-clearing bits), records every register write, and can refuse to answer.
#pragma once

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dom0/gpu/device.h"
#include "hv/bits.h"
#include "shadow/gen9/engine.h"
#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"

namespace fake {

class FakeDevice final : public gpu::Device {
 public:
  using Write = std::pair<uint32_t, uint32_t>;

  // What a test may turn.
  std::set<uint32_t> stuck;          ///< registers that never acknowledge (request offsets)
  uint64_t pages_left = UINT64_MAX;  ///< alloc_dma fails after so many
  uint64_t first_frame = 0x1000;     ///< frames handed out count up from here
  std::vector<Write> writes;         ///< register writes, oldest first
  std::unordered_map<uint32_t, uint32_t> regs;
  std::vector<uint64_t> ggtt = std::vector<uint64_t>(4096);
  uint64_t ggtt_writes = 0, accesses = 0;
  uint64_t time_ns = 0, paused_ns = 0;
  bool executes = true;  ///< what is written to ELSP runs at once to its end

  [[nodiscard]] uint16_t device_id() const override { return 0x1912; }
  [[nodiscard]] uint8_t revision() const override { return 6; }
  uint32_t read32(uint32_t offset) override {
    ++accesses;
    return regs[offset];
  }
  void write32(uint32_t offset, uint32_t value) override {
    ++accesses;
    writes.emplace_back(offset, value);
    if (executes) execute(offset, value);
    if (!handshake(offset, value)) regs[offset] = value;
  }
  uint64_t read64(uint32_t offset) override {
    return regs[offset] | uint64_t{regs[offset + 4]} << 32;
  }
  void write64(uint32_t offset, uint64_t value) override {
    write32(offset, static_cast<uint32_t>(value));
    write32(offset + 4, static_cast<uint32_t>(value >> 32));
  }
  uint64_t read_ggtt(uint64_t index) override { return ggtt.at(index); }
  void write_ggtt(uint64_t index, uint64_t entry) override {
    ++ggtt_writes;
    ++accesses;
    ggtt.at(index) = entry;
  }
  [[nodiscard]] uint64_t aperture_bytes() const override { return gen9::kApertureBytes; }
  void read_aperture(uint64_t, std::span<std::byte> to) override {
    std::memset(to.data(), 0, to.size());
  }
  void write_aperture(uint64_t, std::span<const std::byte>) override {}
  hv::Result<gpu::DmaPage> alloc_dma() override {
    if (pages_left == 0) return hv::Error::no_memory;
    --pages_left;
    auto& page = pages_[first_frame];
    page = std::make_unique<std::array<std::byte, hv::kPageSize>>();
    page->fill(std::byte{0xa5});  // never zero by luck
    return gpu::DmaPage{hv::BusFrame{first_frame++}, page->data()};
  }
  void free_dma(hv::BusFrame frame) override { pages_.erase(frame.v); }
  [[nodiscard]] uint64_t bus_accesses() const override { return accesses; }
  bool interrupt_pending() override { return false; }
  uint64_t now_ns() override { return time_ns; }
  void pause_ns(uint64_t ns) override {
    time_ns += ns;
    paused_ns += ns;
  }

  [[nodiscard]] size_t pages_in_use() const { return pages_.size(); }
  std::byte* page(hv::BusFrame frame) {
    const auto it = pages_.find(frame.v);
    return it == pages_.end() ? nullptr : it->second->data();
  }
  /// The memory behind a GGTT address, through the entries the driver wrote.
  std::byte* at_ggtt(uint64_t address) {
    std::byte* p = page(gen9::pte_frame(ggtt.at(address >> hv::kPageShift)));
    return p ? p + (address & hv::kPageMask) : nullptr;
  }
  /// Values written to one register since the last call that clears `writes`.
  [[nodiscard]] std::vector<uint32_t> written(uint32_t offset) const {
    std::vector<uint32_t> values;
    for (const auto& [o, v] : writes) {
      if (o == offset) values.push_back(v);
    }
    return values;
  }
  /// What the hardware does at a context switch: the next CSB entry in the engine's HWSP.
  void push_csb(gen9::EngineId e, uint32_t status, uint32_t id) {
    std::byte* hwsp = at_ggtt(regs[gen9::engine_reg(e, gen9::rel::kHwsPga)]);
    const unsigned next = (hv::load<uint32_t>(hwsp + 0x7c) + 1) % gen9::kCsbEntries;
    hv::store(hwsp + 0x40 + 8 * next, status);
    hv::store(hwsp + 0x44 + 8 * next, id);
    hv::store(hwsp + 0x7c, next);
  }

 private:
  void execute(uint32_t offset, uint32_t value) {
    for (gen9::EngineId e : gen9::kAllEngines) {
      if (offset != gen9::engine_reg(e, gen9::rel::kElsp)) continue;
      elsp_.push_back(value);
      if (elsp_.size() < 4) return;
      push_csb(e, gen9::csb::kIdleToActive, 0);
      push_csb(e, gen9::csb::kContextComplete | gen9::csb::kActiveToIdle, elsp_[2]);
      elsp_.clear();
    }
  }
  /// True if the register is one with a mind of its own.
  bool handshake(uint32_t offset, uint32_t value) {
    static const std::map<uint32_t, uint32_t> kAcks{
        {gen9::kForcewakeRender, gen9::kForcewakeRenderAck},
        {gen9::kForcewakeBlitter, gen9::kForcewakeBlitterAck},
        {gen9::kForcewakeMedia, gen9::kForcewakeMediaAck}};
    if (const auto ack = kAcks.find(offset); ack != kAcks.end()) {
      if (!stuck.contains(offset)) regs[ack->second] = hv::masked_write(regs[ack->second], value);
      return true;
    }
    if (offset == gen9::kGdrst) {
      regs[offset] = stuck.contains(offset) && (value & stuck_resets) ? value : 0;
      return true;
    }
    if (offset >= 0x44300 && offset < 0x44340 && offset % 16 == 8) {
      regs[offset] &= ~value;
      return true;
    }
    return engine_handshake(offset, value);
  }
  bool engine_handshake(uint32_t offset, uint32_t value) {
    for (gen9::EngineId e : gen9::kAllEngines) {
      if (offset == gen9::info(e).tlb_reg) {
        regs[offset] = stuck.contains(offset) ? value : 0;
        return true;
      }
      if (offset == gen9::engine_reg(e, gen9::rel::kResetCtl)) {
        const uint32_t request = hv::masked_write(regs[offset], value) & gen9::kResetRequest;
        regs[offset] = request && !stuck.contains(offset) ? request | gen9::kResetReady : request;
        return true;
      }
    }
    return false;
  }

 public:
  uint32_t stuck_resets = ~0u;  ///< which GDRST bits hang when GDRST is stuck

 private:
  std::unordered_map<uint64_t, std::unique_ptr<std::array<std::byte, hv::kPageSize>>> pages_;
  std::vector<uint32_t> elsp_;
};

}  // namespace fake

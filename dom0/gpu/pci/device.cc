// SPDX-License-Identifier: MIT
#include "dom0/gpu/pci/device.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "shadow/gen9/regs.h"

namespace gpu::pci {
namespace {

/// A sleep of less takes longer than it should; the bus is waited for by looking at the clock.
constexpr uint64_t kSpinNs = 20'000;

}  // namespace

// Two halves: the register file answers 64-bit accesses in places only, and its counters stop for
// none of them anyhow.
uint64_t PciDevice::read64(uint32_t offset) {
  const uint64_t low = read32(offset);
  return low | uint64_t{read32(offset + 4)} << 32;
}
void PciDevice::write64(uint32_t offset, uint64_t value) {
  write32(offset, static_cast<uint32_t>(value));
  write32(offset + 4, static_cast<uint32_t>(value >> 32));
}

// An entry in one access: half of one would be a translation to somewhere else.
uint64_t PciDevice::read_ggtt(uint64_t index) {
  if (index >= gen9::kGgttEntries) return 0;
  ++counts_.ggtt_reads;
  return bars_.read64(gen9::kGttOffset + 8 * index);
}
void PciDevice::write_ggtt(uint64_t index, uint64_t entry) {
  if (index >= gen9::kGgttEntries) return;
  ++counts_.ggtt_writes;
  bars_.write64(gen9::kGttOffset + 8 * index, entry);
}

void PciDevice::read_aperture(uint64_t offset, std::span<std::byte> to) {
  std::ranges::fill(to, std::byte{0xff});
  const uint64_t end = bars_.aperture_bytes();
  if (offset >= end) return;
  ++counts_.aperture_accesses;
  bars_.read_aperture(offset, to.first(std::min<uint64_t>(to.size(), end - offset)));
}
void PciDevice::write_aperture(uint64_t offset, std::span<const std::byte> from) {
  const uint64_t end = bars_.aperture_bytes();
  if (offset >= end) return;
  ++counts_.aperture_accesses;
  bars_.write_aperture(offset, from.first(std::min<uint64_t>(from.size(), end - offset)));
}

uint64_t SystemClock::now_ns() {
  return static_cast<uint64_t>(
             std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch())
                 .count()) -
         origin_ns_;
}

void SystemClock::pause_ns(uint64_t ns) {
  if (ns > kSpinNs) return std::this_thread::sleep_for(std::chrono::nanoseconds(ns));
  for (const uint64_t end = now_ns() + ns; now_ns() < end;) continue;
}

}  // namespace gpu::pci

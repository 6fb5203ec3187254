// SPDX-License-Identifier: MIT
// PCI configuration space: an image of bytes, and an image of which bits may be written. Everything
// a guest does with it (sizing included) follows from these two.
#include "mediator/pci_config.h"

#include <bit>
#include <cstring>

#include "hv/bits.h"
#include "mediator/device_model.h"
#include "shadow/gen9/regs.h"

namespace mediator {
namespace {

constexpr uint8_t kVendor = 0x00, kDevice = 0x02, kCommand = 0x04, kStatus = 0x06;
constexpr uint8_t kRevision = 0x08, kClass = 0x09, kCacheLine = 0x0c, kBar0 = 0x10, kBar2 = 0x18;
constexpr uint8_t kSubsystem = 0x2c, kCapabilities = 0x34, kInterruptLine = 0x3c;
constexpr uint8_t kInterruptPin = 0x3d, kGmchControl = 0x50, kMsi = 0xac, kPm = 0xd0;
constexpr uint8_t kSwsci = 0xe0, kAsle = 0xe4, kSwsciScratch = 0xe8, kAsls = 0xfc;

constexpr uint16_t kMemoryDecode = 1 << 1;
constexpr uint64_t kMemory64 = 0x4, kPrefetchable = 0x8;

}  // namespace

void PciConfig::put(uint8_t offset, unsigned size, uint64_t value, uint64_t writable) {
  std::memcpy(&space_[offset], &value, size);
  std::memcpy(&writable_[offset], &writable, size);
}

uint64_t PciConfig::get(uint8_t offset, unsigned size) const {
  uint64_t v = 0;
  std::memcpy(&v, &space_[offset], size);
  return v;
}

void PciConfig::reset(const VgpuConfig& config) {
  space_.fill({});
  writable_.fill({});
  const uint64_t aperture = std::bit_ceil(config.aperture_bytes);
  put(kVendor, 2, 0x8086);
  put(kDevice, 2, config.device_id);
  put(kCommand, 2, 0, 0x0547);  // I/O, memory, master, parity, SERR, INTx disable
  put(kStatus, 2, 0x0010);      // has capabilities
  put(kRevision, 1, config.revision);
  put(kClass, 3, 0x030000);  // VGA-compatible display controller
  put(kCacheLine, 1, 0, 0xff);
  put(kBar0, 8, kMemory64, ~(gen9::kBar0Bytes - 1));
  put(kBar2, 8, kMemory64 | kPrefetchable, ~(aperture - 1));
  put(kSubsystem, 4, 0x22128086);
  put(kCapabilities, 1, kMsi);
  put(kInterruptLine, 1, 0, 0xff);
  put(kInterruptPin, 1, 1);
  put(kGmchControl, 2, 3 << 6);  // 8 MiB of GGTT entries, no stolen memory
  // MSI: 64-bit address, one message, no masking.
  put(kMsi, 2, 0x05 | kPm << 8);
  put(kMsi + 2, 2, 0x0080, 0x0001);
  put(kMsi + 4, 8, 0, ~uint64_t{3});
  put(kMsi + 12, 2, 0, 0xffff);
  // Power management, version 2: D0 and D3hot.
  put(kPm, 4, 0x00020001);
  put(kPm + 4, 4, 0, 0x3);
  put(kSwsci, 4, 0, 0xffffffff);
  put(kAsle, 4, 0, 0xffffffff);
  put(kSwsciScratch, 4, 0, 0xffffffff);
  put(kAsls, 4, 0, 0xffffffff);
}

uint64_t PciConfig::read(uint64_t offset, unsigned size) const {
  uint64_t value = 0;
  for (unsigned i = 0; i < size && i < 8; ++i) {
    const uint64_t at = offset + i;
    const auto byte = at < kBytes ? std::to_integer<uint64_t>(space_[at]) : 0xff;
    value |= byte << (8 * i);
  }
  return value;
}

void PciConfig::write(uint64_t offset, unsigned size, uint64_t value) {
  for (unsigned i = 0; i < size && i < 8; ++i) {
    const uint64_t at = offset + i;
    if (at >= kBytes) return;
    const auto byte = static_cast<std::byte>(value >> (8 * i));
    space_[at] = (space_[at] & ~writable_[at]) | (byte & writable_[at]);
  }
}

PciConfig::Bar PciConfig::bar(hv::Range range) const {
  const uint8_t at = range == hv::Range::bar0 ? kBar0 : kBar2;
  uint64_t mask = 0;
  std::memcpy(&mask, &writable_[at], 8);
  const uint64_t base = get(at, 8) & mask;
  const bool decode = (get(kCommand, 2) & kMemoryDecode) != 0;
  return {.enabled = decode && base != 0, .base = base, .bytes = ~mask + 1};
}

bool PciConfig::msi_enabled() const { return get(kMsi + 2, 2) & 1; }
uint64_t PciConfig::msi_address() const { return get(kMsi + 4, 8); }
uint32_t PciConfig::msi_data() const { return static_cast<uint32_t>(get(kMsi + 12, 2)); }
uint32_t PciConfig::opregion() const { return static_cast<uint32_t>(get(kAsls, 4)); }
void PciConfig::clear_opregion() { std::memset(&space_[kAsls], 0, 4); }
unsigned PciConfig::power_state() const { return static_cast<unsigned>(get(kPm + 4, 1) & 3); }

}  // namespace mediator

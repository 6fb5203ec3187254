// SPDX-License-Identifier: MIT
// Accesses of a guest's CPU, as the in-process hypervisor sees them.
#include "dom0/guests/trap_port.h"

#include <algorithm>

namespace guests {
namespace {

// Far above any guest's RAM, so that the two never meet.
constexpr uint64_t kBar0 = uint64_t{1} << 40, kBar2 = kBar0 + (uint64_t{1} << 32);
constexpr unsigned kCommand = 0x04, kBar0Offset = 0x10, kBar2Offset = 0x18;
constexpr uint16_t kMemoryAndMaster = 0x6;

}  // namespace

// PCI Local Bus 3.0, 6.2.5.1: all ones written to a BAR read back as its size mask.
uint64_t TrapPort::size_bar(unsigned offset) {
  domain_.config_write(offset, 4, ~uint32_t{0});
  domain_.config_write(offset + 4, 4, ~uint32_t{0});
  const uint64_t low = domain_.config_read(offset, 4) & 0xffff'fff0;
  const uint64_t high = domain_.config_read(offset + 4, 4) & 0xffff'ffff;
  return ~(high << 32 | low) + 1;
}

void TrapPort::place_bar(unsigned offset, uint64_t base) {
  domain_.config_write(offset, 4, base & 0xffff'ffff);
  domain_.config_write(offset + 4, 4, base >> 32);
}

bool TrapPort::power_on() {
  if (size_bar(kBar0Offset) != gen9::kBar0Bytes || size_bar(kBar2Offset) == 0) return false;
  place_bar(kBar0Offset, kBar0);
  place_bar(kBar2Offset, kBar2);
  domain_.config_write(kCommand, 2, kMemoryAndMaster);
  return true;
}

uint64_t TrapPort::config_read(uint64_t offset, unsigned size) {
  return domain_.config_read(offset, size);
}
void TrapPort::config_write(uint64_t offset, unsigned size, uint64_t value) {
  domain_.config_write(offset, size, value);
}
uint64_t TrapPort::mmio_read(uint64_t offset, unsigned size) {
  return domain_.cpu_read(hv::Gpa{kBar0 + offset}, size);
}
void TrapPort::mmio_write(uint64_t offset, unsigned size, uint64_t value) {
  domain_.cpu_write(hv::Gpa{kBar0 + offset}, size, value);
}

void TrapPort::aperture_read(uint64_t offset, std::span<std::byte> to) {
  for (size_t i = 0; i < to.size(); i += 8) {
    const uint64_t word = domain_.cpu_read(hv::Gpa{kBar2 + offset + i}, 8);
    std::memcpy(to.data() + i, &word, std::min<size_t>(8, to.size() - i));
  }
}

void TrapPort::aperture_write(uint64_t offset, std::span<const std::byte> from) {
  size_t i = 0;
  for (; i + 8 <= from.size(); i += 8)
    domain_.cpu_write(hv::Gpa{kBar2 + offset + i}, 8, hv::load<uint64_t>(from.data() + i));
  for (; i < from.size(); ++i)
    domain_.cpu_write(hv::Gpa{kBar2 + offset + i}, 1, static_cast<uint8_t>(from[i]));
}

bool TrapPort::ram_read(hv::Gpa from, std::span<std::byte> to) {
  return domain_.cpu_read_ram(from, to).ok();
}
bool TrapPort::ram_write(hv::Gpa to, std::span<const std::byte> from) {
  return domain_.cpu_write_ram(to, from).ok();
}
void TrapPort::ram_store(hv::Gpa to, unsigned size, uint64_t value) {
  domain_.cpu_write(to, size, value);
}

}  // namespace guests

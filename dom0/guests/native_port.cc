// SPDX-License-Identifier: MIT
// Accesses of a guest's CPU, straight to the device and to flat memory.
#include "dom0/guests/native_port.h"

#include <cstring>

namespace guests {
namespace {

struct Forcewake {
  uint32_t request, ack;
};
constexpr Forcewake kDomains[] = {
    {gen9::kForcewakeRender, gen9::kForcewakeRenderAck},
    {gen9::kForcewakeBlitter, gen9::kForcewakeBlitterAck},
    {gen9::kForcewakeMedia, gen9::kForcewakeMediaAck},
};
constexpr uint32_t kKernelBit = hv::bit(0);
constexpr unsigned kAckTries = 50;
constexpr uint64_t kAckPauseNs = 1000;

}  // namespace

NativePort::NativePort(gpu::Device& device, FlatMemory& memory) : device_(device), memory_(memory) {
  for (const Forcewake& d : kDomains) {
    device_.write32(d.request, hv::masked_enable(kKernelBit));
    for (unsigned i = 0; i < kAckTries && !(device_.read32(d.ack) & kKernelBit); ++i)
      device_.pause_ns(kAckPauseNs);
  }
}

uint64_t NativePort::config_read(uint64_t offset, unsigned size) {
  if (offset == 0) return 0x8086u | uint64_t{device_.device_id()} << 16;
  if (offset == 8) return device_.revision();
  return ~uint64_t{0} >> (64 - 8 * size);
}

uint64_t NativePort::mmio_read(uint64_t offset, unsigned size) {
  if (offset >= gen9::kGttOffset) return device_.read_ggtt((offset - gen9::kGttOffset) / 8);
  const auto reg = static_cast<uint32_t>(offset);
  if (size == 8) return device_.read64(reg);
  const uint32_t word = device_.read32(reg & ~3u) >> (8 * (reg & 3));
  return size == 4 ? word : word & ((1u << (8 * size)) - 1);
}

void NativePort::mmio_write(uint64_t offset, unsigned size, uint64_t value) {
  if (offset >= gen9::kGttOffset) {
    device_.write_ggtt((offset - gen9::kGttOffset) / 8, value);
  } else if (size == 8) {
    device_.write64(static_cast<uint32_t>(offset), value);
  } else {
    device_.write32(static_cast<uint32_t>(offset) & ~3u, static_cast<uint32_t>(value));
  }
}

void NativePort::aperture_read(uint64_t offset, std::span<std::byte> to) {
  device_.read_aperture(offset, to);
}
void NativePort::aperture_write(uint64_t offset, std::span<const std::byte> from) {
  device_.write_aperture(offset, from);
}

bool NativePort::in_ram(hv::Gpa at, uint64_t bytes) const {
  return at.v <= memory_.ram_bytes() && bytes <= memory_.ram_bytes() - at.v;
}
bool NativePort::ram_read(hv::Gpa from, std::span<std::byte> to) {
  if (!in_ram(from, to.size())) return false;
  std::memcpy(to.data(), memory_.ram() + from.v, to.size());
  return true;
}
bool NativePort::ram_write(hv::Gpa to, std::span<const std::byte> from) {
  if (!in_ram(to, from.size())) return false;
  std::memcpy(memory_.ram() + to.v, from.data(), from.size());
  return true;
}
void NativePort::ram_store(hv::Gpa to, unsigned size, uint64_t value) {
  std::byte bytes[8];
  hv::store(bytes, value);
  (void)ram_write(to, {bytes, size});
}

}  // namespace guests

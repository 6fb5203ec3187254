// SPDX-License-Identifier: MIT
// Register accesses of any size and alignment, and the behaviours that need no code of their own.
#include <cstring>

#include "mediator/device_model_impl.h"
#include "mediator/mmio_write.h"

namespace mediator {
namespace {

/// Byte lanes of the dword at `dword` that an access of `size` bytes at `offset` covers.
uint32_t lanes_of(uint64_t offset, unsigned size, uint64_t dword) {
  uint32_t lanes = 0;
  for (unsigned i = 0; i < 4; ++i)
    if (dword + i >= offset && dword + i < offset + size) lanes |= 0xffu << (8 * i);
  return lanes;
}

/// The part of `value` (written at `offset`) that lands in the dword at `dword`.
uint32_t part_of(uint64_t value, uint64_t offset, uint64_t dword) {
  return static_cast<uint32_t>(dword >= offset ? value >> (8 * (dword - offset))
                                               : value << (8 * (offset - dword)));
}

bool inside(uint64_t offset, unsigned size) {
  return size <= 8 && offset < gen9::kMmioBytes && size <= gen9::kMmioBytes - offset;
}

}  // namespace

void DeviceModel::Impl::write(uint64_t offset, unsigned size, uint64_t value) {
  if (size == 4 && offset % 4 == 0 && offset < gen9::kMmioBytes) [[likely]]
    return write_dword(static_cast<uint32_t>(offset), static_cast<uint32_t>(value), ~0u);
  if (!inside(offset, size)) return;
  for (uint64_t dword = offset & ~uint64_t{3}; dword < offset + size; dword += 4)
    write_dword(static_cast<uint32_t>(dword), part_of(value, offset, dword),
                lanes_of(offset, size, dword));
}

void DeviceModel::Impl::write_dword(uint32_t offset, uint32_t value, uint32_t lanes) {
  const uint16_t row = index[offset / 4];
  const uint32_t old = regs.get(offset);
  value &= lanes;
  if (row == 0 || failsafe) [[unlikely]]
    return write_memory(offset, value, lanes);
  const RegisterDesc& d = rows[row - 1];
  switch (d.behaviour) {
    case Behaviour::plain: {
      const uint32_t writable = lanes & ~(d.ro | d.rw1c);
      return regs.set(offset, (old & ~writable & ~(value & d.rw1c)) | (value & writable));
    }
    case Behaviour::masked: {
      const uint32_t mask = value >> 16 & lanes & ~d.ro;
      return regs.set(offset, (old & ~mask) | (value & mask));
    }
    case Behaviour::rw1c: return regs.set(offset, old & ~(value & ~d.ro));
    case Behaviour::read_only:
    case Behaviour::constant:
    case Behaviour::live: return;
    case Behaviour::hook: return run_hook({d, offset, value, lanes, old});
  }
}

/// Unknown registers, and all of them in failsafe mode, are memory; only PVINFO stays what it is.
void DeviceModel::Impl::write_memory(uint32_t offset, uint32_t value, uint32_t lanes) {
  const uint16_t row = index[offset / 4];
  counts.unknown_writes += row == 0;
  if (row != 0 && rows[row - 1].hook == Hook::pv_info) return;
  regs.set(offset, (regs.get(offset) & ~lanes) | value);
}

uint64_t DeviceModel::Impl::read(uint64_t offset, unsigned size) {
  if (!inside(offset, size)) return ~uint64_t{0};
  for (uint64_t dword = offset & ~uint64_t{3}; dword < offset + size; dword += 4)
    before_read(static_cast<uint32_t>(dword));
  uint64_t value = 0;
  std::memcpy(&value, regs.bytes().data() + offset, size);
  return value;
}

/// Brings a register whose value is not simply stored up to date.
void DeviceModel::Impl::before_read(uint32_t offset) {
  const uint16_t row = index[offset / 4];
  if (row == 0) {
    ++counts.unknown_reads;
    return;
  }
  if (failsafe) return;
  const RegisterDesc& d = rows[row - 1];
  if (d.behaviour == Behaviour::live) regs.set(offset, sink.live_register(offset));
  if (d.flags & kTrapRead) before_hooked_read(d, offset);
}

}  // namespace mediator

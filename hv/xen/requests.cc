// SPDX-License-Identifier: MIT
// Tells requests apart: configuration space, a placed BAR, a protected page, or nothing of ours.
#include "hv/xen/requests.h"

#include <cstring>

namespace hv::xen {
namespace {

constexpr uint64_t kConfigBytes = 256;

bool in_page(uint64_t address, unsigned size) { return (address & kPageMask) + size <= kPageSize; }

}  // namespace

void Requests::count(const Ioreq& r) {
  Range range{};
  uint64_t offset = 0;
  if (r.type == IoType::invalidate) {
    ++counts_.invalidations;
  } else if (r.type == IoType::config) {
    ++(r.is_read() ? counts_.config_reads : counts_.config_writes);
  } else if (r.type != IoType::memory) {
    ++counts_.strays;
  } else if (server_.locate(r.address, 1, range, offset)) {
    if (range == Range::bar0)
      ++(r.is_read() ? counts_.register_reads : counts_.register_writes);
    else
      ++(r.is_read() ? counts_.aperture_reads : counts_.aperture_writes);
  } else if (!r.is_read() && trapped_.contains(r.address >> kPageShift)) {
    ++counts_.page_writes;
  } else {
    ++counts_.strays;
  }
}

uint64_t Requests::answer(const Ioreq& r) {
  late_.settle([this](Range range, uint64_t offset, uint64_t value) {
    ++counts_.late_writes;
    if (handler_) handler_->on_write(range, offset, 8, value);
  });
  count(r);
  switch (r.type) {
    case IoType::invalidate: return invalidate(r);
    case IoType::config:
    case IoType::memory: return perform(r, *this);
    case IoType::port: break;
  }
  return ~uint64_t{0};
}

uint64_t Requests::invalidate(const Ioreq& r) {
  memory_.invalidate();
  shown_.check();
  return r.data;
}

uint64_t Requests::read_at(IoType type, uint64_t address, unsigned size) {
  if (type == IoType::config) {
    const uint64_t offset = address & 0xffffffff;
    if (!handler_ || !ours(address) || offset + size > kConfigBytes) return all_ones(size);
    return handler_->on_read(Range::config, offset, size);
  }
  Range range{};
  uint64_t offset = 0;
  if (server_.locate(address, size, range, offset))
    return handler_ ? handler_->on_read(range, offset, size) : all_ones(size);
  if (in_page(address, size)) {
    uint64_t value = 0;
    if (memory_.read(Gpa{address}, {reinterpret_cast<std::byte*>(&value), size}).ok()) return value;
  }
  if (size == 1) return all_ones(1);
  // Partly in one thing and partly in another: each half by itself.
  const unsigned half = size / 2;
  const uint64_t low = read_at(type, address, half) & all_ones(half);
  const uint64_t high = read_at(type, address + half, half) & all_ones(half);
  return low | high << (8 * half);
}

void Requests::write_at(IoType type, uint64_t address, unsigned size, uint64_t value) {
  Range range{};
  uint64_t offset = address & 0xffffffff;
  if (type == IoType::config) {
    if (handler_ && ours(address) && offset + size <= kConfigBytes)
      handler_->on_write(Range::config, offset, size, value);
    return;
  }
  if (server_.locate(address, size, range, offset)) {
    if (handler_) handler_->on_write(range, offset, size, value);
    late_.written(range, offset, size);
    return;
  }
  if (in_page(address, size) && memory_.page(Gfn{address >> kPageShift}))
    return write_ram(address, size, value);
  if (size == 1) return;
  const unsigned half = size / 2;
  write_at(type, address, half, value & all_ones(half));
  write_at(type, address + half, half, value >> (8 * half));
}

/// Xen leaves the store to us. A page released a moment ago still sends what was on its way.
void Requests::write_ram(uint64_t address, unsigned size, uint64_t value) {
  std::byte* page = memory_.page(Gfn{address >> kPageShift});
  std::memcpy(page + (address & kPageMask), &value, size);
  if (handler_ && trapped_.reported.contains(address >> kPageShift))
    handler_->on_page_write(Gpa{address}, size);
}

}  // namespace hv::xen

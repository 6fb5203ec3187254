// SPDX-License-Identifier: MIT
// Breaks requests up: rep prefixes, both directions, values in the request or in guest memory.
#include "hv/xen/ioreq.h"

namespace hv::xen {
namespace {

/// Xen cuts a rep at the end of a page, so one of single bytes is the longest.
constexpr uint32_t kMaxCount = 4096;

}  // namespace

uint64_t perform(const Ioreq& r, Accesses& accesses) {
  if (!legal_size(r.size) || r.count > kMaxCount) return ~uint64_t{0};
  const bool pointer = r.data_is_pointer();
  const uint64_t step = r.descending() ? uint64_t{0} - r.size : r.size;
  // A rep of port or configuration accesses stays on its port.
  const uint64_t address_step = r.type == IoType::memory ? step : 0;
  uint64_t result = r.data;
  for (uint32_t i = 0; i < r.count; ++i) {
    const uint64_t address = r.address + i * address_step, buffer = r.data + i * step;
    if (r.is_read()) {
      const uint64_t value = accesses.read_at(r.type, address, r.size) & all_ones(r.size);
      if (pointer)
        accesses.write_at(IoType::memory, buffer, r.size, value);
      else
        result = value;
    } else {
      const uint64_t value = pointer ? accesses.read_at(IoType::memory, buffer, r.size) : r.data;
      accesses.write_at(r.type, address, r.size, value & all_ones(r.size));
    }
  }
  return result;
}

}  // namespace hv::xen

// SPDX-License-Identifier: MIT
#include "shadow/gpu_memory.h"

#include <array>
#include <cstring>

namespace shadow {

bool GpuMemory::page_equals(hv::BusFrame frame, unsigned offset, std::span<const std::byte> with) {
  std::array<std::byte, hv::kPageSize> now;
  const auto part = std::span{now}.first(with.size());
  read_page(frame, offset, part);
  return std::memcmp(part.data(), with.data(), with.size()) == 0;
}

}  // namespace shadow

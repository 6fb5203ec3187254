// SPDX-License-Identifier: MIT
// The device model's state as bytes: for hashes, replay and migration. Little endian; a version
// first; register pages that hold only zeros are left out.
#include <algorithm>

#include "mediator/device_model_impl.h"
#include "mediator/encode.h"

namespace mediator {
namespace {

constexpr uint32_t kEncodingVersion = 1;
constexpr uint32_t kNoMorePages = 0xffffffff;

void put_bytes(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_pages(std::vector<std::byte>& out, std::span<const std::byte> memory) {
  for (size_t at = 0; at < memory.size(); at += hv::kPageSize) {
    const auto page = memory.subspan(at, hv::kPageSize);
    if (std::all_of(page.begin(), page.end(), [](std::byte b) { return b == std::byte{0}; }))
      continue;
    put(out, static_cast<uint32_t>(at / hv::kPageSize));
    put_bytes(out, page);
  }
  put(out, kNoMorePages);
}

}  // namespace

void DeviceModel::encode(std::vector<std::byte>& out) const {
  put(out, kEncodingVersion);
  put(out, static_cast<uint8_t>(impl_->pvinfo_seen));
  put(out, static_cast<uint8_t>(impl_->failsafe));
  const DeviceCounts& c = impl_->counts;
  for (uint64_t n :
       {c.unknown_reads, c.unknown_writes, c.refused_writes, c.interrupts, c.vblanks, c.flips})
    put(out, n);
  put_bytes(out, impl_->pci.bytes());
  put_pages(out, impl_->regs.bytes());
  impl_->display.encode(out);
}

}  // namespace mediator

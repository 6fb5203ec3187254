// SPDX-License-Identifier: MIT
// The GPU's own GGTT: a first small range for the driver's objects, the rest for the mediator.
#include <algorithm>

#include "dom0/gpu/driver/driver.h"
#include "shadow/gen9/pte.h"

namespace gpu {
namespace {

/// Address 0 stays scratch (0 means "no address" in too many places); the rest holds the status
/// pages, rings and context images of four engines.
constexpr uint64_t kOwnBytes = kOwnGgttBytes;

/// The hardware fetches ahead of what it executes, by less than a page.
constexpr uint64_t kAheadEntries = 16;

uint64_t ggtt_entry(hv::BusFrame frame) { return hv::bus_address(frame) | gen9::kPtePresent; }

}  // namespace

mediator::GpuInfo Driver::gpu_info() {
  mediator::GpuInfo info;
  info.device_id = device_.device_id();
  info.revision = device_.revision();
  info.ggtt_bytes = config_.ggtt_bytes;
  info.aperture_bytes = device_.aperture_bytes();
  info.ggtt_free_base = kOwnBytes + config_.fenced_bytes;
  info.ggtt_free_bytes = config_.ggtt_bytes - info.ggtt_free_base;
  return info;
}

void Driver::fill_ggtt(uint64_t end) {
  end = std::min(end + kAheadEntries, config_.ggtt_bytes / hv::kPageSize);
  for (const uint64_t entry = ggtt_entry(scratch_); filled_ < end; ++filled_)
    device_.write_ggtt(filled_, entry);
}

uint64_t Driver::map_own(hv::BusFrame frame) {
  const uint64_t address = own_next_;
  own_next_ += hv::kPageSize;
  device_.write_ggtt(address / hv::kPageSize, ggtt_entry(frame));
  ggtt_written_ = true;
  return address;
}

void Driver::write_ggtt(uint64_t first, std::span<const uint64_t> entries) {
  const uint64_t limit = config_.ggtt_bytes / hv::kPageSize;
  if (first < kOwnBytes / hv::kPageSize || first > limit || entries.size() > limit - first) return;
  fill_ggtt(first + entries.size());
  for (uint64_t entry : entries) {
    // An entry that is not present is scratch: what still reads through it must find memory.
    device_.write_ggtt(first++, entry & gen9::kPtePresent ? entry : ggtt_entry(scratch_));
  }
  ggtt_written_ = true;
}

void Driver::flush_ggtt() {
  if (!ggtt_written_) return;
  device_.write32(gen9::kGfxFlushCntl, 1);
  ggtt_written_ = false;
}

}  // namespace gpu

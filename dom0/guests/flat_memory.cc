// SPDX-License-Identifier: MIT
// RAM at frame 0 upwards, pages for the device above it.
#include "dom0/guests/flat_memory.h"

#include <new>

namespace guests {
namespace {
constexpr uint64_t kFirstExtraFrame = uint64_t{1} << 26;
}

FlatMemory::FlatMemory(uint64_t ram_bytes)
    : frames_(ram_bytes / hv::kPageSize),
      ram_(static_cast<std::byte*>(std::calloc(frames_ ? frames_ : 1, hv::kPageSize))) {
  if (!ram_) throw std::bad_alloc();
}

std::byte* FlatMemory::page(hv::BusFrame frame) {
  if (frame.v < frames_) return ram_.get() + frame.v * hv::kPageSize;
  const uint64_t n = frame.v - kFirstExtraFrame;
  return frame.v >= kFirstExtraFrame && n < extra_.size() ? extra_[n].get() : nullptr;
}

hv::Result<gpu::DmaPage> FlatMemory::alloc() {
  extra_.push_back(std::make_unique<std::byte[]>(hv::kPageSize));
  return gpu::DmaPage{hv::BusFrame{kFirstExtraFrame + extra_.size() - 1}, extra_.back().get()};
}

void FlatMemory::free(hv::BusFrame frame) {
  if (frame.v >= kFirstExtraFrame && frame.v - kFirstExtraFrame < extra_.size())
    extra_[frame.v - kFirstExtraFrame].reset();
}

}  // namespace guests

// SPDX-License-Identifier: MIT
// Host-owned pages mapped side by side in the host GGTT.
#include "shadow/host_object.h"

#include <algorithm>
#include <utility>

#include "shadow/gen9/pte.h"

namespace shadow {

hv::Result<HostObject> HostObject::create(GpuMemory& gpu, GgttSpace& space, Retired& retired,
                                          PageUse use, hv::VgpuId owner, unsigned pages) {
  const auto base = space.alloc(pages);
  if (!base.ok()) return base.error();
  std::vector<hv::BusFrame> frames;
  std::vector<uint64_t> entries;
  for (unsigned i = 0; i < pages; ++i) {
    const auto frame = gpu.alloc_page(use, owner);
    if (!frame.ok()) {
      // The GPU has seen none of it: no TLB to wait for.
      for (const hv::BusFrame f : frames) gpu.free_page(f);
      space.free(*base, pages);
      return frame.error();
    }
    frames.push_back(*frame);
    entries.push_back(hv::bus_address(*frame) | gen9::kPtePresent);
  }
  gpu.write_ggtt(base->v >> hv::kPageShift, entries);
  retired.mark_stale();
  HostObject object;
  object.gpu_ = &gpu;
  object.retired_ = &retired;
  object.base_ = *base;
  object.frames_ = std::move(frames);
  return object;
}

HostObject::~HostObject() {
  if (!valid()) return;
  const std::vector<uint64_t> nothing(frames_.size());
  gpu_->write_ggtt(base_.v >> hv::kPageShift, nothing);
  for (const hv::BusFrame f : frames_) retired_->page(f);
  retired_->ggtt_range(base_, pages());
}

HostObject::HostObject(HostObject&& o) noexcept
    : gpu_(o.gpu_), retired_(o.retired_), base_(o.base_), frames_(std::exchange(o.frames_, {})) {}

HostObject& HostObject::operator=(HostObject&& o) noexcept {
  std::swap(gpu_, o.gpu_);
  std::swap(retired_, o.retired_);
  std::swap(base_, o.base_);
  std::swap(frames_, o.frames_);
  return *this;
}

void HostObject::write(uint64_t offset, std::span<const std::byte> from) {
  while (!from.empty()) {
    const uint64_t in_page = offset & hv::kPageMask;
    const size_t n = std::min<uint64_t>(from.size(), hv::kPageSize - in_page);
    gpu_->write_page(frames_[offset >> hv::kPageShift], static_cast<unsigned>(in_page),
                     from.first(n));
    offset += n;
    from = from.subspan(n);
  }
}

void HostObject::read(uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const uint64_t in_page = offset & hv::kPageMask;
    const size_t n = std::min<uint64_t>(to.size(), hv::kPageSize - in_page);
    gpu_->read_page(frames_[offset >> hv::kPageShift], static_cast<unsigned>(in_page), to.first(n));
    offset += n;
    to = to.subspan(n);
  }
}

}  // namespace shadow

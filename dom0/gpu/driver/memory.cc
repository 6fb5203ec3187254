// SPDX-License-Identifier: MIT
#include "dom0/gpu/driver/memory.h"

#include <atomic>
#include <cstring>

#include "dom0/gpu/driver/driver.h"

namespace gpu {

DmaPages::~DmaPages() {
  for (size_t c = 0; c < chunks_.size(); ++c) {
    for (size_t i = 0; chunks_[c] && i < kChunk; ++i) {
      if ((*chunks_[c])[i].cpu) device_.free_dma(hv::BusFrame{c * kChunk + i});
    }
  }
}

hv::Result<DmaPage> DmaPages::alloc(shadow::PageUse use, hv::VgpuId owner) {
  auto page = device_.alloc_dma();
  if (!page) return page.error();
  if (page->frame.v >= kMaxFrame) {
    device_.free_dma(page->frame);
    return hv::Error::no_memory;
  }
  const size_t chunk = page->frame.v / kChunk;
  if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
  if (!chunks_[chunk]) chunks_[chunk] = std::make_unique<Chunk>();
  (*chunks_[chunk])[page->frame.v % kChunk] = {page->cpu, use, owner};
  ++pages_;
  std::memset(page->cpu, 0, hv::kPageSize);
  return page;
}

void DmaPages::free(hv::BusFrame frame) {
  if (!find(frame)) return;
  (*chunks_[frame.v / kChunk])[frame.v % kChunk] = {};
  --pages_;
  device_.free_dma(frame);
}

hv::Result<hv::BusFrame> Driver::alloc_page(shadow::PageUse use, hv::VgpuId owner) {
  auto page = pages_.alloc(use, owner);
  if (!page) return page.error();
  return page->frame;
}

void Driver::free_page(hv::BusFrame frame) { pages_.free(frame); }

void Driver::write_page(hv::BusFrame frame, unsigned offset, std::span<const std::byte> from) {
  const DmaPageInfo* page = pages_.find(frame);
  if (!page || offset > hv::kPageSize || from.size() > hv::kPageSize - offset) return;
  std::memcpy(page->cpu + offset, from.data(), from.size());
}

void Driver::read_page(hv::BusFrame frame, unsigned offset, std::span<std::byte> to) {
  const DmaPageInfo* page = pages_.find(frame);
  if (!page || offset > hv::kPageSize || to.size() > hv::kPageSize - offset) {
    std::memset(to.data(), 0, to.size());
    return;
  }
  std::memcpy(to.data(), page->cpu + offset, to.size());
}

bool Driver::page_equals(hv::BusFrame frame, unsigned offset, std::span<const std::byte> with) {
  const DmaPageInfo* page = pages_.find(frame);
  if (!page || offset > hv::kPageSize || with.size() > hv::kPageSize - offset) return false;
  return std::memcmp(page->cpu + offset, with.data(), with.size()) == 0;
}

void Driver::write_entry(hv::BusFrame frame, unsigned index, uint64_t entry) {
  const DmaPageInfo* page = pages_.find(frame);
  if (!page || index >= hv::kPageSize / 8) return;
  auto* slot = reinterpret_cast<uint64_t*>(page->cpu) + index;
  std::atomic_ref(*slot).store(entry, std::memory_order_release);
}

std::optional<shadow::PageUse> Driver::page_use(hv::BusFrame frame) const {
  const DmaPageInfo* page = pages_.find(frame);
  return page ? std::optional(page->use) : std::nullopt;
}

std::optional<hv::VgpuId> Driver::page_owner(hv::BusFrame frame) const {
  const DmaPageInfo* page = pages_.find(frame);
  return page ? std::optional(page->owner) : std::nullopt;
}

}  // namespace gpu

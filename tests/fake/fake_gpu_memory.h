// SPDX-License-Identifier: MIT
// Host-owned GPU memory for unit tests: every GPU-visible write is recorded and can be watched,
// allocation and invalidation fail on demand, misuse is counted.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <vector>

#include "hv/bits.h"
#include "shadow/gpu_memory.h"

namespace fake {

/// Frames are counted up from here: never a guest's.
inline constexpr uint64_t kFirstHostFrame = uint64_t{1} << 32;

/// Also a base for fakes of the larger host-GPU interface: `class FakeHostGpu : public
/// BasicGpuMemory<mediator::HostGpu>`.
template <class Base>
class BasicGpuMemory : public Base {
 public:
  struct Page {
    std::array<std::byte, hv::kPageSize> bytes{};
    shadow::PageUse use{};
    hv::VgpuId owner{};
  };

  // What tests set.
  uint64_t fail_alloc_at = 0;  ///< the Nth (from 1) later alloc_page fails, once
  uint64_t max_pages = ~uint64_t{0};
  uint64_t fail_invalidate_at = 0;      ///< likewise invalidate_tlbs
  std::function<void()> on_change;      ///< after each write the GPU can see
  std::function<void()> on_invalidate;  ///< when TLBs were invalidated, before anything is dropped

  // What tests look at.
  std::map<uint64_t, Page> pages;
  std::map<uint64_t, uint64_t> ggtt;  ///< non-zero entries by index
  uint64_t writes = 0, entry_writes = 0, ggtt_writes = 0, invalidations = 0, allocs = 0;
  uint64_t violations = 0;  ///< use of a page that is not allocated, or outside its bounds

  uint64_t entry(hv::BusFrame f, unsigned index) {
    const auto it = pages.find(f.v);
    return it == pages.end() ? 0 : hv::load<uint64_t>(it->second.bytes.data() + index * 8);
  }
  [[nodiscard]] uint64_t ggtt_entry(uint64_t index) const {
    const auto it = ggtt.find(index);
    return it == ggtt.end() ? 0 : it->second;
  }

  // shadow::GpuMemory
  hv::Result<hv::BusFrame> alloc_page(shadow::PageUse use, hv::VgpuId owner) override {
    ++allocs;
    if ((fail_alloc_at && --fail_alloc_at == 0) || pages.size() >= max_pages) {
      return hv::Error::no_memory;
    }
    Page& p = pages[next_];
    p.use = use;
    p.owner = owner;
    return hv::BusFrame{next_++};
  }
  void free_page(hv::BusFrame f) override { violations += pages.erase(f.v) == 0; }
  void write_page(hv::BusFrame f, unsigned offset, std::span<const std::byte> from) override {
    if (std::byte* p = at(f, offset, from.size())) std::memcpy(p, from.data(), from.size());
    changed();
  }
  void read_page(hv::BusFrame f, unsigned offset, std::span<std::byte> to) override {
    if (std::byte* p = at(f, offset, to.size())) std::memcpy(to.data(), p, to.size());
  }
  void write_entry(hv::BusFrame f, unsigned index, uint64_t entry) override {
    if (std::byte* p = at(f, index * 8, 8)) hv::store(p, entry);
    ++entry_writes;
    changed();
  }
  void write_ggtt(uint64_t first, std::span<const uint64_t> entries) override {
    ggtt_writes += entries.size();
    for (const uint64_t e : entries) {
      if (e) {
        ggtt[first] = e;
      } else {
        ggtt.erase(first);
      }
      ++first;
      changed();
    }
  }
  hv::Status invalidate_tlbs() override {
    if (fail_invalidate_at && --fail_invalidate_at == 0) return hv::Error::io;
    ++invalidations;
    if (on_invalidate) on_invalidate();
    return {};
  }

 private:
  std::byte* at(hv::BusFrame f, uint64_t offset, uint64_t size) {
    const auto it = pages.find(f.v);
    const bool good = it != pages.end() && offset + size <= hv::kPageSize;
    violations += !good;
    return good ? it->second.bytes.data() + offset : nullptr;
  }
  void changed() {
    ++writes;
    if (on_change) on_change();
  }
  uint64_t next_ = kFirstHostFrame;
};

class FakeGpuMemory : public BasicGpuMemory<shadow::GpuMemory> {};

}  // namespace fake

// SPDX-License-Identifier: MIT
// Port: host-owned memory that the GPU can reach, and the GPU's own GGTT. Part of the host GPU's
// interface (mediator/host_gpu.h) that shadowing needs. Everything the GPU may have written is read
// through here, so that a recording of the port replays.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "hv/result.h"
#include "hv/types.h"

namespace shadow {

/// What a host-owned page is for; a DMA observer checks each access against it.
enum class PageUse : uint8_t {
  scratch,     ///< read by anything, writes land nowhere that matters
  page_table,  ///< the GPU's walker reads it
  context,     ///< logical ring context image
  ring,        ///< copied ring, read only by the command streamer
  batch,       ///< copied batch, likewise
  status,      ///< hardware status page
};

class GpuMemory {
 public:
  virtual ~GpuMemory() = default;

  /// One zeroed page. `owner` is kHostOwner or the vGPU it is made for.
  virtual hv::Result<hv::BusFrame> alloc_page(PageUse use, hv::VgpuId owner) = 0;
  /// Only after no table and no TLB can hold it.
  virtual void free_page(hv::BusFrame frame) = 0;
  /// offset + size must lie inside the page.
  virtual void write_page(hv::BusFrame frame, unsigned offset, std::span<const std::byte> from) = 0;
  virtual void read_page(hv::BusFrame frame, unsigned offset, std::span<std::byte> to) = 0;
  /// Is [offset, offset + size) of the page equal to `with`? Cheaper than reading where most pages
  /// have not changed, and one bit in a recording.
  /// Defined here, not in a .cc: a port with a key function in a layer built without RTTI could not
  /// be derived from in one built with it.
  virtual bool page_equals(hv::BusFrame frame, unsigned offset, std::span<const std::byte> with) {
    std::array<std::byte, hv::kPageSize> now;
    const auto part = std::span{now}.first(with.size());
    read_page(frame, offset, part);
    return std::memcmp(part.data(), with.data(), with.size()) == 0;
  }
  /// One aligned 8-byte entry, atomically.
  virtual void write_entry(hv::BusFrame frame, unsigned index, uint64_t entry) = 0;

  /// Sets entries of the GPU's GGTT from index `first` (address >> 12). Not visible to the GPU's
  /// TLBs before invalidate_tlbs.
  virtual void write_ggtt(uint64_t first, std::span<const uint64_t> entries) = 0;
  /// Drops every cached translation of all engines, with completion seen.
  virtual hv::Status invalidate_tlbs() = 0;
};

}  // namespace shadow

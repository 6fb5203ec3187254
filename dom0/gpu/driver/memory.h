// SPDX-License-Identifier: MIT
// The pages the host owns and the GPU reaches: frame number to CPU address in two loads, since the
// shadow tables write single entries through it, and what each page is for, for DMA observers.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "dom0/gpu/device.h"
#include "shadow/gpu_memory.h"

namespace gpu {

struct DmaPageInfo {
  std::byte* cpu = nullptr;  ///< nullptr: not a page of ours
  shadow::PageUse use{};
  hv::VgpuId owner{};
};

class DmaPages {
 public:
  explicit DmaPages(Device& device) : device_(device) {}
  /// Gives back whatever is still allocated.
  ~DmaPages();
  DmaPages(const DmaPages&) = delete;
  DmaPages& operator=(const DmaPages&) = delete;

  /// A zeroed page. no_memory if the device has none or its frame is beyond the GPU's 39-bit
  /// bus addresses.
  hv::Result<DmaPage> alloc(shadow::PageUse use, hv::VgpuId owner);
  /// Ignores frames that are not ours.
  void free(hv::BusFrame frame);
  /// The page of that frame, or nullptr if it is not ours.
  [[nodiscard]] const DmaPageInfo* find(hv::BusFrame frame) const {
    const size_t chunk = frame.v / kChunk;
    if (chunk >= chunks_.size() || !chunks_[chunk]) return nullptr;
    const DmaPageInfo& page = (*chunks_[chunk])[frame.v % kChunk];
    return page.cpu ? &page : nullptr;
  }
  [[nodiscard]] uint64_t pages() const { return pages_; }

 private:
  static constexpr size_t kChunk = 512;                     // frames; 2 MiB of bus addresses
  static constexpr uint64_t kMaxFrame = uint64_t{1} << 27;  // 39-bit bus addresses
  using Chunk = std::array<DmaPageInfo, kChunk>;

  Device& device_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  uint64_t pages_ = 0;
};

}  // namespace gpu

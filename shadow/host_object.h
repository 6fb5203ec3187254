// SPDX-License-Identifier: MIT
// Host-owned pages at consecutive host GGTT addresses: a shadow context image, a ring copy, a batch
// copy. Retired (not freed at once) on destruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "shadow/gpu_memory.h"
#include "shadow/retire.h"

namespace shadow {

class HostObject {
 public:
  HostObject() = default;
  static hv::Result<HostObject> create(GpuMemory& gpu, GgttSpace& space, Retired& retired,
                                       PageUse use, hv::VgpuId owner, unsigned pages);
  ~HostObject();
  HostObject(HostObject&& o) noexcept;
  HostObject& operator=(HostObject&& o) noexcept;
  HostObject(const HostObject&) = delete;
  HostObject& operator=(const HostObject&) = delete;

  [[nodiscard]] bool valid() const { return !frames_.empty(); }
  [[nodiscard]] hv::GmAddr base() const { return base_; }
  [[nodiscard]] unsigned pages() const { return static_cast<unsigned>(frames_.size()); }
  [[nodiscard]] hv::BusFrame frame(unsigned page) const { return frames_[page]; }
  /// offset + size must lie inside the object; may cross pages.
  void write(uint64_t offset, std::span<const std::byte> from);
  void read(uint64_t offset, std::span<std::byte> to) const;

 private:
  GpuMemory* gpu_ = nullptr;
  Retired* retired_ = nullptr;
  hv::GmAddr base_{};
  std::vector<hv::BusFrame> frames_;
};

}  // namespace shadow

// SPDX-License-Identifier: MIT
// The emulated machine's RAM as the model's DMA reaches it: what QEMU shared by descriptor, and
// nothing else.
#pragma once

#include <cstdint>
#include <vector>

#include "dom0/gpu/model/model.h"
#include "dom0/gpu/proxy/message.h"

namespace gpu::proxy {

/// All calls under one lock: the map changes while the machine runs.
class MachineRam final : public model::DmaBus {
 public:
  MachineRam() = default;
  ~MachineRam() override { clear(); }
  MachineRam(const MachineRam&) = delete;
  MachineRam& operator=(const MachineRam&) = delete;

  /// Takes the map of a sync_memory message, in place of the last one. bad_argument if it does not
  /// hold together, io if it cannot be mapped; the old map is gone in either case.
  hv::Status sync(Message& message);

  /// Nothing answers where no RAM was shared.
  std::byte* page(hv::BusFrame frame) override;
  hv::Result<DmaPage> alloc() override { return hv::Error::not_supported; }
  void free(hv::BusFrame) override {}

  struct Region {
    uint64_t first = 0, frames = 0;  ///< machine frames
    uint64_t offset = 0;             ///< of the first, in the file
    std::byte* memory = nullptr;
    xengvtd::Fd fd;
  };
  [[nodiscard]] const std::vector<Region>& regions() const { return regions_; }
  [[nodiscard]] bool contains(hv::BusFrame frame) const { return find(frame) != nullptr; }
  /// Counts the maps taken so far.
  [[nodiscard]] uint64_t generation() const { return generation_; }

 private:
  [[nodiscard]] const Region* find(hv::BusFrame frame) const {
    for (const Region& r : regions_)
      if (frame.v - r.first < r.frames) return &r;
    return nullptr;
  }
  void clear();
  std::vector<Region> regions_;
  uint64_t generation_ = 0;
};

}  // namespace gpu::proxy

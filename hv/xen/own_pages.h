// SPDX-License-Identifier: MIT
// Pages of dom0's own that a GPU of silicon reaches: shadow tables, contexts, rings, status pages.
#pragma once

#include <functional>
#include <unordered_map>
#include <vector>

#include "hv/xen/machine_frames.h"

namespace hv::xen {

/// Memory for OwnPages: `pages` pages that the kernel never moves, or nullptr.
using MapOwn = std::function<std::byte*(size_t pages)>;

class OwnPages {
 public:
  /// One page at a time, from blocks that stay mapped until the end: a block that went back to the
  /// kernel while the GPU could still reach it would be somebody else's memory.
  OwnPages(MachineFrames& machine, MapOwn map) : machine_(machine), map_(std::move(map)) {}

  struct Page {
    BusFrame frame;
    std::byte* memory;
  };
  Result<Page> alloc();
  /// Ignores what is not ours, or free already.
  void free(BusFrame frame);
  [[nodiscard]] size_t in_use() const { return pages_.size() - free_.size(); }

 private:
  static constexpr size_t kBlockPages = 64;
  bool grow();
  struct State {
    std::byte* memory;
    bool used;
  };
  MachineFrames& machine_;
  MapOwn map_;
  std::unordered_map<uint64_t, State> pages_;  ///< by frame
  std::vector<uint64_t> free_;
};

/// Pages of /dev/xen/hypercall: the kernel's own allocation, mapped into this process.
MapOwn map_hypercall_pages();

}  // namespace hv::xen

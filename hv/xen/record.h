// SPDX-License-Identifier: MIT
// What a process must know to take over a domain's emulator from one that ended: an ioreq server
// belongs to dom0, not to the process that made it, and stays, with vCPUs waiting in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hv/domain.h"

namespace hv::xen {

/// Neighbouring pages of a block.
struct PageRun {
  size_t first = 0, count = 0;
  bool operator==(const PageRun&) const = default;
};

struct Record {
  DomId domain{};
  std::array<uint8_t, 16> uuid{};  ///< a domain number can be used again
  uint16_t server = 0;
  uint64_t added_pages = 0;  ///< to the domain's memory limit
  bool paused = false;       ///< by us, while it was taken over

  struct Bar {
    uint64_t base = 0, bytes = 0;  ///< bytes 0: not placed
    uint64_t seat = 0;             ///< where its register pages stand; 0: nowhere
    bool operator==(const Bar&) const = default;
  };
  std::array<Bar, kRanges> bars{};

  struct Block {  ///< of register pages, in the order they stand in the file
    Range range{};
    uint64_t offset = 0, bytes = 0;
    std::vector<PageRun> in_guest;
    bool operator==(const Block&) const = default;
  };
  std::vector<Block> blocks;

  /// Machine frames of its own RAM that stand at guest frames of a BAR. With the process that made
  /// them their references went too: the first thing to take away.
  struct Shown {
    uint64_t at = 0, frame = 0, pages = 0;
    bool operator==(const Shown&) const = default;
  };
  std::vector<Shown> shown;
  bool operator==(const Record&) const = default;
};

}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// What must outlive a TLB: pages, GGTT ranges and frame references are parked here when their last
// table entry goes, and dropped only after the GPU's TLBs were invalidated.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "hv/domain.h"
#include "shadow/ggtt_space.h"
#include "shadow/gpu_memory.h"

namespace shadow {

class Retired {
 public:
  Retired(GpuMemory& gpu, GgttSpace& space) : gpu_(gpu), space_(space) {}
  ~Retired();
  Retired(const Retired&) = delete;
  Retired& operator=(const Retired&) = delete;

  void page(hv::BusFrame frame);
  void ggtt_range(hv::GmAddr base, unsigned pages);
  void pin(hv::Domain& domain, hv::Gfn gfn);
  /// A live entry was changed in place: translations must be invalidated before the next
  /// submission.
  void mark_stale() { stale_ = true; }

  [[nodiscard]] bool pending() const;
  /// Invalidates TLBs if anything is parked or stale, then drops what was parked. On error nothing
  /// is dropped.
  hv::Status flush();

 private:
  GpuMemory& gpu_;
  GgttSpace& space_;
  bool stale_ = false;
  std::vector<hv::BusFrame> pages_;
  struct RangePages {
    hv::GmAddr base;
    unsigned pages;
  };
  std::vector<RangePages> ranges_;
  struct Pin {
    hv::Domain* domain;
    hv::Gfn gfn;
  };
  std::vector<Pin> pins_;
};

}  // namespace shadow

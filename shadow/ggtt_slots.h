// SPDX-License-Identifier: MIT
// Ranges of host GGTT that stand for guest pages named by audited commands. A slot is one operand's
// run of pages; least recently used slots make room.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "hv/domain.h"
#include "shadow/gpu_memory.h"
#include "shadow/retire.h"

namespace shadow {

/// Host GGTT pages one vGPU's operands may hold at once.
inline constexpr unsigned kMaxSlotPages = 1024;
/// Pages one operand may span.
inline constexpr unsigned kMaxOperandPages = 16;

class GgttSlots {
 public:
  GgttSlots(hv::Domain& domain, GpuMemory& gpu, GgttSpace& space, Retired& retired,
            hv::VgpuId owner);
  ~GgttSlots();
  GgttSlots(const GgttSlots&) = delete;
  GgttSlots& operator=(const GgttSlots&) = delete;

  /// The slot of guest GGTT pages [first, first + gfns.size()), made if need be. bad_address if a
  /// guest frame cannot be pinned, no_memory if all slots are in use.
  hv::Result<hv::GmAddr> map(uint64_t first, std::span<const hv::Gfn> gfns);
  /// The guest's entry of `page` now names `gfn`, or nothing.
  void page_changed(uint64_t page, std::optional<hv::Gfn> gfn);
  [[nodiscard]] std::optional<uint64_t> guest_page(uint64_t host_page) const;
  void release_all() { ++submission_; }
  void clear();

  [[nodiscard]] uint64_t size() const { return slots_.size(); }
  [[nodiscard]] uint64_t evictions() const { return evictions_; }

 private:
  using Key = std::pair<uint64_t, unsigned>;  // first guest page, pages
  struct Slot {
    hv::GmAddr base;
    uint64_t used = 0;
    std::vector<std::optional<hv::Gfn>> pinned;  // per page; nothing = scratch
    std::list<Key>::iterator lru;
  };
  using Slots = std::map<Key, Slot>;

  hv::Result<hv::GmAddr> allocate(unsigned pages);
  bool evict_oldest();
  void drop(Slots::iterator it);
  bool point(Slot& slot, unsigned page, std::optional<hv::Gfn> gfn);
  uint64_t scratch_entry();

  hv::Domain& domain_;
  GpuMemory& gpu_;
  GgttSpace& space_;
  Retired& retired_;
  hv::VgpuId owner_;
  Slots slots_;
  std::map<uint64_t, Key> by_host_;  // host page of the slot's base
  std::list<Key> lru_;               // front: longest unused
  unsigned pages_ = 0;
  uint64_t submission_ = 1;
  uint64_t evictions_ = 0;
  hv::BusFrame scratch_ = hv::kNoFrame;
};

}  // namespace shadow

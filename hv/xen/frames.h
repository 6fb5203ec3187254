// SPDX-License-Identifier: MIT
// Bus frame numbers for a GPU that is not silicon: which memory of this process stands behind each.
//
// A modelled GPU needs no machine addresses, only numbers that fit its 39-bit page table entries.
// Slot 0 holds frames of the host itself, every other slot the pinned frames of one domain.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "hv/result.h"
#include "hv/types.h"

namespace hv::xen {

inline constexpr unsigned kBusFrameBits = 27;  ///< 39-bit bus addresses
inline constexpr unsigned kSlotBits = 20;      ///< 4 GiB of frames for each owner
inline constexpr uint32_t kSlotFrames = 1u << kSlotBits;
inline constexpr unsigned kSlots = 1u << (kBusFrameBits - kSlotBits);

/// Changed by one thread; page() may be called from any. A page that was dropped must no longer be
/// reachable by the GPU, which is what hv::Domain::unpin demands of its caller anyhow.
class FrameSpace {
 public:
  FrameSpace() = default;
  ~FrameSpace();
  FrameSpace(const FrameSpace&) = delete;
  FrameSpace& operator=(const FrameSpace&) = delete;

  /// The page behind a frame, or nullptr if nothing is there.
  [[nodiscard]] std::byte* page(BusFrame frame) const;

  /// A zeroed page of the host's own. no_memory when the slot or the process is full.
  Result<BusFrame> alloc_host();
  void free_host(BusFrame frame);

  /// A slot for one domain, 1..127. no_memory when all are taken.
  Result<unsigned> open_slot();
  /// Forgets every frame of the slot.
  void close_slot(unsigned slot);
  /// A number for a page that stays where it is until drop().
  Result<BusFrame> add(unsigned slot, std::byte* page);
  void drop(BusFrame frame);
  [[nodiscard]] uint64_t frames_in_use(unsigned slot) const;

 private:
  struct Slot {
    std::atomic<std::atomic<std::byte*>*> pages{};  // kSlotFrames of them, committed when touched
    std::vector<uint32_t> free;                     // numbers given back, last first
    uint32_t next = 1;                              // frame 0 of a slot is never handed out
    uint32_t used = 0;
  };
  bool make(Slot& slot);
  std::array<Slot, kSlots> slots_;
  std::byte* host_ = nullptr;  // kSlotFrames pages of address space, committed when touched
};

}  // namespace hv::xen

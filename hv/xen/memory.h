// SPDX-License-Identifier: MIT
// Guest memory through foreign mappings: cached in large buckets, because a mapping costs a
// system call and a TLB flush, and dropped when the guest gives memory back.
#pragma once

#include <array>
#include <bitset>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "hv/types.h"
#include "hv/xen/calls.h"
#include "hv/xen/frames.h"
#include "hv/xen/machine_frames.h"

namespace hv::xen {

inline constexpr unsigned kBucketPages = 1024;
/// Mappings one guest can make us hold, in use or only pinned (16 GiB of address space).
inline constexpr size_t kMaxBuckets = 4096;

class GuestMemory {
 public:
  /// With `machine`, pinned frames are the machine's own, for a GPU that is silicon; without, they
  /// are numbers that `frames` makes up.
  GuestMemory(Calls& calls, FrameSpace& frames, unsigned slot, MachineFrames* machine = nullptr)
      : calls_(calls), frames_(frames), slot_(slot), machine_(machine) {}
  ~GuestMemory() { close(); }
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  /// The guest's page, or nullptr if it has no RAM there. Valid until the next call.
  std::byte* page(Gfn gfn);
  Status read(Gpa from, std::span<std::byte> to);
  Status write(Gpa to, std::span<const std::byte> from);
  void pin(std::span<const Gfn> gfns, std::span<BusFrame> frames);
  void unpin(std::span<const Gfn> gfns);
  /// Our mapping of a pinned page, which stays as long as the pin.
  [[nodiscard]] const std::byte* pinned_page(Gfn gfn) const;

  /// What stands at any guest frame may have changed. Pinned frames stay what they were.
  void invalidate();
  /// Guest frames that are ours though RAM stands behind them: nothing above may reach them.
  void hide(Gfn first, uint64_t pages);
  void unhide_all();
  [[nodiscard]] bool hidden(Gfn gfn) const;
  void close();
  [[nodiscard]] size_t pinned() const { return pins_.size(); }
  [[nodiscard]] size_t buckets() const { return current_.size() + old_.size(); }

 private:
  struct Bucket {
    std::byte* memory = nullptr;
    uint64_t number = 0;
    uint32_t pins = 0;
    std::bitset<kBucketPages> there;
    std::unique_ptr<std::array<BusFrame, kBucketPages>> machine;  ///< found at the first pin
  };
  struct Pin {
    BusFrame frame;
    Bucket* bucket;
    uint32_t count;
  };
  struct Place {
    Bucket* bucket = nullptr;
    std::byte* page = nullptr;
  };
  Place find(Gfn gfn);
  std::unique_ptr<Bucket> map_bucket(uint64_t number);
  bool probe(Gfn gfn);
  /// The number by which the GPU reaches a page that stays mapped from now on.
  Result<BusFrame> frame_of(const Place& place, Gfn gfn);
  void forget(BusFrame frame) {
    if (!machine_) frames_.drop(frame);
  }
  void retire(std::unique_ptr<Bucket> bucket);
  void drop_pin_of(Bucket* bucket);
  void unmap(const Bucket& bucket) { calls_.unmap(bucket.memory, kBucketPages); }

  Calls& calls_;
  FrameSpace& frames_;
  unsigned slot_;
  MachineFrames* machine_;
  std::unordered_map<uint64_t, std::unique_ptr<Bucket>> current_;
  std::vector<std::unique_ptr<Bucket>> old_;  // no longer what the guest sees, but pinned
  std::unordered_map<uint64_t, Pin> pins_;
  struct Span {
    uint64_t first, pages;
  };
  std::vector<Span> hidden_;
};

}  // namespace hv::xen

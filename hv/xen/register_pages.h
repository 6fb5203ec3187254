// SPDX-License-Identifier: MIT
// Memory behind the BARs that the guest reads without an exit: RAM pages of the guest at the BAR's
// own guest frames, typed so that only writes trap.
//
// The memory stands at one address of ours from the start. A page that is not in the guest is
// anonymous memory there; one that is, is a foreign mapping. A page that cannot be put into the
// guest just keeps trapping.
#pragma once

#include <array>
#include <functional>
#include <string_view>
#include <vector>

#include "hv/domain.h"
#include "hv/xen/calls.h"
#include "hv/xen/memory.h"

namespace hv::xen {

/// Neighbouring pages of a block.
struct PageRun {
  size_t first = 0, count = 0;
};

class RegisterPages {
 public:
  using LogLine = std::function<void(std::string_view)>;
  RegisterPages(Calls& calls, GuestMemory& memory, LogLine log)
      : calls_(calls), memory_(memory), log_(std::move(log)) {}
  ~RegisterPages();
  RegisterPages(const RegisterPages&) = delete;
  RegisterPages& operator=(const RegisterPages&) = delete;

  Result<std::span<std::byte>> add(Range range, uint64_t offset, uint64_t bytes);
  Status set_direct(Range range, uint64_t offset, uint64_t bytes, bool direct);
  /// The range now begins here. Pages stay where they were while a BAR is switched off: drivers
  /// switch it off to size it, and it mostly comes back to the same place.
  void move(Range range, Gpa base);
  /// Our memory of a page, and the same only if the guest has it too; nullptr if there is none.
  std::byte* memory(Range range, uint64_t offset);
  std::byte* memory_in_guest(Range range, uint64_t offset);
  /// Whether the guest's writes to a page it has trap; false if that could not be done.
  bool set_trapping(Range range, uint64_t offset, bool trapping);
  /// Takes every page out of the guest.
  void close();
  [[nodiscard]] uint64_t pages_in_guest() const;
  /// Where reads cost no exit (tests).
  [[nodiscard]] bool is_direct(Range range, uint64_t offset) const;

 private:
  struct Page {
    bool wanted = false, in_guest = false;
  };
  struct Block {
    Range range{};
    uint64_t offset = 0;
    std::byte* memory = nullptr;
    std::vector<Page> pages;
  };
  [[nodiscard]] uint64_t gfn(const Block& b, size_t page) const;
  Block* block_of(Range range, uint64_t offset);
  void sync(Block& block);
  bool put_in(Block& block, PageRun run);
  void take_out(Block& block, PageRun run);
  void relocate(Block& block, PageRun run, uint64_t to_base);
  bool allow(uint64_t pages);
  bool is_free(uint64_t gfn);
  bool map_over(Block& block, PageRun run, std::span<const uint64_t> gfns);
  void unmap_over(Block& block, PageRun run);
  void update_hidden();

  Calls& calls_;
  GuestMemory& memory_;
  LogLine log_;
  std::vector<Block> blocks_;
  std::array<uint64_t, kRanges> seat_{};  // guest-physical base; 0 = never placed
  uint64_t allowed_ = 0;                  // pages added to the domain's limit
  bool complained_ = false;
};

}  // namespace hv::xen

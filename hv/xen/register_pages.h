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
#include "hv/xen/record.h"

namespace hv::xen {

class RegisterPages {
 public:
  using LogLine = std::function<void(std::string_view)>;
  /// `file`: where the memory stands that is not in the guest, so that it outlives this process; -1
  /// if it need not.
  RegisterPages(Calls& calls, GuestMemory& memory, int file, LogLine log)
      : calls_(calls), memory_(memory), file_(file), log_(std::move(log)) {}
  ~RegisterPages();
  RegisterPages(const RegisterPages&) = delete;
  RegisterPages& operator=(const RegisterPages&) = delete;

  Result<std::span<std::byte>> add(Range range, uint64_t offset, uint64_t bytes);
  /// Everything as another process left it; add() then finds its blocks with their contents. Pages
  /// that cannot be had from the guest show what the file has.
  Status adopt(const Record& record);
  void describe(Record& to) const;
  [[nodiscard]] uint64_t changes() const { return changes_; }  ///< of what describe() says
  /// An adopted block nobody asked for yet; empty if there is none.
  std::span<std::byte> left(Range range, uint64_t offset);
  /// Lets go of everything and changes nothing in the guest.
  void leave();
  /// What must trap is taken out of the guest at once; what need not waits for settle().
  Status set_direct(Range range, uint64_t offset, uint64_t bytes, bool direct);
  /// Off: no page is in the guest whatever set_direct() says, so that every access traps.
  void allow_direct(bool on);
  /// Whether settle() would put this guest frame, or any, into the guest.
  [[nodiscard]] bool waits(uint64_t gfn) const;
  [[nodiscard]] bool any_waits() const;
  void settle();
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
  /// The guest frame of a page; 0 while its range is nowhere.
  [[nodiscard]] uint64_t frame(Range range, uint64_t offset) const;
  /// Where reads cost no exit (tests).
  [[nodiscard]] bool is_direct(Range range, uint64_t offset) const;

 private:
  struct Page {
    bool wanted = false, in_guest = false;
    PageRun mapped;  // the foreign mapping that shows it: Linux lets go of one as a whole only
  };
  struct Block {
    Range range{};
    uint64_t offset = 0;
    std::byte* memory = nullptr;
    std::vector<Page> pages;
    uint64_t in_file = 0;  // where in the file
    bool adopted = false;  // and not asked for yet
  };
  [[nodiscard]] uint64_t gfn(const Block& b, size_t page) const;
  Block* block_of(Range range, uint64_t offset);
  Status new_block(Range range, uint64_t offset, uint64_t bytes);
  std::byte* own(const Block& block, PageRun run, std::byte* at) const;
  bool adopt_run(Block& block, PageRun run);
  [[nodiscard]] bool waits(const Block& block, const Page& page) const {
    return seat_[static_cast<unsigned>(block.range)] && page.wanted && direct_allowed_ &&
           !page.in_guest;
  }
  void take_out_unwanted(Block& block);
  void put_in_wanted(Block& block);
  bool put_in(Block& block, PageRun run);
  void take_out(Block& block, PageRun run);
  void relocate(Block& block, PageRun run, uint64_t to_base);
  bool allow(uint64_t pages);
  bool is_free(uint64_t gfn);
  [[nodiscard]] std::vector<uint64_t> gfns(const Block& b, PageRun run) const;
  bool show(Block& block, PageRun run);
  bool map_over(Block& block, PageRun run);
  bool unmap_over(Block& block, PageRun run);
  void release(Block& block, PageRun run);
  void update_hidden();

  Calls& calls_;
  GuestMemory& memory_;
  int file_;
  LogLine log_;
  std::vector<Block> blocks_;
  std::array<uint64_t, kRanges> seat_{};  // guest-physical base; 0 = never placed
  uint64_t allowed_ = 0;                  // pages added to the domain's limit
  uint64_t changes_ = 0;
  bool complained_ = false;
  bool direct_allowed_ = true;
};

}  // namespace hv::xen

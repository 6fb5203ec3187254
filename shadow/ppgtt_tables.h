// SPDX-License-Identifier: MIT
// The engine of PPGTT shadowing: makes, updates, shares and drops shadow tables, and decides which
// guest pages are protected and which are out of sync.
//
// Non-present guest entries stay non-present: the GPU faults as on hardware. Present entries that
// are illegal, or that cannot be shadowed, name a host-owned scratch table or page of that level.
#pragma once

#include <array>
#include <span>
#include <unordered_map>

#include "hv/domain.h"
#include "shadow/gpu_memory.h"
#include "shadow/ppgtt.h"
#include "shadow/ppgtt_table.h"
#include "shadow/retire.h"

namespace shadow::ppgtt {

class Tables {
 public:
  Tables(hv::Domain& domain, GpuMemory& gpu, Retired& retired, hv::VgpuId owner,
         const PpgttLimits& limits, Work* work = nullptr);
  ~Tables();
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  /// The shadow PML4 of this guest page with one more reference; drop() gives it back.
  hv::Result<Table*> take_root(hv::Gfn pml4);
  void drop(Table& table);

  void on_page_write(hv::Gpa address, unsigned size);
  [[nodiscard]] bool tracks(hv::Gfn gfn) const { return pages_.count(gfn.v) != 0; }
  /// Tries failed entries again, re-reads what is out of sync, links leaves that were waiting.
  /// Busy: the budget is spent, and there is more to do.
  hv::Status sync();
  /// Tables without references that are not taken apart yet.
  [[nodiscard]] bool untidy() const { return !dropped_.empty(); }
  /// Takes them apart; all of them, or until the budget is spent.
  void tidy(bool all);

  /// A table page for a view, counted against the limit of tables.
  hv::Result<hv::BusFrame> alloc_table_page();
  void retire_table_page(hv::BusFrame frame);
  [[nodiscard]] bool is_scratch(uint64_t entry, gen9::Level level) const {
    return entry == scratch_[static_cast<unsigned>(level) - 1];
  }

  GpuMemory& gpu() { return gpu_; }
  Retired& retired() { return retired_; }
  hv::Domain& domain() { return domain_; }
  Work& work() { return work_; }
  PpgttCounts& counts() {
    counts_.out_of_sync = out_of_sync_.size();
    return counts_;
  }

 private:
  // ppgtt_tables.cc: tables and upper entries
  hv::Status make_scratch();
  hv::Result<Table*> get(Kind kind, hv::Gfn gfn, bool now);
  hv::Result<Table*> create(Kind kind, TrackedPage& page, bool now);
  void complete(Table& t);
  hv::Status fill_upper(Table& t, bool now);
  hv::Result<Table*> create_block(uint64_t pde);
  void attach(Table& t, TrackedPage& page);
  void set_upper(Table& t, unsigned i, uint64_t now, bool complete = false);
  hv::Result<Table*> child_for(Table& t, unsigned i, uint64_t now, bool complete);
  void set_shadow(Table& t, unsigned i, uint64_t value);
  void link_waiting(Table& t);
  void retry(Table& t);
  void retry_entries(Table& t);
  void destroy(Table& t);
  void take_apart(Table& t);

  // ppgtt_leaf.cc: entries that name pages
  /// Brings entries [first, first + now.size()) of a leaf to `now`; true if anything changed.
  bool update_leaf(Table& t, unsigned first, std::span<const uint64_t> now, bool retrying = false);
  void write_whole(Table& t);

  // ppgtt_track.cc: guest pages
  TrackedPage* find_page(hv::Gfn gfn);
  Table* find_table(const TrackedPage& page, Kind kind) const;
  hv::Status protect(TrackedPage& page);
  void go_out_of_sync(TrackedPage& page);
  bool may_go_out_of_sync(const TrackedPage& page) const;
  /// Reads the page and updates its leaf tables. Result: whether anything changed.
  hv::Result<bool> reread_leaves(TrackedPage& page);
  bool update_leaves(TrackedPage& page, const Entries& fresh);
  void update_written(TrackedPage& page, unsigned first, std::span<const uint64_t> now);
  void reread_later(TrackedPage& page);
  void reread(TrackedPage& page);
  struct Settled {
    uint32_t since;  ///< unchanged for at least so many syncs
    size_t protects_left;
  };
  Settled settled_pages();
  void resync(TrackedPage& page, Settled& settled);
  bool catch_up();
  bool link_all_waiting();
  void forget_if_unused(TrackedPage& page);

  hv::Domain& domain_;
  GpuMemory& gpu_;
  Retired& retired_;
  hv::VgpuId owner_;
  PpgttLimits limits_;
  PpgttCounts counts_;
  Work unlimited_{{.burst_ns = UINT64_MAX}};
  Work& work_;
  TablePool pool_;
  std::unordered_map<uint64_t, TrackedPage> pages_;  // by gfn; never iterated
  TrackedPage* last_page_ = nullptr;
  IndexedSet<TrackedPage, &TrackedPage::out_of_sync_at> out_of_sync_;
  IndexedSet<Table, &Table::pending_at> waiting_;
  IndexedSet<Table, &Table::retry_at> retries_;
  IndexedSet<Table, &Table::later_at> later_;
  std::vector<Table*> dropped_;
  size_t next_retry_ = 0;
  /// What update_leaf collects. Not on its stack: it would be cleared at each trapped write.
  struct Batch {
    std::array<hv::Gfn, gen9::kEntries> to_pin, to_drop;
    std::array<hv::BusFrame, gen9::kEntries> frames;
    std::array<uint16_t, gen9::kEntries> pinned_index;
  };
  Batch batch_;
  /// By level - 1: the entry a bad entry of that level becomes; 0 until made.
  std::array<uint64_t, 4> scratch_{};
};

/// A view's copies follow their source; see ppgtt_view.cc.
void mirror_entry(Tables& tables, Table& source, unsigned i);
void detach_mirrors(Tables& tables, Table& source);

}  // namespace shadow::ppgtt

// SPDX-License-Identifier: MIT
// Shadow tables, the guest pages they mirror, and where their memory comes from.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hv/types.h"
#include "shadow/ppgtt_entry.h"

namespace shadow::ppgtt {

struct Table;
struct ViewTable;
inline constexpr uint32_t kNowhere = ~uint32_t{0};

/// A guest page that is one or more tables. Protected, or (leaf kinds only) out of sync.
struct TrackedPage {
  hv::Gfn gfn;
  Table* tables = nullptr;  ///< one per kind at most
  bool is_protected = false;
  uint32_t upper_tables = 0;  ///< of `tables`: those that may not go out of sync
  uint32_t writes = 0;        ///< trapped since it was protected
  uint32_t unchanged = 0;     ///< syncs in a row that found nothing new
  uint32_t out_of_sync_at = kNowhere;
};

/// One shadow table. Shared by all entries that name the same guest page in the same way.
struct Table {
  Kind kind{};
  /// False for a leaf nobody has read yet; nothing links to it before.
  bool filled = false;
  /// A trapped write could not be read: read the whole page again (then also in the retry list).
  bool reread = false;
  hv::Gfn gfn;
  hv::BusFrame frame;
  uint32_t refs = 0;  ///< entries and roots that name it
  TrackedPage* page = nullptr;
  Table* next_on_page = nullptr;
  ViewTable* mirrors = nullptr;    ///< private copies that follow this table
  uint32_t pending_at = kNowhere;  ///< in the list of tables with unlinked children
  uint32_t retry_at = kNowhere;    ///< in the list of tables with entries to try again
  uint32_t later_at = kNowhere;    ///< in the list of those whose rest was put off
  Entries guest{};                 ///< as last read (leaves: expanded to 4 KiB entries)
  Entries shadow{};                ///< as the GPU sees them
  std::unique_ptr<std::array<Table*, gen9::kEntries>> children;  ///< upper tables only

  /// The child the GPU reaches through entry i, or nullptr.
  [[nodiscard]] Table* linked_child(unsigned i) const {
    Table* child = (*children)[i];
    return child && gen9::pte_frame(shadow[i]) == child->frame ? child : nullptr;
  }
};

/// A set with removal in constant time; members know their place.
template <class T, uint32_t T::*At>
class IndexedSet {
 public:
  [[nodiscard]] size_t size() const { return items_.size(); }
  T& operator[](size_t i) { return *items_[i]; }
  void add(T& item) {
    if (item.*At != kNowhere) return;
    item.*At = static_cast<uint32_t>(items_.size());
    items_.push_back(&item);
  }
  void remove(T& item) {
    if (item.*At == kNowhere) return;
    items_[item.*At] = items_.back();
    items_.back()->*At = item.*At;
    items_.pop_back();
    item.*At = kNowhere;
  }

 private:
  std::vector<T*> items_;
};

/// Table objects, some kept for reuse: a guest makes and drops them all the time.
class TablePool {
 public:
  Table* take(Kind kind) {
    std::unique_ptr<Table> t;
    if (spare_.empty()) {
      t = std::make_unique<Table>();
    } else {
      t = std::move(spare_.back());
      spare_.pop_back();
      clear(*t);
    }
    t->kind = kind;
    if (!is_leaf(kind) && !t->children) {
      t->children = std::make_unique<std::array<Table*, gen9::kEntries>>();
    }
    return t.release();
  }
  void give(Table* t) {
    std::unique_ptr<Table> owned(t);
    if (spare_.size() < kSpare) spare_.push_back(std::move(owned));
  }

 private:
  static constexpr size_t kSpare = 256;
  static void clear(Table& t) {
    auto children = std::move(t.children);
    t = Table{};
    if (children) children->fill(nullptr);
    t.children = std::move(children);
  }
  std::vector<std::unique_ptr<Table>> spare_;
};

}  // namespace shadow::ppgtt

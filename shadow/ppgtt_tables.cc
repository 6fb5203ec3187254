// SPDX-License-Identifier: MIT
// Shadow tables: made, linked, shared and dropped; entries that name tables.
#include "shadow/ppgtt_tables.h"

#include <utility>

namespace shadow::ppgtt {
namespace {

uint64_t scratch_link(hv::BusFrame f) {
  return hv::bus_address(f) | gen9::kPtePresent | gen9::kPteWritable;
}
uint64_t link_to(const Table& child, uint64_t guest_entry) {
  return hv::bus_address(child.frame) | (guest_entry & kTableFlags);
}
constexpr size_t level_index(Kind k) { return static_cast<size_t>(level_of(k)) - 1; }

}  // namespace

Tables::Tables(hv::Domain& domain, GpuMemory& gpu, Retired& retired, hv::VgpuId owner,
               const PpgttLimits& limits, Work* work)
    : domain_(domain),
      gpu_(gpu),
      retired_(retired),
      owner_(owner),
      limits_(limits),
      work_(work ? *work : unlimited_) {}

Tables::~Tables() {
  for (const uint64_t entry : scratch_) {
    if (entry) retired_.page(gen9::pte_frame(entry));
  }
}

hv::Status Tables::make_scratch() {
  for (size_t level = 0; level < scratch_.size(); ++level) {
    if (scratch_[level]) continue;
    const auto use = level == 0 ? PageUse::scratch : PageUse::page_table;
    const auto frame = gpu_.alloc_page(use, owner_);
    if (!frame.ok()) return frame.error();
    if (level > 0) {
      Entries all;
      all.fill(scratch_[level - 1]);
      gpu_.write_page(*frame, 0, std::as_bytes(std::span{all}));
    }
    scratch_[level] = scratch_link(*frame);
  }
  return {};
}

hv::Result<hv::BusFrame> Tables::alloc_table_page() {
  if (counts_.tables >= limits_.tables) return hv::Error::no_memory;
  const auto frame = gpu_.alloc_page(PageUse::page_table, owner_);
  counts_.tables += frame.ok();
  return frame;
}
void Tables::retire_table_page(hv::BusFrame frame) {
  --counts_.tables;
  retired_.page(frame);
}

hv::Result<Table*> Tables::take_root(hv::Gfn pml4) {
  if (const hv::Status s = make_scratch(); !s.ok()) return s.error();
  const auto table = get(Kind::pml4, pml4, false);
  if (table.ok()) ++(*table)->refs;
  return table;
}

/// `now`: a live entry is about to be replaced by this one, so it cannot wait for the next sync.
hv::Result<Table*> Tables::get(Kind kind, hv::Gfn gfn, bool now) {
  TrackedPage* page = find_page(gfn);
  if (page) {
    if (Table* t = find_table(*page, kind)) {
      if (now) complete(*t);
      return t;
    }
  }
  if (counts_.tables >= limits_.tables) return hv::Error::no_memory;
  if (kind != Kind::pml4 && work_.spent()) return hv::Error::busy;
  if (!page) {
    page = &pages_[gfn.v];
    page->gfn = gfn;
  }
  return create(kind, *page, now);
}

hv::Result<Table*> Tables::create(Kind kind, TrackedPage& page, bool now) {
  const auto frame = alloc_table_page();
  if (!frame.ok()) {
    forget_if_unused(page);
    return frame.error();
  }
  Table& t = *pool_.take(kind);
  t.frame = *frame;
  attach(t, page);
  work_.charge(cost::kTable);
  hv::Status made;
  if (!is_leaf(kind)) {
    made = fill_upper(t, now);
  } else {
    // A fresh leaf starts out of sync: the guest links it first and fills it afterwards.
    if (!page.is_protected && page.out_of_sync_at == kNowhere) {
      if (may_go_out_of_sync(page)) {
        go_out_of_sync(page);
      } else {
        made = protect(page);
      }
    }
    if (made.ok() && (now || page.is_protected)) {
      const auto read = reread_leaves(page);
      if (!read.ok()) made = read.error();
    }
  }
  if (made.ok()) return &t;
  destroy(t);
  return made.error();
}

void Tables::attach(Table& t, TrackedPage& page) {
  t.page = &page;
  t.gfn = page.gfn;
  t.next_on_page = page.tables;
  page.tables = &t;
  page.upper_tables += !is_leaf(t.kind);
}

/// Reads and links what waits for the next sync below this table; what the budget does not reach
/// goes on waiting.
void Tables::complete(Table& t) {
  if (work_.spent()) return;
  work_.charge(cost::kEntry);
  if (is_leaf(t.kind)) {
    if (!t.filled) (void)reread_leaves(*t.page);
    return;
  }
  if (waiting_.size() == 0) return;
  for (Table* child : *t.children) {
    if (child) complete(*child);
  }
  if (t.pending_at != kNowhere) link_waiting(t);
}

hv::Status Tables::fill_upper(Table& t, bool now) {
  TrackedPage& page = *t.page;
  const bool was_protected = page.is_protected;
  if (const hv::Status s = protect(page); !s.ok()) return s;
  Entries fresh;
  const hv::Status s = domain_.read(hv::gpa_of(page.gfn), std::as_writable_bytes(std::span{fresh}));
  if (!s.ok()) {
    // Leaves on the same page were not read either.
    if (!was_protected) go_out_of_sync(page);
    return s;
  }
  work_.charge(cost::kTablePage);
  if (!was_protected) (void)update_leaves(page, fresh);
  for (unsigned i = 0; i < gen9::kEntries; ++i) {
    if (fresh[i]) set_upper(t, i, fresh[i], now);
  }
  write_whole(t);
  return {};
}

hv::Result<Table*> Tables::create_block(uint64_t pde) {
  if (work_.spent()) return hv::Error::busy;
  const auto frame = alloc_table_page();
  if (!frame.ok()) return frame.error();
  Table& t = *pool_.take(Kind::pt2m);
  t.frame = *frame;
  t.gfn = gfn_of_entry(pde & gen9::kPde2MAddressMask);
  work_.charge(cost::kTable);
  Entries entries;
  expand_2m(pde, entries);
  (void)update_leaf(t, 0, entries);
  return &t;
}

/// The table behind an entry: nullptr for none, bad_argument for an illegal entry, other errors for
/// what may succeed later.
hv::Result<Table*> Tables::child_for(Table& t, unsigned i, uint64_t now, bool complete) {
  using What = Target::What;
  const Target target = decode_upper(t.kind, now);
  if (target.what == What::none) return nullptr;
  if (target.what == What::bad) return hv::Error::bad_argument;
  if (target.what == What::block) return create_block(now);
  Table* old = (*t.children)[i];
  if (old && old->kind == target.kind && old->gfn == gfn_of_entry(now)) return old;
  return get(target.kind, gfn_of_entry(now), complete);
}

/// `complete`: what is below must not wait for the next sync, even if nothing was here before.
void Tables::set_upper(Table& t, unsigned i, uint64_t now, bool complete) {
  const bool live = t.filled && t.shadow[i] != 0;
  const auto found = child_for(t, i, now, complete || live);
  Table* const child = found.value_or(nullptr);
  Table* const old = std::exchange((*t.children)[i], child);
  const uint64_t scratch = scratch_[level_index(t.kind)];
  if (child && child != old) ++child->refs;
  t.guest[i] = now;
  // A domain may be busy too, for reasons that no budget pays off.
  const bool put_off = !found.ok() && found.error() == hv::Error::busy && work_.spent();
  uint64_t value = 0;
  if (child && child->filled) {
    value = link_to(*child, now);
  } else if (child) {
    waiting_.add(t);
    if (live) value = scratch;
  } else if (!found.ok()) {
    value = scratch;
    if (put_off)
      later_.add(t);
    else if (found.error() != hv::Error::bad_argument)
      retries_.add(t);
  }
  counts_.bad_entries += value == scratch && t.shadow[i] != scratch && !put_off;
  if (t.filled) {
    set_shadow(t, i, value);
  } else {
    t.shadow[i] = value;
    ++counts_.entry_writes;
  }
  if (old && old != child) drop(*old);
}

/// The one place where an entry the GPU may reach changes.
void Tables::set_shadow(Table& t, unsigned i, uint64_t value) {
  const uint64_t was = std::exchange(t.shadow[i], value);
  if (was == value) return;
  gpu_.write_entry(t.frame, i, value);
  ++counts_.entry_writes;
  // The GPU does not cache that nothing was there.
  if (was) retired_.mark_stale();
  if (t.mirrors) mirror_entry(*this, t, i);
}

void Tables::link_waiting(Table& t) {
  const uint64_t scratch = scratch_[level_index(t.kind)];
  bool all_linked = true;
  for (unsigned i = 0; i < gen9::kEntries; ++i) {
    const Table* child = (*t.children)[i];
    if (!child || t.linked_child(i)) continue;
    if (child->filled) {
      set_shadow(t, i, link_to(*child, t.guest[i]));
      continue;
    }
    // A leaf that could not be read: no such guest page.
    counts_.bad_entries += t.shadow[i] != scratch;
    set_shadow(t, i, scratch);
    all_linked = false;
  }
  if (all_linked) waiting_.remove(t);
}

void Tables::retry(Table& t) {
  // What is read anew may drop this very table; if not, its entries are tried at the next sync.
  if (std::exchange(t.reread, false)) return reread(*t.page);
  retries_.remove(t);
  if (is_leaf(t.kind)) {
    (void)update_leaf(t, 0, t.guest, true);
    return;
  }
  retry_entries(t);
}

/// Of an upper table: those that stand for scratch and are not bad.
void Tables::retry_entries(Table& t) {
  const uint64_t scratch = scratch_[level_index(t.kind)];
  for (unsigned i = 0; i < gen9::kEntries; ++i) {
    const bool failed = t.shadow[i] == scratch && !(*t.children)[i];
    if (failed && decode_upper(t.kind, t.guest[i]).what != Target::What::bad) {
      set_upper(t, i, t.guest[i]);
    }
  }
}

void Tables::drop(Table& t) {
  if (--t.refs == 0) destroy(t);
}

void Tables::destroy(Table& t) {
  work_.charge(cost::kTable);
  detach_mirrors(*this, t);
  waiting_.remove(t);
  retries_.remove(t);
  later_.remove(t);
  if (TrackedPage* page = t.page) {
    Table** at = &page->tables;
    while (*at != &t) at = &(*at)->next_on_page;
    *at = t.next_on_page;
    page->upper_tables -= !is_leaf(t.kind);
    forget_if_unused(*page);
    t.page = nullptr;
  }
  if (work_.spent())
    dropped_.push_back(&t);
  else
    take_apart(t);
}

/// Of a table that nothing names any more: what it names.
void Tables::take_apart(Table& t) {
  work_.charge(cost::kTablePage);
  for (unsigned i = 0; i < gen9::kEntries; ++i) {
    if (!is_leaf(t.kind)) {
      if (Table* child = (*t.children)[i]) drop(*child);
    } else if (t.shadow[i] && t.shadow[i] != scratch_[0]) {
      retired_.pin(domain_, gfn_of_entry(t.guest[i]));
      work_.charge(cost::kEntry);
    }
  }
  retire_table_page(t.frame);
  pool_.give(&t);
}

void Tables::tidy(bool all) {
  while (!dropped_.empty() && (all || !work_.spent())) {
    Table* t = dropped_.back();
    dropped_.pop_back();
    take_apart(*t);
  }
}

}  // namespace shadow::ppgtt

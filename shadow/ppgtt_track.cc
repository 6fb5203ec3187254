// SPDX-License-Identifier: MIT
// Guest pages that are tables: write protection, trapped writes, out-of-sync leaves.
#include <algorithm>
#include <vector>

#include "shadow/ppgtt_tables.h"

namespace shadow::ppgtt {
namespace {

/// An out-of-sync leaf unchanged for so many submissions has settled.
constexpr uint32_t kSettledSyncs = 8;
/// Protecting costs a hypercall: spread it.
constexpr size_t kProtectsPerSync = 16;
/// Tables with failed entries tried again at one submission.
constexpr size_t kRetriesPerSync = 16;
/// Else a budget could be spent before the last of them is read, each time anew.
static_assert(2 * PpgttLimits{}.out_of_sync * cost::kTablePage <
              Work::Limits{}.burst_ns - Work::Limits{}.resume_ns);

}  // namespace

TrackedPage* Tables::find_page(hv::Gfn gfn) {
  if (last_page_ && last_page_->gfn == gfn) return last_page_;
  const auto it = pages_.find(gfn.v);
  if (it == pages_.end()) return nullptr;
  return last_page_ = &it->second;
}

Table* Tables::find_table(const TrackedPage& page, Kind kind) const {
  Table* t = page.tables;
  while (t && t->kind != kind) t = t->next_on_page;
  return t;
}

hv::Status Tables::protect(TrackedPage& page) {
  if (page.is_protected) return {};
  if (const hv::Status s = domain_.protect(page.gfn); !s.ok()) return s;
  page.is_protected = true;
  page.writes = 0;
  out_of_sync_.remove(page);
  return {};
}

bool Tables::may_go_out_of_sync(const TrackedPage& page) const {
  return page.upper_tables == 0 && out_of_sync_.size() < limits_.out_of_sync;
}

void Tables::go_out_of_sync(TrackedPage& page) {
  if (page.is_protected && !domain_.unprotect(page.gfn).ok()) return;
  page.is_protected = false;
  page.unchanged = 0;
  out_of_sync_.add(page);
}

bool Tables::update_leaves(TrackedPage& page, const Entries& fresh) {
  bool changed = false;
  if (Table* t = find_table(page, Kind::pt4k)) changed |= update_leaf(*t, 0, fresh);
  if (Table* t = find_table(page, Kind::pt64k)) {
    Entries expanded = fresh;
    expand_64k(expanded);
    changed |= update_leaf(*t, 0, expanded);
  }
  return changed;
}

hv::Result<bool> Tables::reread_leaves(TrackedPage& page) {
  Entries fresh;
  const hv::Status s = domain_.read(hv::gpa_of(page.gfn), std::as_writable_bytes(std::span{fresh}));
  work_.charge(cost::kTablePage);
  if (!s.ok()) return s.error();
  return update_leaves(page, fresh);
}

void Tables::on_page_write(hv::Gpa address, unsigned size) {
  TrackedPage* page = find_page(hv::gfn_of(address));
  if (!page || !page->is_protected || size == 0) return;
  ++counts_.page_writes;
  const unsigned from = static_cast<unsigned>(address.v & hv::kPageMask);
  const unsigned to = static_cast<unsigned>(std::min<uint64_t>(from + size, hv::kPageSize));
  const unsigned first = from / 8, count = (to + 7) / 8 - first;
  // Whatever the size and alignment, the entries it touched are read anew, whole.
  uint64_t now[gen9::kEntries];
  const auto bytes = std::as_writable_bytes(std::span{now, count});
  if (!domain_.read(hv::Gpa{hv::gpa_of(page->gfn).v + first * 8}, bytes).ok()) {
    return reread_later(*page);
  }
  update_written(*page, first, {now, count});
  if (page->upper_tables == 0 && ++page->writes >= limits_.oos_after_writes &&
      may_go_out_of_sync(*page)) {
    go_out_of_sync(*page);
  }
}

void Tables::update_written(TrackedPage& page, unsigned first, std::span<const uint64_t> now) {
  // From the top, looked up each time: a change above may drop a table below, on this same page.
  for (const Kind kind : {Kind::pml4, Kind::pdp, Kind::pd}) {
    if (page.upper_tables == 0) break;
    for (unsigned k = 0; k < now.size(); ++k) {
      Table* t = find_table(page, kind);
      if (t && t->guest[first + k] != now[k]) set_upper(*t, first + k, now[k]);
    }
  }
  if (Table* t = find_table(page, Kind::pt4k)) (void)update_leaf(*t, first, now);
  if (find_table(page, Kind::pt64k)) (void)reread_leaves(page);
}

/// What was written could not be read: until the whole page is read again the old entries stand.
void Tables::reread_later(TrackedPage& page) {
  ++counts_.untracked;
  page.tables->reread = true;
  retries_.add(*page.tables);
}

void Tables::reread(TrackedPage& page) {
  Entries fresh;
  const hv::Status s = domain_.read(hv::gpa_of(page.gfn), std::as_writable_bytes(std::span{fresh}));
  if (!s.ok()) return reread_later(page);
  update_written(page, 0, fresh);
}

hv::Status Tables::sync() {
  tidy(false);
  if (!catch_up()) return hv::Error::busy;
  for (size_t n = std::min(kRetriesPerSync, retries_.size());
       n > 0 && retries_.size() > 0 && !work_.scarce(); --n) {
    retry(retries_[next_retry_++ % retries_.size()]);
  }
  Settled settled = settled_pages();
  // Backwards: a page that is protected leaves the list, and its place is taken by one already
  // seen.
  for (size_t i = out_of_sync_.size(); i-- > 0;) {
    if (work_.spent()) return hv::Error::busy;
    resync(out_of_sync_[i], settled);
  }
  if (!link_all_waiting() || later_.size() > 0) return hv::Error::busy;
  return {};
}

/// Makes the tables that were put off. False if the budget is spent before all are there.
bool Tables::catch_up() {
  while (later_.size() > 0) {
    if (work_.spent()) return false;
    Table& t = later_[later_.size() - 1];
    later_.remove(t);
    work_.charge(cost::kTablePage);
    retry_entries(t);
  }
  return true;
}

bool Tables::link_all_waiting() {
  for (size_t i = waiting_.size(); i-- > 0;) {
    if (work_.spent()) return false;
    work_.charge(cost::kTablePage);
    link_waiting(waiting_[i]);
  }
  return true;
}

/// Which of the settled pages are protected now. The table a guest fills next is most often one it
/// filled last, and where a page does not stop trapping in the middle of a run (docs/XEN.md) those
/// that changed last are better left open.
Tables::Settled Tables::settled_pages() {
  Settled s{kSettledSyncs, kProtectsPerSync};
  if (limits_.kept_open == 0) return s;
  std::vector<uint32_t> unchanged;
  for (size_t i = 0; i < out_of_sync_.size(); ++i) {
    if (out_of_sync_[i].unchanged >= kSettledSyncs) unchanged.push_back(out_of_sync_[i].unchanged);
  }
  if (unchanged.size() <= limits_.kept_open) return {kSettledSyncs, 0};
  const auto last_kept = unchanged.begin() + limits_.kept_open;
  std::ranges::nth_element(unchanged, last_kept);
  s.since = *last_kept;
  s.protects_left = std::min(s.protects_left, unchanged.size() - limits_.kept_open);
  return s;
}

void Tables::resync(TrackedPage& page, Settled& settled) {
  // Protected first and read after, so that no write falls between.
  if (page.unchanged >= settled.since && settled.protects_left > 0) {
    --settled.protects_left;
    (void)protect(page);
  }
  const auto changed = reread_leaves(page);
  ++counts_.resyncs;
  page.unchanged = changed.ok() && !*changed ? page.unchanged + 1 : 0;
  // What is protected is in sync: a page that cannot be read just now stays on the list.
  if (!changed.ok() && page.is_protected) go_out_of_sync(page);
}

void Tables::forget_if_unused(TrackedPage& page) {
  if (page.tables) return;
  if (page.is_protected) (void)domain_.unprotect(page.gfn);
  out_of_sync_.remove(page);
  if (last_page_ == &page) last_page_ = nullptr;
  pages_.erase(page.gfn.v);
}

}  // namespace shadow::ppgtt

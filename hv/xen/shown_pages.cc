// SPDX-License-Identifier: MIT
// Making and taking away direct mappings of a guest's own frames. The order is what matters: pin,
// permit, map; and unmap, forbid, unpin.
#include "hv/xen/shown_pages.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <unordered_set>
#include <utility>

namespace hv::xen {

ShownPages::~ShownPages() {
  hide_all();
  // What the guest has still: its frames are let go now, so that nothing may stand behind it, then
  // or later.
  for (const auto& [at, run] : runs_) {
    if (run.behind.empty()) continue;
    tiled_->stop();
    (void)tiled_->give_back(BusFrame{run.frame});
  }
}

ShownPages::Runs::iterator ShownPages::run_at(uint64_t at) {
  auto it = runs_.upper_bound(at);
  if (it == runs_.begin()) return runs_.end();
  --it;
  return at - it->first < it->second.gfns.size() ? it : runs_.end();
}

/// Whether one of two guest frames is RAM, which must not be replaced. (A guest that has RAM
/// between them under its BAR loses that RAM.)
bool ShownPages::has_ram(uint64_t first, uint64_t last) {
  const std::array<uint64_t, 2> places{first, last};
  std::array<int, 2> errors{};
  std::byte* p = calls_.map(nullptr, places, errors);
  if (!p) return false;
  calls_.unmap(p, places.size());
  return errors[0] == 0 || errors[1] == 0;
}

/// Pins pages as long as each can be shown at its place.
ShownPages::Found ShownPages::find(uint64_t at, std::span<const Gfn> gfns) {
  Found f;
  std::unordered_set<uint64_t> seen;
  std::vector<const std::byte*> pages;
  std::vector<uint64_t> numbers;
  for (const Gfn gfn : gfns) {
    const bool twice = !seen.insert(gfn.v).second;
    BusFrame frame = kNoFrame;
    if (twice || run_at(at + f.gfns.size()) != runs_.end() || forbidden_(gfn)) break;
    memory_.pin({&gfn, 1}, {&frame, 1});
    if (frame == kNoFrame) break;
    f.gfns.push_back(gfn);
    pages.push_back(memory_.pinned_page(gfn));
    numbers.push_back(gfn.v);
  }
  f.frames.resize(pages.size());
  machine_->foreign(pages, numbers, f.frames);
  const auto none = std::ranges::find(f.frames, kNoFrame);
  keep_first(f, static_cast<size_t>(none - f.frames.begin()));
  return f;
}

void ShownPages::keep_first(Found& f, size_t count) {
  memory_.unpin(std::span{f.gfns}.subspan(count));
  f.gfns.resize(count);
  f.frames.resize(count);
}

Result<size_t> ShownPages::show(Gfn at, std::span<const Gfn> gfns) {
  if (!machine_) return Error::not_supported;
  gfns = gfns.first(std::min(gfns.size(), kShownPagesAtOnce));
  Found f = find(at.v, gfns);
  size_t done = 0;
  if (!f.gfns.empty() && has_ram(at.v, at.v + f.gfns.size() - 1)) keep_first(f, 0);
  for (size_t run = 0; run < kShownRunsAtOnce && done < f.gfns.size(); ++run) {
    size_t n = 1;
    while (done + n < f.gfns.size() && f.frames[done + n].v == f.frames[done].v + n) ++n;
    if (!map(at.v + done, std::span{f.gfns}.subspan(done, n), f.frames[done].v)) break;
    done += n;
  }
  keep_first(f, done);
  return done;
}

Result<BusFrame> ShownPages::take_tiled(std::span<const BusFrame> frames, uint64_t fence) {
  for (;;) {
    const auto first = tiled_->take(frames, fence);
    if (first.ok() || first.error() != Error::no_memory) return first;
    auto oldest = runs_.end();
    for (auto it = runs_.begin(); it != runs_.end(); ++it)
      if (!it->second.behind.empty() &&
          (oldest == runs_.end() || it->second.age < oldest->second.age))
        oldest = it;
    if (oldest == runs_.end()) return first;
    take_away(oldest);
    if (!machine_) return Error::io;
  }
}

Status ShownPages::show_tiled(Gfn at, std::span<const Gfn> gfns, uint64_t fence) {
  if (!machine_ || !tiled_) return Error::not_supported;
  if (gfns.empty() || gfns.size() > kTiledPages) return Error::bad_argument;
  for (const Gfn gfn : gfns) hide_page(gfn);
  hide(at, gfns.size());
  if (!machine_) return Error::not_supported;
  Found f = find(at.v, gfns);
  if (f.gfns.size() != gfns.size() || has_ram(at.v, at.v + gfns.size() - 1)) {
    keep_first(f, 0);
    return Error::bad_address;
  }
  const auto first = take_tiled(f.frames, fence);
  if (!first.ok()) {
    keep_first(f, 0);
    return first.error();
  }
  if (map(at.v, gfns, first->v, f.frames)) return {};
  if (tiled_->give_back(*first)) keep_first(f, 0);
  return Error::io;
}

bool ShownPages::map(uint64_t at, std::span<const Gfn> gfns, uint64_t frame,
                     std::vector<BusFrame> behind) {
  // Permissions do not count, so no frame is shown twice: the other place traps again.
  for (const Gfn gfn : gfns) hide_page(gfn);
  make_room();
  // Taking others away may have failed for good.
  if (!machine_ || calls_.allow_frames(frame, gfns.size(), true)) return false;
  if (calls_.map_frames(at, frame, gfns.size(), true)) {
    // The library has undone what there was of it.
    calls_.allow_frames(frame, gfns.size(), false);
    return false;
  }
  for (size_t i = 0; i < gfns.size(); ++i) where_[gfns[i].v] = at + i;
  ++changes_;
  runs_.emplace(at, Run{frame, ++made_, {gfns.begin(), gfns.end()}, std::move(behind)});
  return true;
}

void ShownPages::make_room() {
  if (runs_.size() < kMaxShownRuns) return;
  take_away(std::ranges::min_element(
      runs_, [](const auto& a, const auto& b) { return a.second.age < b.second.age; }));
}

/// Whether a mapping that Xen did not take away in one go is none any more: page by page, unless
/// the guest put RAM in its place or does not run any more.
bool ShownPages::is_gone(uint64_t at, uint64_t frame, uint64_t pages) {
  DomainInfo info;
  if (const int e = calls_.info(info)) return e == ESRCH;
  if (info.dying) return true;
  for (uint64_t i = 0; i < pages; ++i) {
    if (has_ram(at + i, at + i)) continue;
    // Some were taken away before; Xen does not tell which, but takes away what was put there anew.
    if (calls_.map_frames(at + i, frame + i, 1, true) ||
        calls_.map_frames(at + i, frame + i, 1, false))
      return false;
  }
  return true;
}

ShownPages::Runs::iterator ShownPages::take_away(Runs::iterator it) {
  const uint64_t at = it->first, frame = it->second.frame, pages = it->second.gfns.size();
  if (!ended_ && calls_.map_frames(at, frame, pages, false) && !is_gone(at, frame, pages)) {
    // Pins and permission stay until the domain is closed, and nothing more is shown.
    if (machine_)
      log_("a page of its aperture cannot be taken away; the aperture traps from now on");
    machine_ = nullptr;
    return std::next(it);
  }
  if (!ended_) calls_.allow_frames(frame, pages, false);
  for (const Gfn gfn : it->second.gfns) where_.erase(gfn.v);
  // A GPU that may still translate to the pages keeps them.
  const bool through = !it->second.behind.empty();
  if (!through || tiled_->give_back(BusFrame{frame})) memory_.unpin(it->second.gfns);
  ++changes_;
  return runs_.erase(it);
}

void ShownPages::describe(Record& record) const {
  for (const auto& [at, run] : runs_) record.shown.push_back({at, run.frame, run.gfns.size()});
}

void ShownPages::take_away_left(const Record& record) {
  for (const Record::Shown& s : record.shown) {
    if (!calls_.map_frames(s.at, s.frame, s.pages, false) || is_gone(s.at, s.frame, s.pages)) {
      calls_.allow_frames(s.frame, s.pages, false);
      continue;
    }
    log_("a page that was shown in its aperture cannot be taken away");
    if (tiled_) tiled_->stop();
  }
}

void ShownPages::hide(Gfn at, uint64_t pages) {
  const uint64_t end = at.v + pages < at.v ? ~uint64_t{0} : at.v + pages;
  auto it = run_at(at.v);
  if (it == runs_.end()) it = runs_.lower_bound(at.v);
  while (it != runs_.end() && it->first < end) it = take_away(it);
}

void ShownPages::hide_all() {
  if (runs_.empty()) return;
  DomainInfo info;
  const int e = calls_.info(info);
  ended_ = e == ESRCH || (e == 0 && info.dying);
  hide(Gfn{0}, ~uint64_t{0});
}

void ShownPages::hide_page(Gfn gfn) {
  if (const auto it = where_.find(gfn.v); it != where_.end()) hide(Gfn{it->second}, 1);
}

void ShownPages::check() {
  if (!machine_) return;
  for (auto it = runs_.begin(); it != runs_.end();) {
    const Run& r = it->second;
    bool same = true;
    for (size_t i = 0; i < r.gfns.size() && same; ++i) {
      const BusFrame frame = r.behind.empty() ? BusFrame{r.frame + i} : r.behind[i];
      same = machine_ && machine_->is_guest_frame(frame, r.gfns[i].v);
    }
    it = same ? std::next(it) : take_away(it);
  }
}

}  // namespace hv::xen

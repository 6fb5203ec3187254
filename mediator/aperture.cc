// SPDX-License-Identifier: MIT
// Accesses to BAR2 by trap, and the decision which pages need none.
#include "mediator/aperture.h"

#include <algorithm>
#include <array>

#include "mediator/device_model.h"
#include "shadow/gen9/tiling.h"

namespace mediator {
namespace {

/// So many traps at one page, or at one and the page after it, are a row. To show pages and take
/// them back costs about as much as two traps.
constexpr unsigned kRow = 3;
/// A tiled region is shown whole, which costs as much as so many traps.
constexpr unsigned kTiledRow = 32;
constexpr uint64_t kTiledPages = 4096;
/// Pages shown at once, at most: a megabyte, a third of a console.
constexpr uint64_t kPagesAtOnce = 256;

// Splits an access at the aperture into pieces that stay side by side after detiling. `piece` gets
// the GGTT address, the bytes already done and the length.
template <class Piece>
void detile(std::span<const uint64_t> fences, uint64_t offset, unsigned size, Piece&& piece) {
  for (unsigned done = 0; done < size;) {
    const uint64_t at = offset + done;
    const auto fence = gen9::find_fence(fences, at);
    const auto run = fence ? std::min<uint64_t>(fence->run(at), size - done) : size - done;
    piece(hv::GmAddr{fence ? fence->detile(at) : at}, done, static_cast<unsigned>(run));
    done += static_cast<unsigned>(run);
  }
}

}  // namespace

Aperture::Aperture(hv::Domain& domain, shadow::Ggtt& ggtt, const DeviceModel& device,
                   uint32_t fences, uint64_t bytes)
    : domain_(domain), ggtt_(ggtt), device_(device), fences_(std::min(fences, gen9::kFences)) {
  asked_.resize(bytes >> hv::kPageShift);
}

std::vector<uint64_t> Aperture::fences() const {
  std::vector<uint64_t> out(fences_);
  for (unsigned i = 0; i < out.size(); ++i) out[i] = device_.fence(i);
  return out;
}

uint64_t Aperture::read(uint64_t offset, unsigned size) {
  uint64_t value = 0;
  const auto to = std::as_writable_bytes(std::span{&value, 1});
  detile(fences(), offset, size, [&](hv::GmAddr at, unsigned done, unsigned n) {
    if (!ggtt_.read(at, to.subspan(done, n)).ok()) std::fill_n(to.begin() + done, n, std::byte{0});
  });
  trapped(offset);
  return value;
}

void Aperture::write(uint64_t offset, unsigned size, uint64_t value, const Written& written) {
  const auto from = std::as_bytes(std::span{&value, 1});
  detile(fences(), offset, size, [&](hv::GmAddr at, unsigned done, unsigned n) {
    // An address without an entry swallows the write, as the scratch page of an aperture does.
    if (!ggtt_.write(at, from.subspan(done, n)).ok()) return;
    for (unsigned i = 0; i < n;) {
      const uint64_t here = at.v + i, in_page = here & hv::kPageMask;
      const auto m = static_cast<unsigned>(std::min<uint64_t>(n - i, hv::kPageSize - in_page));
      if (const auto gfn = ggtt_.translate(hv::GmAddr{here}); gfn.ok())
        written(hv::Gpa{hv::gpa_of(*gfn).v + in_page}, m);
      i += m;
    }
  });
  trapped(offset);
}

void Aperture::trapped(uint64_t offset) {
  const uint64_t page = offset >> hv::kPageShift;
  if ((!able_ && !able_tiled_) || page >= asked_.size()) return;
  row_ = page == last_ || page == next_ ? row_ + 1 : 1;
  last_ = page;
  next_ = page + 1;
  if (row_ < kRow) return;
  if (const uint64_t fence = fence_over(page); fence == 0)
    show(page);
  else if (row_ % kTiledRow == 0 && fence != refused_)
    show_tiled(fence);
}

/// The first fence over a page, as its register has it; 0 if there is none.
uint64_t Aperture::fence_over(uint64_t page) const {
  for (const uint64_t reg : fences())
    if (gen9::find_fence({&reg, 1}, page << hv::kPageShift)) return reg;
  return 0;
}

/// All pages under a fence, unless another one reaches into them.
void Aperture::show_tiled(uint64_t fence) {
  if (!able_tiled_) return;
  refused_ = fence;  // until it is shown, or changes
  const auto f = gen9::decode_fence(fence);
  const uint64_t first = f->start >> hv::kPageShift, pages = (f->end - f->start) >> hv::kPageShift;
  if (pages > kTiledPages || first + pages > asked_.size()) return;
  for (const uint64_t other : fences()) {
    const auto o = gen9::decode_fence(other);
    if (o && other != fence && o->start < f->end && f->start < o->end) return;
  }
  std::vector<hv::Gfn> gfns;
  for (uint64_t page = first; page < first + pages; ++page) {
    const auto gfn = ggtt_.translate(hv::GmAddr{page << hv::kPageShift});
    if (!gfn.ok()) return;
    gfns.push_back(*gfn);
  }
  const auto s = domain_.show_tiled(hv::Range::bar2, f->start, gfns, fence);
  able_tiled_ = s.ok() || s.error() != hv::Error::not_supported;
  if (!s.ok()) return;
  refused_ = 0;
  if (std::ranges::find(tiled_, fence) == tiled_.end()) tiled_.push_back(fence);
  std::fill_n(asked_.begin() + static_cast<ptrdiff_t>(first), pages, true);
}

void Aperture::show(uint64_t page) {
  if (!able_) return;
  const std::vector<uint64_t> fences = this->fences();
  std::array<hv::Gfn, kPagesAtOnce> gfns;
  uint64_t n = 0;
  for (; n < gfns.size() && page + n < asked_.size(); ++n) {
    const hv::GmAddr at{(page + n) << hv::kPageShift};
    const auto gfn = ggtt_.translate(at);
    if (!gfn.ok() || gen9::find_fence(fences, at.v)) break;
    gfns[n] = *gfn;
  }
  if (n == 0) return;
  const auto shown = domain_.show_ram(hv::Range::bar2, page << hv::kPageShift, {gfns.data(), n});
  able_ = shown.ok() || shown.error() != hv::Error::not_supported;
  const uint64_t count = std::min(shown.value_or(0), n);
  std::fill_n(asked_.begin() + static_cast<ptrdiff_t>(page), count, true);
  if (count) next_ = page + count;
}

void Aperture::hide(uint64_t first, uint64_t pages) {
  if (first >= asked_.size()) return;
  const auto begin = asked_.begin() + static_cast<ptrdiff_t>(first);
  const auto end = begin + static_cast<ptrdiff_t>(std::min(pages, asked_.size() - first));
  if (std::find(begin, end, true) == end) return;
  std::fill(begin, end, false);
  domain_.hide_ram(hv::Range::bar2, first << hv::kPageShift, static_cast<uint64_t>(end - begin));
}

void Aperture::entry_changed(uint64_t page) {
  refused_ = 0;
  if (page == shadow::Ggtt::kAllPages)
    hide(0, asked_.size());
  else
    hide(page, 1);
}

void Aperture::fence_changed(uint64_t fence) {
  refused_ = 0;
  const std::vector<uint64_t> now = fences();
  const auto stale = [&](uint64_t reg) { return std::ranges::find(now, reg) == now.end(); };
  for (const uint64_t reg : tiled_)
    if (const auto f = gen9::decode_fence(reg); stale(reg))
      hide(f->start >> hv::kPageShift, (f->end - f->start) >> hv::kPageShift);
  std::erase_if(tiled_, stale);
  if (const auto f = gen9::decode_fence(fence))
    hide(f->start >> hv::kPageShift, (f->end - f->start) >> hv::kPageShift);
}

void Aperture::stop() {
  able_ = able_tiled_ = false;
  tiled_.clear();
  hide(0, asked_.size());
}

}  // namespace mediator

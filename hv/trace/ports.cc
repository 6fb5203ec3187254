// SPDX-License-Identifier: MIT
#include "hv/trace/ports.h"

#include <algorithm>

namespace hv::trace {

namespace {
// No device has more register pages than a 16 MiB BAR holds; a trace may not ask for more.
constexpr uint64_t kMaxRegisterBytes = uint64_t{16} << 20;

uint64_t number(Range r) { return static_cast<uint64_t>(r); }

// Frame numbers follow each other, and so do guest frame numbers: store differences.
struct Differences {
  uint64_t last = 0;
  uint64_t encode(uint64_t v) { return zigzag(v - std::exchange(last, v)); }
  uint64_t decode(uint64_t v) { return last += unzigzag(v); }
};

Hash64 hash_gfns(std::span<const Gfn> gfns) {
  Hash64 h;
  for (const Gfn g : gfns) h.add(g.v);
  return h;
}
}  // namespace

Status TracedDomain::read(Gpa from, std::span<std::byte> to) {
  return journal_.fill(Kind::read, subject_, {from.v, to.size()}, to,
                       [&] { return live_->read(from, to); });
}

Status TracedDomain::write(Gpa to, std::span<const std::byte> from) {
  return journal_.output(Kind::write, subject_, {to.v}, from,
                         [&] { return live_->write(to, from); });
}

void TracedDomain::pin(std::span<const Gfn> gfns, std::span<BusFrame> frames) {
  if (journal_.replaying()) return replay_pins(gfns, frames);
  live_->pin(gfns, frames);
  if (!journal_.recording()) return;
  Differences gfn, frame;
  scratch_.resize(gfns.size() * 2 * kVarintBytes);
  size_t n = 0;
  for (size_t i = 0; i < gfns.size(); ++i) {
    n += put_varint(scratch_.data() + n, gfn.encode(gfns[i].v));
    n += put_varint(scratch_.data() + n, frame.encode(frames[i].v));
  }
  journal_.write(Kind::pin, subject_, {gfns.size()}, std::span{scratch_}.first(n));
  if (keep_pages_) remember(gfns, frames);
}

void TracedDomain::replay_pins(std::span<const Gfn> gfns, std::span<BusFrame> frames) {
  std::ranges::fill(frames, kNoFrame);
  const Record* r = journal_.expect(Kind::pin, subject_, {gfns.size()});
  if (!r) return;
  Differences gfn, frame;
  std::span<const std::byte> rest = r->blob;
  for (size_t i = 0; i < gfns.size(); ++i) {
    uint64_t g = 0, f = 0;
    if (!take_varint(rest, g) || !take_varint(rest, f) || gfn.decode(g) != gfns[i].v)
      return journal_.diverge_taken(*r, "other pages pinned");
    frames[i] = BusFrame{frame.decode(f)};
  }
}

void TracedDomain::remember(std::span<const Gfn> gfns, std::span<const BusFrame> frames) {
  for (size_t i = 0; i < gfns.size(); ++i)
    if (frames[i] != kNoFrame && pinned_[gfns[i]].count++ == 0) {
      pinned_[gfns[i]].frame = frames[i];
      gfns_[frames[i]] = gfns[i];
      ++pins_changed_;
    }
}

std::optional<Gfn> TracedDomain::gfn_of(BusFrame frame) const {
  const auto it = gfns_.find(frame);
  return it == gfns_.end() ? std::nullopt : std::optional{it->second};
}

void TracedDomain::unpin(std::span<const Gfn> gfns) {
  (void)journal_.output(Kind::unpin, subject_, {hash_gfns(gfns).value()}, {}, [&] {
    live_->unpin(gfns);
    return Status{};
  });
  if (!keep_pages_) return;
  for (const Gfn g : gfns)
    if (const auto p = pinned_.find(g); p != pinned_.end() && --p->second.count == 0) {
      gfns_.erase(p->second.frame);
      pinned_.erase(p);
      ++pins_changed_;
    }
}

Status TracedDomain::protect(Gfn gfn) {
  return journal_.output(Kind::protect, subject_, {gfn.v}, {}, [&] { return live_->protect(gfn); });
}

Status TracedDomain::unprotect(Gfn gfn) {
  return journal_.output(Kind::unprotect, subject_, {gfn.v}, {},
                         [&] { return live_->unprotect(gfn); });
}

Status TracedDomain::place(Range range, Gpa base, uint64_t bytes) {
  return journal_.call(Kind::place, subject_, {number(range), base.v, bytes}, {},
                       [&] { return live_->place(range, base, bytes); });
}

Status TracedDomain::remove(Range range) {
  return journal_.call(Kind::remove, subject_, {number(range)}, {},
                       [&] { return live_->remove(range); });
}

Result<std::span<std::byte>> TracedDomain::register_pages(Range range, uint64_t offset,
                                                          uint64_t bytes) {
  std::span<std::byte> pages;
  const Status status =
      journal_.call(Kind::register_pages, subject_, {number(range), offset, bytes}, {}, [&] {
        const auto r = live_->register_pages(range, offset, bytes);
        if (!r.ok()) return Status{r.error()};
        pages = *r;
        return Status{};
      });
  if (!status.ok()) return status.error();
  if (journal_.replaying()) {
    if (bytes > kMaxRegisterBytes) return Error::no_memory;
    registers_.push_back(std::make_unique<std::byte[]>(bytes));
    pages = {registers_.back().get(), bytes};
  }
  return pages;
}

Status TracedDomain::set_direct_read(Range range, uint64_t offset, uint64_t bytes, bool direct) {
  return journal_.output(Kind::set_direct_read, subject_, {number(range), offset, bytes, direct},
                         {}, [&] { return live_->set_direct_read(range, offset, bytes, direct); });
}

Status TracedDomain::inject_msi(uint64_t address, uint32_t data) {
  return journal_.call(Kind::inject_msi, subject_, {address, data}, {},
                       [&] { return live_->inject_msi(address, data); });
}

Status TracedDomain::add_ram(Gfn first, uint64_t pages) {
  return journal_.call(Kind::add_ram, subject_, {first.v, pages}, {},
                       [&] { return live_->add_ram(first, pages); });
}

Result<uint64_t> TracedDomain::show_ram(Range range, uint64_t offset, std::span<const Gfn> gfns) {
  return journal_.value(Kind::show_ram, subject_,
                        {number(range), offset, gfns.size(), hash_gfns(gfns).value()},
                        [&] { return live_->show_ram(range, offset, gfns); });
}

Status TracedDomain::show_tiled(Range range, uint64_t offset, std::span<const Gfn> gfns,
                                uint64_t fence) {
  return journal_.call(Kind::show_tiled, subject_,
                       {number(range), offset, gfns.size(), hash_gfns(gfns).value(), fence}, {},
                       [&] { return live_->show_tiled(range, offset, gfns, fence); });
}

void TracedDomain::hide_ram(Range range, uint64_t offset, uint64_t pages) {
  (void)journal_.output(Kind::hide_ram, subject_, {number(range), offset, pages}, {}, [&] {
    live_->hide_ram(range, offset, pages);
    return Status{};
  });
}

}  // namespace hv::trace

// SPDX-License-Identifier: MIT
// Puts register pages into the guest, moves them with their BAR, and takes them out again.
#include "hv/xen/register_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace hv::xen {
namespace {

/// Larger than any BAR; keeps offset + bytes from wrapping.
constexpr uint64_t kMaxRangeBytes = uint64_t{1} << 40;

bool page_span(uint64_t offset, uint64_t bytes) {
  return bytes && !((offset | bytes) & kPageMask) && offset < kMaxRangeBytes &&
         bytes <= kMaxRangeBytes;
}
unsigned index(Range range) { return static_cast<unsigned>(range); }

/// Calls f(run) for each run of pages that `matches`.
template <class Pages, class Matches, class F>
void each_run(const Pages& pages, Matches matches, F f) {
  for (size_t i = 0; i < pages.size();) {
    PageRun run{i, 0};
    while (i < pages.size() && matches(pages[i])) ++i, ++run.count;
    if (run.count)
      f(run);
    else
      ++i;
  }
}

}  // namespace

RegisterPages::~RegisterPages() {
  close();
  for (const Block& b : blocks_) munmap(b.memory, b.pages.size() * kPageSize);
}

uint64_t RegisterPages::gfn(const Block& b, size_t page) const {
  return ((seat_[index(b.range)] + b.offset) >> kPageShift) + page;
}

std::vector<uint64_t> RegisterPages::gfns(const Block& b, PageRun run) const {
  std::vector<uint64_t> all(run.count);
  std::iota(all.begin(), all.end(), gfn(b, run.first));
  return all;
}

RegisterPages::Block* RegisterPages::block_of(Range range, uint64_t offset) {
  for (Block& b : blocks_)
    if (b.range == range && offset - b.offset < b.pages.size() * kPageSize) return &b;
  return nullptr;
}

Result<std::span<std::byte>> RegisterPages::add(Range range, uint64_t offset, uint64_t bytes) {
  if (range == Range::config || !page_span(offset, bytes)) return Error::bad_argument;
  for (Block& b : blocks_) {
    const uint64_t length = b.pages.size() * kPageSize;
    if (b.range != range || offset >= b.offset + length || b.offset >= offset + bytes) continue;
    if (!b.adopted || offset != b.offset || bytes != length) return Error::busy;
    b.adopted = false;
    return std::span{b.memory, bytes};
  }
  if (const Status s = new_block(range, offset, bytes); !s.ok()) return s.error();
  return std::span{blocks_.back().memory, bytes};
}

Status RegisterPages::new_block(Range range, uint64_t offset, uint64_t bytes) {
  Block b{range, offset, nullptr, std::vector<Page>(bytes / kPageSize)};
  for (const Block& other : blocks_) b.in_file += other.pages.size() * kPageSize;
  if (file_ >= 0 && ftruncate(file_, static_cast<off_t>(b.in_file + bytes)) != 0)
    return Error::no_memory;
  b.memory = own(b, {0, b.pages.size()}, nullptr);
  if (!b.memory) return Error::no_memory;
  blocks_.push_back(std::move(b));
  return {};
}

/// Memory for pages that are not in the guest, at a given address or anywhere.
std::byte* RegisterPages::own(const Block& b, PageRun run, std::byte* at) const {
  const int kind = file_ < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  const uint64_t from = file_ < 0 ? 0 : b.in_file + run.first * kPageSize;
  void* p = mmap(at, run.count * kPageSize, PROT_READ | PROT_WRITE,
                 kind | MAP_NORESERVE | (at ? MAP_FIXED : 0), file_, static_cast<off_t>(from));
  return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
}

Status RegisterPages::adopt(const Record& record) {
  allowed_ = record.added_pages;
  for (unsigned r = 0; r < kRanges; ++r) seat_[r] = record.bars[r].seat;
  for (const Record::Block& b : record.blocks) {
    if (b.range == Range::config || !page_span(b.offset, b.bytes)) return Error::bad_argument;
    if (const Status s = new_block(b.range, b.offset, b.bytes); !s.ok()) return s;
    Block& block = blocks_.back();
    block.adopted = true;
    for (const PageRun run : b.in_guest) {
      if (run.count == 0 || run.first > block.pages.size() ||
          run.count > block.pages.size() - run.first)
        return Error::bad_argument;
      if (adopt_run(block, run)) continue;
      for (size_t i = 0; i < run.count; ++i) adopt_run(block, {run.first + i, 1});
    }
  }
  update_hidden();
  return {};
}

bool RegisterPages::adopt_run(Block& block, PageRun run) {
  const uint64_t first = gfn(block, run.first);
  const auto count = static_cast<uint32_t>(run.count);
  calls_.set_type(first, count, false);  // part of it may have its type already
  if (calls_.set_type(first, count, true)) return false;
  if (!show(block, run)) {
    own(block, run, block.memory + run.first * kPageSize);
    return false;
  }
  for (size_t i = 0; i < run.count; ++i) block.pages[run.first + i].wanted = true;
  return true;
}

/// Maps what is in the guest over our own memory, as one mapping. False: not all of it is there.
bool RegisterPages::show(Block& block, PageRun run) {
  std::byte* at = block.memory + run.first * kPageSize;
  std::vector<int> errors(run.count);
  if (calls_.map(at, gfns(block, run), errors) != at ||
      std::ranges::any_of(errors, [](int e) { return e != 0; }))
    return false;
  for (size_t i = 0; i < run.count; ++i) {
    block.pages[run.first + i].in_guest = true;
    block.pages[run.first + i].mapped = run;
  }
  return true;
}

std::span<std::byte> RegisterPages::left(Range range, uint64_t offset) {
  const Block* b = block_of(range, offset);
  if (!b || !b->adopted || b->offset != offset) return {};
  return {b->memory, b->pages.size() * kPageSize};
}

void RegisterPages::describe(Record& to) const {
  to.added_pages = allowed_;
  for (unsigned r = 0; r < kRanges; ++r) to.bars[r].seat = seat_[r];
  to.blocks.clear();
  for (const Block& b : blocks_) {
    Record::Block block{b.range, b.offset, b.pages.size() * kPageSize, {}};
    each_run(
        b.pages, [](const Page& p) { return p.in_guest; },
        [&](PageRun run) { block.in_guest.push_back(run); });
    to.blocks.push_back(std::move(block));
  }
}

void RegisterPages::leave() {
  for (Block& b : blocks_) munmap(b.memory, b.pages.size() * kPageSize);
  blocks_.clear();
  allowed_ = 0;
  seat_ = {};
}

Status RegisterPages::set_direct(Range range, uint64_t offset, uint64_t bytes, bool direct) {
  if (!page_span(offset, bytes)) return Error::bad_argument;
  for (uint64_t at = offset; at < offset + bytes; at += kPageSize)
    if (!block_of(range, at)) return Error::bad_argument;
  for (uint64_t at = offset; at < offset + bytes; at += kPageSize) {
    Block& b = *block_of(range, at);
    b.pages[(at - b.offset) >> kPageShift].wanted = direct;
  }
  for (Block& b : blocks_)
    if (b.range == range) take_out_unwanted(b);
  return {};
}

void RegisterPages::allow_direct(bool on) {
  direct_allowed_ = on;
  for (Block& b : blocks_) take_out_unwanted(b);
}

bool RegisterPages::waits(uint64_t frame) const {
  for (const Block& b : blocks_) {
    const uint64_t page = frame - gfn(b, 0);
    if (page < b.pages.size() && waits(b, b.pages[page])) return true;
  }
  return false;
}

bool RegisterPages::any_waits() const {
  return std::ranges::any_of(blocks_, [this](const Block& b) {
    return std::ranges::any_of(b.pages, [&](const Page& p) { return waits(b, p); });
  });
}

void RegisterPages::settle() {
  for (Block& b : blocks_) put_in_wanted(b);
}

void RegisterPages::move(Range range, Gpa base) {
  const uint64_t old = seat_[index(range)];
  if (old != base.v && old) {
    for (Block& b : blocks_) {
      if (b.range == range)
        each_run(
            b.pages, [](const Page& p) { return p.in_guest; },
            [&](PageRun run) { relocate(b, run, base.v); });
    }
    memory_.invalidate();  // cached buckets may still show these pages where they were
  }
  seat_[index(range)] = base.v;
  ++changes_;
  for (Block& b : blocks_)
    if (b.range == range) put_in_wanted(b);
  update_hidden();
}

void RegisterPages::take_out_unwanted(Block& block) {
  each_run(
      block.pages, [this](const Page& p) { return p.in_guest && !(p.wanted && direct_allowed_); },
      [&](PageRun run) { take_out(block, run); });
  update_hidden();
}

void RegisterPages::put_in_wanted(Block& block) {
  each_run(
      block.pages, [&](const Page& p) { return waits(block, p); },
      [&](PageRun run) {
        if (put_in(block, run) || complained_) return;
        complained_ = true;
        log_("register pages do not fit into the guest: their reads cost an exit each");
      });
  update_hidden();
}

void RegisterPages::update_hidden() {
  memory_.unhide_all();
  for (const Block& b : blocks_) {
    if (seat_[index(b.range)] && std::ranges::any_of(b.pages, &Page::in_guest))
      memory_.hide(Gfn{gfn(b, 0)}, b.pages.size());
  }
}

/// Raises the domain's memory limit by what we add to it, so that nobody else's share shrinks.
bool RegisterPages::allow(uint64_t pages) {
  const uint64_t needed = pages_in_guest() + pages;
  if (needed <= allowed_) return true;
  DomainInfo info;
  if (calls_.info(info) || calls_.set_max_pages(info.max_pages + needed - allowed_)) return false;
  allowed_ = needed;
  return true;
}

bool RegisterPages::is_free(uint64_t gfn) {
  int error = 0;
  std::byte* p = calls_.map(nullptr, {&gfn, 1}, {&error, 1});
  if (!p) return true;
  calls_.unmap(p, 1);
  return error != 0;
}

bool RegisterPages::put_in(Block& block, PageRun run) {
  const std::vector<uint64_t> wanted = gfns(block, run);
  // A BAR placed over the guest's own RAM must not replace it.
  if (!is_free(wanted.front()) || !is_free(wanted.back()) || !allow(run.count)) return false;
  const size_t got = calls_.populate(wanted);
  ++changes_;
  // Typed before the contents come, so that nothing the guest writes meanwhile stays.
  if (got == run.count && !calls_.set_type(wanted.front(), static_cast<uint32_t>(got), true) &&
      map_over(block, run))
    return true;
  if (got) calls_.release(std::span(wanted).first(got));
  return false;
}

bool RegisterPages::map_over(Block& block, PageRun run) {
  std::byte* at = block.memory + run.first * kPageSize;
  const std::vector<std::byte> contents(at, at + run.count * kPageSize);
  const bool mapped = show(block, run);
  if (!mapped && !own(block, run, at)) return false;
  std::memcpy(at, contents.data(), contents.size());
  // What the guest's memory holds now need not be in the file too.
  if (mapped && file_ >= 0)
    (void)fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(block.in_file + run.first * kPageSize),
                    static_cast<off_t>(run.count * kPageSize));
  return mapped;
}

/// Puts our own memory with the same contents where these pages are mapped. Mappings that show
/// others too are made anew for those.
bool RegisterPages::unmap_over(Block& block, PageRun run) {
  const PageRun head = block.pages[run.first].mapped;
  const PageRun tail = block.pages[run.first + run.count - 1].mapped;
  const PageRun whole{head.first, tail.first + tail.count - head.first};
  std::byte* at = block.memory + whole.first * kPageSize;
  const std::vector<std::byte> contents(at, at + whole.count * kPageSize);
  if (!own(block, whole, at)) return false;
  std::memcpy(at, contents.data(), contents.size());
  const size_t end = run.first + run.count;
  for (const PageRun rest :
       {PageRun{head.first, run.first - head.first}, PageRun{end, tail.first + tail.count - end}})
    if (rest.count && !map_over(block, rest)) release(block, rest);
  return true;
}

/// A page that cannot be unmapped stays in the guest.
void RegisterPages::take_out(Block& block, PageRun run) {
  if (!unmap_over(block, run)) return log_("a register page cannot be taken out of the guest");
  release(block, run);
}

void RegisterPages::release(Block& block, PageRun run) {
  ++changes_;
  calls_.release(gfns(block, run));
  for (size_t i = 0; i < run.count; ++i) block.pages[run.first + i].in_guest = false;
}

/// Moves the frames themselves, so that our mapping of them stays. What does not move is taken
/// out, and sync() puts it in anew.
void RegisterPages::relocate(Block& block, PageRun run, uint64_t to_base) {
  const uint64_t from = gfn(block, run.first);
  const uint64_t to = ((to_base + block.offset) >> kPageShift) + run.first;
  const auto count = static_cast<uint32_t>(run.count);
  if (is_free(to) && is_free(to + count - 1) && !calls_.relocate(from, to, count) &&
      !calls_.set_type(to, count, true))
    return;
  take_out(block, run);
}

void RegisterPages::close() {
  for (Block& b : blocks_)
    each_run(
        b.pages, [](const Page& p) { return p.in_guest; }, [&](PageRun run) { take_out(b, run); });
  update_hidden();
  DomainInfo info;
  if (allowed_ && !calls_.info(info) && info.max_pages >= allowed_)
    calls_.set_max_pages(info.max_pages - allowed_);
  allowed_ = 0;
  seat_ = {};
}

std::byte* RegisterPages::memory(Range range, uint64_t offset) {
  Block* b = block_of(range, offset);
  return b ? b->memory + (offset - b->offset) : nullptr;
}
std::byte* RegisterPages::memory_in_guest(Range range, uint64_t offset) {
  return is_direct(range, offset) ? memory(range, offset) : nullptr;
}
bool RegisterPages::set_trapping(Range range, uint64_t offset, bool trapping) {
  Block* b = block_of(range, offset);
  return b && calls_.set_type(gfn(*b, (offset - b->offset) >> kPageShift), 1, trapping) == 0;
}

uint64_t RegisterPages::frame(Range range, uint64_t offset) const {
  const uint64_t base = seat_[index(range)];
  return base ? (base + offset) >> kPageShift : 0;
}

uint64_t RegisterPages::pages_in_guest() const {
  uint64_t n = 0;
  for (const Block& b : blocks_) n += std::ranges::count_if(b.pages, &Page::in_guest);
  return n;
}

bool RegisterPages::is_direct(Range range, uint64_t offset) const {
  for (const Block& b : blocks_) {
    if (b.range == range && offset - b.offset < b.pages.size() * kPageSize)
      return b.pages[(offset - b.offset) >> kPageShift].in_guest;
  }
  return false;
}

}  // namespace hv::xen

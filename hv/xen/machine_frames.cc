// SPDX-License-Identifier: MIT
#include "hv/xen/machine_frames.h"

#include <sys/mman.h>
#include <sys/random.h>

#include <array>
#include <cstring>

#include "hv/bits.h"

namespace hv::xen {
namespace {

using Table = std::array<uint64_t, kTableEntries>;

constexpr uint64_t kPresent = 1, kWritable = 2, kUser = 4, kLarge = 1 << 7;
constexpr uint64_t kFrameMask = 0x000f'ffff'ffff'f000;
constexpr unsigned kRootGuesses = 200;

unsigned index_at(uint64_t va, unsigned level) { return va >> (12 + 9 * level) & 511; }

/// Words that nobody else has written anywhere.
struct Mark {
  std::array<uint64_t, 8> words;
  static bool make(Mark& m) { return getrandom(&m, sizeof m, 0) == sizeof m; }
  void put(std::byte* page) const { std::memcpy(page, words.data(), sizeof words); }
  [[nodiscard]] bool on(const Table& page) const {
    return std::memcmp(page.data(), words.data(), sizeof words) == 0;
  }
};

}  // namespace

/// One pass over neighbouring pages: the tables of the last one are used again.
struct MachineFrames::Walk {
  Walk(MachineTables& t, uint64_t root) : tables(t) { frame[3] = root; }

  /// The leaf's frame, or nothing. Levels count down from 3 to 0; a large page is nothing of ours.
  bool find(uint64_t va, uint64_t& to) {
    for (unsigned level = 3;; --level) {
      if (!load(level, level == 3 ? frame[3] : to)) return false;
      const uint64_t entry = table[level][index_at(va, level)];
      const uint64_t wanted = kPresent | kWritable | kUser;
      if ((entry & wanted) != wanted) return false;
      to = (entry & kFrameMask) >> kPageShift;
      if (level == 0) return to != 0 && to < kMachineFrameLimit;
      if (entry & kLarge) return false;
    }
  }
  bool load(unsigned level, uint64_t from) {
    if (loaded[level] && frame[level] == from) return true;
    frame[level] = from;
    loaded[level] = tables.read(from, table[level]) == 0;
    return loaded[level];
  }
  MachineTables& tables;
  std::array<Table, 4> table;
  std::array<uint64_t, 4> frame{};
  std::array<bool, 4> loaded{};
};

/// A root is ours if it leads from a fresh page of ours to a frame that holds what was just
/// written.
bool MachineFrames::proves(uint64_t root) {
  void* p = mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (p == MAP_FAILED) return false;
  Mark mark;
  Table page{};
  uint64_t frame = 0;
  bool same = Mark::make(mark);
  if (same) mark.put(static_cast<std::byte*>(p));
  same = same && Walk(*tables_, root).find(reinterpret_cast<uint64_t>(p), frame) &&
         tables_->read(frame, page) == 0 && mark.on(page);
  munmap(p, kPageSize);
  return same;
}

MachineFrames::Opened MachineFrames::open(std::unique_ptr<MachineTables> tables) {
  std::unique_ptr<MachineFrames> m(new MachineFrames(std::move(tables)));
  for (unsigned i = 0; i < kRootGuesses; ++i) {
    uint64_t frame = 0;
    if (m->tables_->guess_root(frame) != 0 || !m->proves(frame)) continue;
    m->root_ = frame;
    return m;
  }
  return std::string(
      "this process's page tables cannot be found; is this a PV dom0 with two processors?");
}

BusFrame MachineFrames::foreign(Walk& walk, const std::byte* page, uint64_t gfn) {
  uint64_t frame = 0;
  if (walk.find(reinterpret_cast<uint64_t>(page), frame) && is_guest_frame(BusFrame{frame}, gfn))
    return BusFrame{frame};
  refusals_ += gfn != kNoGuestFrame;
  return kNoFrame;
}

void MachineFrames::foreign(const std::byte* at, std::span<const uint64_t> gfns,
                            std::span<BusFrame> frames) {
  Walk walk(*tables_, root_);
  for (size_t i = 0; i < gfns.size(); ++i) frames[i] = foreign(walk, at + i * kPageSize, gfns[i]);
}

void MachineFrames::foreign(std::span<const std::byte* const> pages, std::span<const uint64_t> gfns,
                            std::span<BusFrame> frames) {
  Walk walk(*tables_, root_);
  for (size_t i = 0; i < gfns.size(); ++i) frames[i] = foreign(walk, pages[i], gfns[i]);
}

BusFrame MachineFrames::foreign(const std::byte* page, uint64_t gfn) {
  Walk walk(*tables_, root_);
  return foreign(walk, page, gfn);
}

Status MachineFrames::own(std::byte* at, std::span<BusFrame> frames) {
  Walk walk(*tables_, root_);
  Status status;
  for (size_t i = 0; i < frames.size(); ++i) {
    std::byte* page = at + i * kPageSize;
    Mark mark;
    Table found;
    if (!Mark::make(mark)) return Error::io;
    mark.put(page);
    uint64_t frame = 0;
    const bool good = walk.find(reinterpret_cast<uint64_t>(page), frame) &&
                      tables_->read(frame, found) == 0 && mark.on(found);
    std::memset(page, 0, kPageSize);
    frames[i] = good ? BusFrame{frame} : kNoFrame;
    if (!good) status = Error::bad_address;
  }
  return status;
}

}  // namespace hv::xen

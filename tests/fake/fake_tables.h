// SPDX-License-Identifier: MIT
// Page tables of a made-up machine for the walk that finds machine frames.
#pragma once

#include <array>
#include <cerrno>
#include <cstring>
#include <map>

#include "hv/xen/machine_frames.h"

namespace fake {

/// A machine whose tables map all of this process's pages, until a test says otherwise.
class FakeTables final : public hv::xen::MachineTables {
 public:
  using Table = std::array<uint64_t, hv::xen::kTableEntries>;
  static constexpr uint64_t kFlags = 7;

  int guess_root(uint64_t& frame) override {
    frame = wrong_guesses-- > 0 ? 0x99 : code(3, 0);
    return guess_error;
  }
  int read(uint64_t frame, std::span<uint64_t, hv::xen::kTableEntries> to) override {
    ++reads;
    const auto page = pages.find(frame);
    if (page == pages.end() && !(frame & kCode)) return EFAULT;
    std::memcpy(to.data(), page == pages.end() ? table(frame).data() : page->second, hv::kPageSize);
    return 0;
  }
  uint64_t guest_frame(uint64_t frame) override {
    const auto it = m2p.find(frame);
    return it == m2p.end() ? hv::xen::kNoGuestFrame : it->second;
  }
  /// The entry that maps a page, for tests to spoil.
  uint64_t& entry(const void* page, unsigned level = 0) {
    const auto va = reinterpret_cast<uint64_t>(page);
    return table(code(level, va >> (21 + 9 * level)))[va >> (12 + 9 * level) & 511];
  }
  void map(const void* page, uint64_t frame, uint64_t gfn = hv::xen::kNoGuestFrame) {
    entry(page) = frame << 12 | kFlags;
    pages[frame] = page;
    if (gfn != hv::xen::kNoGuestFrame) m2p[frame] = gfn;
  }

  int wrong_guesses = 0, guess_error = 0;
  unsigned reads = 0;
  std::map<uint64_t, const void*> pages;
  std::map<uint64_t, uint64_t> m2p;

 private:
  /// Frames of tables say which part of the address space they are for.
  static constexpr uint64_t kCode = uint64_t{1} << 38;
  static uint64_t code(unsigned level, uint64_t prefix) {
    return kCode | uint64_t{level} << 36 | prefix;
  }
  Table& table(uint64_t frame) {
    const auto [it, fresh] = tables_.try_emplace(frame);
    const unsigned level = frame >> 36 & 3;
    const uint64_t prefix = frame & 0x7ffffff;
    for (uint64_t i = 0; fresh && i < hv::xen::kTableEntries; ++i) {
      const uint64_t next = level ? code(level - 1, prefix << 9 | i) : next_leaf_++;
      it->second[i] = next << 12 | kFlags;
      if (!level) pages[next] = reinterpret_cast<const void*>((prefix << 9 | i) << 12);
    }
    return it->second;
  }
  std::map<uint64_t, Table> tables_;
  uint64_t next_leaf_ = 0x100000;
};

}  // namespace fake

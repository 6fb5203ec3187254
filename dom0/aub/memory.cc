// SPDX-License-Identifier: MIT
// Sparse memory, GGTT look-up and PPGTT walks over it.
#include "dom0/aub/memory.h"

#include <algorithm>
#include <cstring>

#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"

namespace aub {
namespace {

constexpr uint64_t kPages64K = 16;      // 4 KiB pages in a 64 KiB one
constexpr size_t kMaxTables = 1 << 17;  // visited in one walk: 256 GiB of fully mapped space

struct Leaf {
  uint64_t address, bytes;
  bool writable;
};

bool present(uint64_t entry) { return (entry & gen9::kPtePresent) != 0; }
bool writable(uint64_t entry) { return (entry & gen9::kPteWritable) != 0; }

}  // namespace

SinkStatus Memory::write_in_page(uint64_t physical, std::span<const std::byte> data) {
  auto& page = pages_[physical >> hv::kPageShift];
  if (!page) {
    if (pages_.size() > kMaxPages) return std::string("more than 4 GiB of memory is written");
    page = std::make_unique<Page>();
  }
  std::memcpy(page->data() + (physical & hv::kPageMask), data.data(), data.size());
  return {};
}

SinkStatus Memory::write_physical(uint64_t address, std::span<const std::byte> data) {
  while (!data.empty()) {
    const size_t n = std::min<size_t>(data.size(), hv::kPageSize - (address & hv::kPageMask));
    if (SinkStatus s = write_in_page(address, data.first(n)); !s) return s;
    address += n;
    data = data.subspan(n);
  }
  return {};
}

SinkStatus Memory::write_ggtt(uint64_t address, std::span<const std::byte> data) {
  while (!data.empty()) {
    const size_t n = std::min<size_t>(data.size(), hv::kPageSize - (address & hv::kPageMask));
    const auto physical = ggtt(address);
    if (!physical) return std::string("write to a GGTT address that is not mapped");
    if (SinkStatus s = write_in_page(*physical, data.first(n)); !s) return s;
    address += n;
    data = data.subspan(n);
  }
  return {};
}

SinkStatus Memory::write_ggtt_entries(uint64_t byte_offset, std::span<const std::byte> data) {
  if (flat_) return {};  // the older format's table is never used
  if (byte_offset % 8 != 0 || data.size() % 8 != 0) {
    return std::string("GGTT entries are not whole quadwords");
  }
  if (byte_offset > gen9::kGttBytes || data.size() > gen9::kGttBytes - byte_offset) {
    return std::string("GGTT entries beyond the table's end");
  }
  for (size_t i = 0; i < data.size(); i += 8) {
    ggtt_[static_cast<uint32_t>((byte_offset + i) / 8)] = hv::load<uint64_t>(data.data() + i);
  }
  return {};
}

const Memory::Page* Memory::page(uint64_t frame) const {
  const auto it = pages_.find(frame);
  return it == pages_.end() ? nullptr : it->second.get();
}

uint64_t Memory::read64(uint64_t physical) const {
  const Page* p = page(physical >> hv::kPageShift);
  return p == nullptr ? 0
                      : hv::load<uint64_t>(p->data() + (physical & hv::kPageMask & ~uint64_t{7}));
}

std::vector<uint64_t> Memory::frames() const {
  std::vector<uint64_t> all;
  all.reserve(pages_.size());
  for (const auto& [frame, page] : pages_) all.push_back(frame);
  std::sort(all.begin(), all.end());
  return all;
}

std::optional<uint64_t> Memory::ggtt(uint64_t address) const {
  if (flat_) return address;
  const uint64_t index = address >> hv::kPageShift;
  const auto it =
      index < gen9::kGgttEntries ? ggtt_.find(static_cast<uint32_t>(index)) : ggtt_.end();
  if (it == ggtt_.end() || !present(it->second)) return std::nullopt;
  return gen9::pte_address(it->second) | (address & hv::kPageMask);
}

std::optional<uint64_t> Memory::ppgtt(const Ppgtt& tables, uint64_t address) const {
  using gen9::Level;
  if (flat_) return address;
  address = gen9::ppgtt_address(address);
  uint64_t table = tables.roots[0];
  unsigned level = 4;
  if (!tables.four_level) {
    if (address >> 32 != 0) return std::nullopt;
    table = tables.roots[address >> 30];
    level = 2;
  }
  bool pages_of_64k = false;
  for (;; --level) {
    const Level at{static_cast<uint8_t>(level)};
    unsigned index = gen9::entry_index(address, at);
    if (level == 1 && pages_of_64k) index &= ~(static_cast<unsigned>(kPages64K) - 1);
    const uint64_t entry = read64((table & gen9::kPteAddressMask) + index * 8);
    if (!present(entry)) return std::nullopt;
    if (level == 2 && (entry & gen9::kPdePageSize)) {
      return (entry & gen9::kPde2MAddressMask) | (address & (gen9::entry_span(at) - 1));
    }
    if (level == 2) pages_of_64k = (entry & gen9::kPdeIps64K) != 0;
    if (level == 1) {
      const uint64_t bytes = pages_of_64k ? kPages64K * hv::kPageSize : hv::kPageSize;
      return (gen9::pte_address(entry) & ~(bytes - 1)) | (address & (bytes - 1));
    }
    table = gen9::pte_address(entry);
  }
}

struct Memory::Walk {
  std::vector<MappedPage> pages;
  size_t limit;
  size_t tables = kMaxTables;  ///< budget: a table may be its own child
  void add(const Leaf& leaf, uint64_t base) {
    for (uint64_t at = 0; at < leaf.bytes && pages.size() < limit; at += hv::kPageSize) {
      pages.push_back({base + at, (leaf.address + at) >> hv::kPageShift, leaf.writable});
    }
  }
};

void Memory::collect(uint64_t table, unsigned level, uint64_t base, Walk& walk) const {
  const Page* p = page((table & gen9::kPteAddressMask) >> hv::kPageShift);
  if (p == nullptr || walk.tables == 0) return;
  --walk.tables;
  const uint64_t span = gen9::entry_span(gen9::Level{static_cast<uint8_t>(level)});
  for (unsigned i = 0; i < gen9::kEntries && walk.pages.size() < walk.limit; ++i) {
    const uint64_t entry = hv::load<uint64_t>(p->data() + i * 8);
    const uint64_t address = base + i * span;
    if (!present(entry)) continue;
    if (level == 2 && (entry & gen9::kPdePageSize)) {
      walk.add({entry & gen9::kPde2MAddressMask, span, writable(entry)}, address);
    } else if (level == 2 && (entry & gen9::kPdeIps64K)) {
      for (unsigned j = 0; j < gen9::kEntries; j += kPages64K) {
        const uint64_t leaf = read64(gen9::pte_address(entry) + j * 8);
        constexpr uint64_t kBytes = kPages64K * hv::kPageSize;
        if (!present(leaf)) continue;
        walk.add({gen9::pte_address(leaf) & ~(kBytes - 1), kBytes, writable(leaf)},
                 address + j * hv::kPageSize);
      }
    } else if (level == 1) {
      walk.add({gen9::pte_address(entry), hv::kPageSize, writable(entry)}, address);
    } else {
      collect(gen9::pte_address(entry), level - 1, address, walk);
    }
  }
}

std::vector<MappedPage> Memory::mapped(const Ppgtt& tables, size_t limit) const {
  Walk walk{{}, limit};
  if (tables.four_level) {
    collect(tables.roots[0], 4, 0, walk);
  } else {
    for (uint64_t i = 0; i < 4; ++i) collect(tables.roots[i], 2, i << 30, walk);
  }
  return std::move(walk.pages);
}

uint32_t Memory::ggtt_dword(uint64_t address) const {
  const auto physical = ggtt(address & ~uint64_t{3});
  const Page* p = physical ? page(*physical >> hv::kPageShift) : nullptr;
  return p == nullptr ? 0 : hv::load<uint32_t>(p->data() + (*physical & hv::kPageMask));
}

void Memory::set_ggtt_dword(uint64_t address, uint32_t value) {
  const auto physical = ggtt(address & ~uint64_t{3});
  if (physical) (void)write_in_page(*physical, std::as_bytes(std::span(&value, 1)));
}

}  // namespace aub

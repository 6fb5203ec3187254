// SPDX-License-Identifier: MIT
// Guest page tables and their g2v notifications (facts: PVINFO offsets 0x818 and 0x838).
#include "dom0/guests/driver/ppgtt.h"

#include <array>

namespace guests {
namespace {

using gen9::Level;
constexpr uint64_t kValid = gen9::kPtePresent | gen9::kPteWritable;
constexpr uint32_t kNotify = gen9::kPvInfo + 0x818, kPdp0 = gen9::kPvInfo + 0x838;
constexpr uint32_t kCreateL4 = 4, kDestroyL4 = 5;

hv::Gpa entry_at(hv::Gpa table, uint64_t va, Level level) {
  return hv::Gpa{table.v + 8 * gen9::entry_index(va, level)};
}

}  // namespace

std::optional<GuestPpgtt> GuestPpgtt::create(GuestPort& port, Frames& frames) {
  GuestPpgtt p(port, frames);
  const auto scratch_page = p.table_full_of(0);
  if (!scratch_page) return std::nullopt;
  p.scratch_[0] = scratch_page->v | kValid;
  for (unsigned level = 1; level < 4; ++level) {
    const auto table = p.table_full_of(p.scratch_[level - 1]);
    if (!table) return std::nullopt;
    p.scratch_[level] = table->v | kValid;
  }
  const auto root = p.table_full_of(p.scratch_[3]);
  if (!root) return std::nullopt;
  p.root_ = *root;
  p.notify(kCreateL4);
  return p;
}

std::optional<hv::Gpa> GuestPpgtt::table_full_of(uint64_t entry) {
  const auto page = frames_->alloc();
  if (!page) return std::nullopt;
  std::array<uint64_t, gen9::kEntries> entries;
  entries.fill(entry);
  port_->ram_write(*page, std::as_bytes(std::span(entries)));
  tables_.push_back(*page);
  return page;
}

std::optional<hv::Gpa> GuestPpgtt::descend(hv::Gpa table, uint64_t va, Level level) {
  const hv::Gpa at = entry_at(table, va, level);
  const auto entry = port_->ram_load<uint64_t>(at);
  if (entry != scratch_[static_cast<unsigned>(level) - 1]) return hv::Gpa{gen9::pte_address(entry)};
  // Filled before it is linked, as any driver must.
  const auto below = table_full_of(scratch_[static_cast<unsigned>(level) - 2]);
  if (below) port_->ram_store(at, 8, below->v | kValid);
  return below;
}

bool GuestPpgtt::map(uint64_t va, hv::Gpa page, bool writable) {
  std::optional<hv::Gpa> table = root_;
  for (const Level level : {Level::pml4, Level::pdp, Level::pd}) {
    table = descend(*table, va, level);
    if (!table) return false;
  }
  const uint64_t rights = writable ? kValid : gen9::kPtePresent;
  port_->ram_store(entry_at(*table, va, Level::pt), 8, page.v | rights);
  mapped_[va] = page;
  return true;
}

void GuestPpgtt::unmap(uint64_t va) {
  if (mapped_.erase(va) == 0) return;
  std::optional<hv::Gpa> table = root_;
  for (const Level level : {Level::pml4, Level::pdp, Level::pd}) table = descend(*table, va, level);
  port_->ram_store(entry_at(*table, va, Level::pt), 8, scratch_[0]);
}

std::optional<std::vector<hv::Gpa>> GuestPpgtt::populate(uint64_t va, unsigned pages) {
  static constexpr std::array<std::byte, hv::kPageSize> kZero{};
  std::vector<hv::Gpa> got;
  for (unsigned i = 0; i < pages; ++i) {
    const auto page = frames_->alloc();
    if (!page) return std::nullopt;
    port_->ram_write(*page, kZero);
    if (!map(va + i * hv::kPageSize, *page)) return std::nullopt;
    got.push_back(*page);
  }
  return got;
}

void GuestPpgtt::destroy() {
  notify(kDestroyL4);
  for (const hv::Gpa table : tables_) frames_->free(table);
  tables_.clear();
  mapped_.clear();
}

void GuestPpgtt::notify(uint32_t what) {
  if (!port_->virtual_gpu()) return;
  port_->write32(kPdp0, static_cast<uint32_t>(root_.v));
  port_->write32(kPdp0 + 4, static_cast<uint32_t>(root_.v >> 32));
  port_->write32(kNotify, what);
}

}  // namespace guests

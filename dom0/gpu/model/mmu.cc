// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/mmu.h"

#include <algorithm>

namespace gpu::model {
namespace {

constexpr uint32_t kGamwEco = 0x4080, kIps64KField = 0xf;  // GAMW_ECO_DEV_RW_IA
constexpr uint32_t kFaultValid = 1;
constexpr uint64_t kGgttMask = 0xffff'ffff;
constexpr uint64_t kPte64KAddressMask = 0x0000'3fff'ffff'0000;

size_t in_page(uint64_t address, size_t wanted) {
  return std::min<size_t>(wanted, hv::kPageSize - (address & hv::kPageMask));
}

}  // namespace

void Mmu::set_root(uint64_t pdp0) {
  const uint64_t root = gen9::pte_address(pdp0);
  if (root != root_) invalidate_ppgtt();
  root_ = root;
}

uint64_t Mmu::read_entry(hv::BusFrame table, unsigned index, uint64_t va) {
  const std::byte* page = fabric_.bus.page(table);
  if (fabric_.observer)
    fabric_.observer->on_access(
        {engine_, lrca_, false, va, table, index * 8, 8, false, DmaPurpose::table_walk});
  return page ? hv::load<uint64_t>(page + index * 8) : ~uint64_t{0};
}

void Mmu::fill_leaf(Entry& to, uint64_t frame, uint64_t bits) const {
  to.frame = hv::BusFrame{frame};
  to.writable = (bits & gen9::kPteWritable) != 0;
}

bool Mmu::walk(uint64_t va, Entry& to) {
  uint64_t bits = gen9::kPteWritable;  // write permission is the AND over all levels
  uint64_t entry = root_;
  walk_fault_ = FaultType::directory;
  for (const gen9::Level level : {gen9::Level::pml4, gen9::Level::pdp, gen9::Level::pd}) {
    entry = read_entry(gen9::pte_frame(entry), gen9::entry_index(va, level), va);
    if (!(entry & gen9::kPtePresent)) return false;
    if (level == gen9::Level::pdp && (entry & gen9::kPdePageSize)) return false;  // no 1 GiB pages
    bits &= entry;
  }
  if (entry & gen9::kPdePageSize) {
    const uint64_t base = (entry & gen9::kPde2MAddressMask) >> hv::kPageShift;
    fill_leaf(to, base + gen9::entry_index(va, gen9::Level::pt), bits);
    return true;
  }
  walk_fault_ = FaultType::page;
  const bool ips =
      (entry & gen9::kPdeIps64K) && (fabric_.regs.get(kGamwEco) & kIps64KField) == kIps64KField;
  const unsigned index = gen9::entry_index(va, gen9::Level::pt);
  const uint64_t pte = read_entry(gen9::pte_frame(entry), ips ? index & ~15u : index, va);
  if (!(pte & gen9::kPtePresent)) return false;
  const uint64_t frame =
      ips ? ((pte & kPte64KAddressMask) >> hv::kPageShift) + (index & 15) : gen9::pte_frame(pte).v;
  fill_leaf(to, frame, bits & pte);
  return true;
}

bool Mmu::walk_ggtt(uint64_t address, Entry& to) {
  walk_fault_ = FaultType::page;
  const uint64_t pte = fabric_.ggtt.get(address >> hv::kPageShift);
  if (!(pte & gen9::kPtePresent)) return false;
  fill_leaf(to, gen9::pte_frame(pte).v, gen9::kPteWritable);
  return true;
}

void Mmu::refresh(Entry& entry) {
  entry.cpu = fabric_.bus.page(entry.frame);
  entry.epoch = fabric_.epoch;
}

Mmu::Entry* Mmu::translate(bool ggtt, uint64_t address, bool write) {
  const uint64_t page = address >> hv::kPageShift;
  Entry& entry = tlb_[ggtt][(page ^ page >> 10) % kTlbEntries];
  if (entry.page != page || entry.generation != generation_[ggtt]) {
    Entry fresh;
    if (!(ggtt ? walk_ggtt(address, fresh) : walk(address, fresh))) {
      record_fault(ggtt, address, walk_fault_);
      return nullptr;  // what is not mapped is not cached
    }
    fresh.page = page;
    fresh.generation = generation_[ggtt];
    entry = fresh;
  }
  if (entry.epoch != fabric_.epoch) refresh(entry);
  if (write && !entry.writable) {
    record_fault(ggtt, address, FaultType::page);
    return nullptr;
  }
  return &entry;
}

void Mmu::report(const Entry& entry, bool ggtt, uint64_t address, unsigned bytes, bool write,
                 DmaPurpose purpose) const {
  if (!fabric_.observer) return;
  fabric_.observer->on_access({engine_, lrca_, ggtt, address, entry.frame,
                               static_cast<unsigned>(address & hv::kPageMask), bytes, write,
                               purpose});
}

bool Mmu::read(bool ggtt, uint64_t address, std::span<std::byte> to, DmaPurpose purpose) {
  bool ok = true;
  for (size_t done = 0; done < to.size();) {
    const uint64_t at = ggtt ? (address + done) & kGgttMask : gen9::ppgtt_address(address + done);
    const auto piece = to.subspan(done, in_page(at, to.size() - done));
    done += piece.size();
    Entry* entry = translate(ggtt, at, false);
    if (entry) report(*entry, ggtt, at, static_cast<unsigned>(piece.size()), false, purpose);
    if (entry && entry->cpu) {
      std::memcpy(piece.data(), entry->cpu + (at & hv::kPageMask), piece.size());
    } else {
      std::fill(piece.begin(), piece.end(), std::byte{static_cast<uint8_t>(entry ? 0xff : 0)});
    }
    ok = ok && entry != nullptr;
  }
  return ok;
}

bool Mmu::write(bool ggtt, uint64_t address, std::span<const std::byte> from, DmaPurpose purpose) {
  bool ok = true;
  for (size_t done = 0; done < from.size();) {
    const uint64_t at = ggtt ? (address + done) & kGgttMask : gen9::ppgtt_address(address + done);
    const auto piece = from.subspan(done, in_page(at, from.size() - done));
    done += piece.size();
    const Entry* entry = translate(ggtt, at, true);
    if (entry) report(*entry, ggtt, at, static_cast<unsigned>(piece.size()), true, purpose);
    if (entry && entry->cpu)
      std::memcpy(entry->cpu + (at & hv::kPageMask), piece.data(), piece.size());
    ok = ok && entry != nullptr;
  }
  return ok;
}

void Mmu::touch(uint64_t ggtt_address, bool write) {
  const auto bytes = static_cast<unsigned>(in_page(ggtt_address, hv::kPageSize));
  if (const Entry* entry = translate(true, ggtt_address & kGgttMask, write))
    report(*entry, true, ggtt_address & kGgttMask, bytes, write, DmaPurpose::context);
}

const std::byte* Mmu::fetch(bool ggtt, uint64_t address, unsigned bytes, DmaPurpose purpose) {
  const Entry* entry = translate(ggtt, address, false);
  if (!entry) return nullptr;
  report(*entry, ggtt, address, bytes, false, purpose);
  return entry->cpu ? entry->cpu + (address & hv::kPageMask) : nullptr;
}

void Mmu::record_fault(bool ggtt, uint64_t address, FaultType type) {
  faulted_ = true;
  Registers& regs = fabric_.regs;
  if (regs.get(gen9::kRingFault) & kFaultValid)
    return;  // the first one stays until software clears
  regs.set(gen9::kFaultTlbData0, static_cast<uint32_t>(address >> 12));
  regs.set(gen9::kFaultTlbData1, static_cast<uint32_t>(address >> 44 & 0xf) | (ggtt ? 1u << 4 : 0));
  regs.set(gen9::kRingFault, kFaultValid | static_cast<uint32_t>(type) << 1 |
                                 (ggtt ? 1u << 11 : 0) | gen9::info(engine_).fault_id << 12);
}

bool Mmu::take_fault() {
  const bool was = faulted_;
  faulted_ = false;
  return was;
}

std::byte* ApertureMemory::page(uint64_t address) {
  const uint64_t pte = fabric_.ggtt.get(address >> hv::kPageShift);
  return pte & gen9::kPtePresent ? fabric_.bus.page(gen9::pte_frame(pte)) : nullptr;
}

bool ApertureMemory::read(uint64_t address, std::span<std::byte> to) {
  bool ok = true;
  for (size_t done = 0; done < to.size();) {
    const auto piece = to.subspan(done, in_page(address + done, to.size() - done));
    const std::byte* from = page(address + done);
    if (from) {
      std::memcpy(piece.data(), from + ((address + done) & hv::kPageMask), piece.size());
    } else {
      std::fill(piece.begin(), piece.end(), std::byte{0});
    }
    ok = ok && from != nullptr;
    done += piece.size();
  }
  return ok;
}

bool ApertureMemory::write(uint64_t address, std::span<const std::byte> from) {
  bool ok = true;
  for (size_t done = 0; done < from.size();) {
    const auto piece = from.subspan(done, in_page(address + done, from.size() - done));
    std::byte* to = page(address + done);
    if (to) std::memcpy(to + ((address + done) & hv::kPageMask), piece.data(), piece.size());
    ok = ok && to != nullptr;
    done += piece.size();
  }
  return ok;
}

}  // namespace gpu::model

// SPDX-License-Identifier: MIT
// What a guest's PPGTT entry asks for, at each level. SKL PRM vol 5 (Memory Views), per-process
// GTT.
#pragma once

#include <array>
#include <cstdint>

#include "hv/types.h"
#include "shadow/gen9/pte.h"

namespace shadow::ppgtt {

using Entries = std::array<uint64_t, gen9::kEntries>;

/// How a table page is read. One guest page may be several kinds at once.
enum class Kind : uint8_t {
  pt4k,   ///< leaf table of 4 KiB pages
  pt64k,  ///< leaf table under a directory entry with IPS: entry 0 of each 16 counts
  pt2m,   ///< no guest page: stands for a 2 MiB directory entry, split
  pd,
  pdp,
  pml4,
};
constexpr bool is_leaf(Kind k) { return k <= Kind::pt2m; }
constexpr gen9::Level level_of(Kind k) {
  return is_leaf(k)
             ? gen9::Level::pt
             : static_cast<gen9::Level>(static_cast<int>(k) - static_cast<int>(Kind::pd) + 2);
}

/// Address bits the GPU does not have.
inline constexpr uint64_t kReservedAddress = ~uint64_t{0} << 46;
/// A present entry that no guest page can be behind.
inline constexpr uint64_t kBadEntry = uint64_t{1} << 63 | gen9::kPtePresent;
/// Bits of a 4 KiB entry that the shadow keeps: present, writable, PWT, PCD, PAT and the ignored
/// ones.
inline constexpr uint64_t kLeafFlags = 0x1ff;
/// Likewise of an entry that names a table.
inline constexpr uint64_t kTableFlags = 0x1f;

constexpr bool present(uint64_t e) { return e & gen9::kPtePresent; }
constexpr bool reserved(uint64_t e) { return e & kReservedAddress; }
constexpr hv::Gfn gfn_of_entry(uint64_t e) {
  return hv::Gfn{gen9::pte_address(e) >> hv::kPageShift};
}

/// What an entry of an upper table names.
struct Target {
  enum class What : uint8_t { none, bad, table, block } what = What::none;
  Kind kind{};  ///< of the table
};

constexpr Target decode_upper(Kind kind, uint64_t e) {
  using What = Target::What;
  if (!present(e)) return {};
  if (reserved(e)) return {What::bad};
  if (kind == Kind::pml4) return {e & gen9::kPdePageSize ? What::bad : What::table, Kind::pdp};
  // 1 GiB pages are not offered to guests.
  if (kind == Kind::pdp) return {e & gen9::kPdePageSize ? What::bad : What::table, Kind::pd};
  if (e & gen9::kPdePageSize) {
    // Bit 12 is PAT; bits 20:13 must be zero.
    constexpr uint64_t zero = gen9::kPteAddressMask & ~gen9::kPde2MAddressMask & ~hv::bit64(12);
    return {e & zero ? What::bad : What::block, Kind::pt2m};
  }
  return {What::table, e & gen9::kPdeIps64K ? Kind::pt64k : Kind::pt4k};
}

/// A 64 KiB table as the 4 KiB entries it stands for.
constexpr void expand_64k(Entries& e) {
  for (unsigned head = 0; head < gen9::kEntries; head += 16) {
    const uint64_t first = e[head];
    const bool bad = present(first) && (first & 0xf000);
    for (unsigned i = 0; i < 16; ++i) {
      e[head + i] = bad ? kBadEntry : present(first) ? first + (uint64_t{i} << 12) : 0;
    }
  }
}

/// A 2 MiB directory entry as 4 KiB entries: PAT moves from bit 12 to bit 7.
constexpr void expand_2m(uint64_t pde, Entries& e) {
  const uint64_t flags = (pde & kLeafFlags & ~gen9::kPdePageSize) | (pde & hv::bit64(12)) >> 5;
  const uint64_t base = pde & gen9::kPde2MAddressMask;
  for (unsigned i = 0; i < gen9::kEntries; ++i) e[i] = base | uint64_t{i} << 12 | flags;
}

}  // namespace shadow::ppgtt

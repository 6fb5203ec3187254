// SPDX-License-Identifier: MIT
// Page table entries of Gen8/9: GGTT and 4-level PPGTT. SKL PRM vol 5 (Memory Views).
#pragma once

#include <cstdint>

#include "hv/bits.h"
#include "hv/types.h"

namespace gen9 {

inline constexpr uint64_t kPtePresent = 1, kPteWritable = 2;
inline constexpr uint64_t kPdePageSize = uint64_t{1} << 7;  // PDE: 2 MiB page; PDPE: 1 GiB page
inline constexpr uint64_t kPdeIps64K = uint64_t{1} << 11;   // PDE: its table holds 64 KiB pages
inline constexpr uint64_t kPteAddressMask = 0x0000'3fff'ffff'f000;  // bits 45:12
inline constexpr uint64_t kPde2MAddressMask = 0x0000'3fff'ffe0'0000;
inline constexpr unsigned kEntries = 512;

enum class Level : uint8_t { pt = 1, pd = 2, pdp = 3, pml4 = 4 };

constexpr unsigned entry_index(uint64_t va, Level level) {
  return static_cast<unsigned>(va >> (12 + 9 * (static_cast<unsigned>(level) - 1))) & 511;
}
constexpr uint64_t pte_address(uint64_t pte) { return pte & kPteAddressMask; }
constexpr hv::BusFrame pte_frame(uint64_t pte) {
  return hv::BusFrame{pte_address(pte) >> hv::kPageShift};
}
/// Bytes of address space behind one entry of a table at `level`.
constexpr uint64_t entry_span(Level level) {
  return uint64_t{1} << (12 + 9 * (static_cast<unsigned>(level) - 1));
}
inline constexpr uint64_t kPpgttLimit = uint64_t{1} << 48;
/// Command streams carry canonical 48-bit addresses; the GPU ignores bits 63:48.
constexpr uint64_t ppgtt_address(uint64_t canonical) { return canonical & (kPpgttLimit - 1); }

}  // namespace gen9

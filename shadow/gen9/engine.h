// SPDX-License-Identifier: MIT
// The four engines of a Gen9 GPU and what differs between them.
#pragma once

#include <array>
#include <cstdint>

namespace gen9 {

enum class EngineId : uint8_t { rcs, bcs, vcs, vecs };
inline constexpr unsigned kEngines = 4;
inline constexpr std::array<EngineId, kEngines> kAllEngines{EngineId::rcs, EngineId::bcs,
                                                            EngineId::vcs, EngineId::vecs};

using EngineMask = uint8_t;
constexpr EngineMask engine_bit(EngineId e) {
  return static_cast<EngineMask>(1u << static_cast<unsigned>(e));
}
inline constexpr EngineMask kAllEngineMask = 0xf;

/// Facts of one engine. SKL PRM vol 2c; interrupt bits: vol 2c GT Interrupt 0..3.
struct EngineInfo {
  const char* name;        ///< "rcs0" as i915 prints it
  uint32_t mmio_base;      ///< register base
  unsigned context_pages;  ///< logical context image, pages of 4 KiB, PPHWSP included
  uint32_t gt_iir;         ///< offset of the GT IIR that carries its interrupts
  unsigned irq_shift;      ///< 0 or 16 inside that register
  uint32_t reset_bit;      ///< in GDRST 0x941c
  uint32_t tlb_reg;        ///< TLB invalidation register 0x4260..
  unsigned fault_id;       ///< engine id in RING_FAULT 0x4094 bits 14:12
};

inline constexpr std::array<EngineInfo, kEngines> kEngineInfo{{
    {"rcs0", 0x2000, 22, 0x44308, 0, 1u << 1, 0x4260, 0},
    {"bcs0", 0x22000, 2, 0x44308, 16, 1u << 3, 0x426c, 2},
    {"vcs0", 0x12000, 2, 0x44318, 0, 1u << 2, 0x4264, 1},
    {"vecs0", 0x1a000, 2, 0x44338, 0, 1u << 4, 0x4270, 3},
}};

constexpr unsigned index(EngineId e) { return static_cast<unsigned>(e); }
constexpr const EngineInfo& info(EngineId e) { return kEngineInfo[index(e)]; }
/// Offset of a per-engine register, given its offset from the engine's base (0x30 = RING_TAIL).
constexpr uint32_t engine_reg(EngineId e, uint32_t rel) { return info(e).mmio_base + rel; }

}  // namespace gen9

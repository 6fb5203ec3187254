// SPDX-License-Identifier: MIT
// The model's register storage: plain words, masked registers, and the few global registers that
// answer by themselves (forcewake, PCODE, fuses). Engines and interrupts hook in above (core.cc).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "shadow/gen9/engine.h"
#include "shadow/gen9/regs.h"

namespace gpu::model {

/// The engine whose register block holds this offset, or kNoEngine.
inline constexpr unsigned kNoEngine = ~0u, kEngineBlock = 0x800;
constexpr unsigned engine_at(uint32_t offset) {
  switch (offset / kEngineBlock) {
    case 0x2000 / kEngineBlock: return gen9::index(gen9::EngineId::rcs);
    case 0x12000 / kEngineBlock: return gen9::index(gen9::EngineId::vcs);
    case 0x1a000 / kEngineBlock: return gen9::index(gen9::EngineId::vecs);
    case 0x22000 / kEngineBlock: return gen9::index(gen9::EngineId::bcs);
    default: return kNoEngine;
  }
}

/// True for registers whose upper 16 bits choose which lower bits a write changes.
bool is_masked_register(uint32_t offset);

/// Slices the fuses of this device report (1..3).
unsigned slice_count(uint16_t device_id);

class Registers {
 public:
  explicit Registers(uint16_t device_id);

  static constexpr bool valid(uint32_t offset) {
    return offset < gen9::kMmioBytes && (offset & 3) == 0;
  }
  // Only valid offsets.
  [[nodiscard]] uint32_t get(uint32_t offset) const { return words_[offset >> 2]; }
  void set(uint32_t offset, uint32_t value) { words_[offset >> 2] = value; }
  [[nodiscard]] uint64_t get64(uint32_t offset) const {
    return get(offset) | static_cast<uint64_t>(get(offset + 4)) << 32;
  }
  void set64(uint32_t offset, uint64_t value) {
    set(offset, static_cast<uint32_t>(value));
    set(offset + 4, static_cast<uint32_t>(value >> 32));
  }
  /// A write with the register's own semantics.
  void write(uint32_t offset, uint32_t value);

  /// The engine's own block back to reset values. MOCS and everything outside it stay.
  void reset_engine(gen9::EngineId engine);
  /// What a full GT reset loses beside the engines: fences, MOCS, L3 control.
  void reset_gt();

 private:
  void set_fuses(uint16_t device_id);
  struct Free {
    void operator()(uint32_t* p) const { std::free(p); }
  };
  std::unique_ptr<uint32_t[], Free> words_;  // calloc: untouched pages cost nothing
};

}  // namespace gpu::model

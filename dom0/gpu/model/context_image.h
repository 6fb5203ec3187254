// SPDX-License-Identifier: MIT
// Restores and saves logical ring contexts. Page 1 holds the architectural dwords of
// shadow/gen9/context_image.h, then from dword kEngineState the engine's registers as real
// MI_LOAD_REGISTER_IMM blocks up to MI_BATCH_BUFFER_END; the last 8 bytes are the charged time.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dom0/gpu/model/blitter.h"
#include "dom0/gpu/model/mmu.h"
#include "shadow/gen9/context_image.h"

namespace gpu::model {

/// Where a batch goes on: an address and whether it lies in the GGTT.
struct BatchPosition {
  uint64_t address = 0;
  bool ggtt = true;
};

/// What the command streamer itself takes from an image and puts back.
struct ContextState {
  bool restore_inhibited = false;
  uint32_t ring_start = 0, ring_head = 0, ring_tail = 0, ring_ctl = 0;
  unsigned level = 0;                    ///< 0 ring, 1 batch, 2 second-level batch
  std::array<BatchPosition, 3> batch{};  ///< [1], [2]; [1] of level 2 is where it returns to
  uint32_t per_context = 0, indirect = 0;
  uint64_t pdp0 = 0;
  uint32_t timestamp = 0;      ///< CTX_TIMESTAMP, ticks
  uint64_t charged_ns = 0;     ///< the context's own charged time
  uint32_t set_predicate = 0;  ///< MI_SET_PREDICATE mode
  Blitter::State blitter{};
};

class ContextImage {
 public:
  ContextImage(Registers& regs, Mmu& mmu, gen9::EngineId engine)
      : regs_(regs), mmu_(mmu), engine_(engine) {}

  /// Restores the context at `lrca`: fills `to`, loads the root of its PPGTT and executes its
  /// register blocks. False: the image is not mapped or its blocks are damaged; nothing may run.
  bool restore(uint32_t lrca, ContextState& to);
  /// Saves, everything but the ring tail, which stays software's.
  void save(uint32_t lrca, const ContextState& from);
  /// Only the tail (lite restore).
  uint32_t sample_tail(uint32_t lrca);

 private:
  static constexpr unsigned kWords = 1024;
  [[nodiscard]] uint64_t word_address(uint32_t lrca, unsigned word) const;
  void read_state(ContextState& to) const;
  bool load_registers(uint32_t lrca);
  void load_register(uint32_t lrca, uint32_t offset, uint32_t value);
  void clear_registers();
  void store_registers();
  [[nodiscard]] bool has_private_block() const;
  void store_private_block(const ContextState& from);
  void store_architectural(const ContextState& from);
  void touch_render_pages(uint32_t lrca, bool write);

  Registers& regs_;
  Mmu& mmu_;
  gen9::EngineId engine_;
  bool fresh_ = false;  ///< restored with inhibit: its other pages hold nothing yet
  std::array<uint32_t, kWords> words_{};
};

}  // namespace gpu::model

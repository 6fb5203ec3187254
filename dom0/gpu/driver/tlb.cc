// SPDX-License-Identifier: MIT
// Dropping cached translations, with completion seen. SKL PRM vol 2c (GFX_FLSH_CNTL, xCS TLB).
#include <atomic>

#include "dom0/gpu/driver/driver.h"

namespace gpu {

/// An engine that nothing was given to since its translations were dropped has none.
bool Driver::may_translate(EngineId e) const {
  return !config_.silicon || engines_[gen9::index(e)].walked;
}

hv::Status Driver::invalidate_tlbs() {
  constexpr uint64_t kTimeoutUs = 4000;
  if (auto s = usable(); !s) return s;
  // Entries written by the CPU must have landed before the GPU may walk again.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  ggtt_written_ = true;  // page tables, at least
  flush_ggtt();
  // Where no engine's answer follows, the bus's own: what was written has arrived.
  device_.read32(gen9::kGfxFlushCntl);
  for (EngineId e : gen9::kAllEngines)
    if (may_translate(e)) device_.write32(gen9::info(e).tlb_reg, 1);
  for (EngineId e : gen9::kAllEngines) {
    if (!may_translate(e)) continue;
    if (wait_for(gen9::info(e).tlb_reg, 1, 0, kTimeoutUs)) {
      // What is still on it, or on its way to it, goes on filling them.
      engine(e).walked = !ports(e).empty();
      continue;
    }
    // What it still reaches nobody can say: no page may be given to anybody else before it is cut
    // off from memory.
    wedged_ = true;
    return hv::Error::io;
  }
  return {};
}

}  // namespace gpu

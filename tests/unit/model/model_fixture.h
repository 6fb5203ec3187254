// SPDX-License-Identifier: MIT
// One context on one engine, a data page in its PPGTT and one in the GGTT.
#pragma once

#include <gtest/gtest.h>

#include "tests/fake/gpu_world.h"

namespace fake {

/// A PPGTT-mapped page at kData, a batch page at kBatch, a GGTT page at `page`.
struct ModelTest : testing::Test {
  static constexpr uint64_t kData = 0x7f0000000000, kBatch = 0x10000;

  explicit ModelTest(const gpu::model::Config& config = {}) : world(config) {}

  uint32_t data32(unsigned offset = 0) const { return hv::load<uint32_t>(data + offset); }
  uint64_t data64(unsigned offset = 0) const { return hv::load<uint64_t>(data + offset); }
  /// Puts commands in the batch page, ended by MI_BATCH_BUFFER_END, and starts it from the ring.
  void batch(Context& to, const Dwords& commands) {
    put(batch_page, mi::join({commands, {mi::kBatchEnd}}));
    world.emit(to, mi::batch_start(kBatch));
  }
  void run_ring(const Dwords& commands) {
    world.emit(context, commands);
    world.execute(context);
  }
  void run_batch(const Dwords& commands) {
    batch(context, commands);
    world.execute(context);
  }
  uint32_t gpr(unsigned n) { return world.reg(context.engine, gen9::rel::kGpr0 + n * 8); }
  bool faulted() { return (world.model.read32(gen9::kRingFault) & 1) != 0; }
  /// Halted: not idle, yet nothing will happen by itself.
  bool hangs() { return !world.idle(context.engine) && world.model.next_event_ns() == UINT64_MAX; }

  GpuWorld world;
  Ppgtt space{world.memory};
  std::byte* data = space.alloc(kData);
  std::byte* batch_page = space.alloc(kBatch);
  uint32_t page = world.alloc_ggtt();
  Context context = world.make_context(gen9::EngineId::rcs, space.root());
};

}  // namespace fake

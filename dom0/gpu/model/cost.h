// SPDX-License-Identifier: MIT
// The model's cost of commands, all parameters in one place. A stated model, not a measurement.
#pragma once

#include <cstdint>

namespace gpu::model {

/// Nanoseconds of GPU time. Data costs are bytes over bandwidth, added to the command's base.
struct CostParameters {
  uint32_t mi_ns = 20;                    ///< any MI command
  uint32_t state_ns = 40;                 ///< 3DSTATE_*, MEDIA_* state
  uint32_t pipe_control_ns = 400;         ///< PIPE_CONTROL, MI_FLUSH_DW
  uint32_t primitive_ns = 4000;           ///< 3DPRIMITIVE base
  uint32_t vertex_ns = 2;                 ///< per vertex and instance of 3DPRIMITIVE
  uint32_t primitive_max_ns = 2'000'000;  ///< ceiling for one 3DPRIMITIVE
  uint32_t walker_ns = 5000;              ///< GPGPU_WALKER base
  uint32_t thread_group_ns = 100;         ///< per thread group
  uint32_t walker_max_ns = 5'000'000;
  uint32_t blit_ns = 500;               ///< any blit
  uint64_t blit_bytes_per_us = 16'000;  ///< blitter bandwidth
  uint64_t copy_bytes_per_us = 8'000;   ///< command streamer's own data
  uint32_t context_restore_ns = 4000, context_save_ns = 3000;
  uint32_t semaphore_poll_ns = 1000;
  /// Added once a round to a loop that does nothing but look at memory, while nobody else wants the
  /// engine: spin_ns from the second round on, twice as much with each round up to spin_most_ns, so
  /// that what ends the loop is seen after half of its time at the latest. Who spins keeps the GPU,
  /// but not the processor that models it. Hardware goes round faster.
  uint32_t spin_ns = 20'000, spin_most_ns = 8'000'000;
  /// If not 0, the GPU time charged to each MI_BATCH_BUFFER_END that ends a first-level batch, in
  /// place of the commands of that batch (benchmarks set GPU time directly).
  uint64_t fixed_batch_ns = 0;
};

/// Of the GPU's clock, 12 MHz.
constexpr uint64_t ticks(uint64_t ns) { return ns / 250 * 3 + ns % 250 * 3 / 250; }

}  // namespace gpu::model

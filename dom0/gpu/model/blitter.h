// SPDX-License-Identifier: MIT
// The blitter: executes XY_* commands for effect. Linear, X and Y tiling; 8, 16 and 32 bpp;
// clipping. SKL PRM vol 2a (Command Reference: XY_*), vol 10 (Copy Engine).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "shadow/gen9/commands.h"

namespace gpu::model {

/// A graphics address space as a unit of the GPU sees it (through that engine's TLB). Accesses may
/// cross pages. False: a page was not mapped (or, for a write, read-only); the fault is already
/// recorded, unmapped bytes read 0 and their writes are dropped.
class GraphicsMemory {
 public:
  virtual bool read(uint64_t address, std::span<std::byte> to) = 0;
  virtual bool write(uint64_t address, std::span<const std::byte> from) = 0;

 protected:
  ~GraphicsMemory() = default;
};
using BlitMemory = GraphicsMemory;

class Blitter {
 public:
  /// What XY_SETUP_* leave for later commands: part of the context image of the blitter engine.
  static constexpr unsigned kStateDwords = 16;
  using State = std::array<uint32_t, kStateDwords>;
  [[nodiscard]] const State& state() const { return state_; }
  void set_state(const State& state) { state_ = state; }
  /// BCS_SWCTRL (0x22200): bit 0 source, bit 1 destination of XY_* is tile Y where the command
  /// says tiled.
  void set_swctrl(uint32_t value) { swctrl_ = value; }

  /// Executes one whole command (`dwords` has its exact length). Returns the bytes it moved, read
  /// plus written, for the cost model; 0 if the command does nothing (clipped away, setup, or a
  /// form this model refuses: tiles Yf and Ys).
  uint64_t execute(const gen9::CommandDesc& desc, std::span<const uint32_t> dwords,
                   BlitMemory& memory);

  /// One blit writes at most this much; the rows beyond are dropped. The hardware would go on for
  /// seconds with 64 Ki x 64 Ki pixels, and a guest must not be able to stop the model's clock.
  static constexpr uint64_t kMaxBytes = uint64_t{256} << 20;

 private:
  State state_{};
  uint32_t swctrl_ = 0;
  std::vector<std::byte> scratch_;  ///< lines at work; kept to save allocations
};

}  // namespace gpu::model

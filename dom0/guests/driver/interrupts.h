// SPDX-License-Identifier: MIT
// The guest's side of the Gen8/9 interrupt tree: MSI set-up, enables, and one pass of its handler.
#pragma once

#include <array>
#include <cstdint>

#include "dom0/guests/port.h"
#include "shadow/gen9/engine.h"

namespace guests {

/// What one pass of the interrupt handler found.
struct Pending {
  std::array<uint32_t, gen9::kEngines> engine{};  ///< gen9::irq bits
  uint32_t pipe_a = 0;                            ///< vblank bit 0, flip done bit 3
};

/// Finds the MSI capability and points it at `address`; false if there is none.
bool enable_msi(GuestPort& port, uint32_t address, uint16_t data);
/// Enables user and context-switch interrupts of these engines, and the master.
void enable_interrupts(GuestPort& port, gen9::EngineMask engines);
/// The ring's own mask; an engine reset sets it again.
void enable_ring_interrupts(GuestPort& port, gen9::EngineId engine);
/// Vblank and flip-done of pipe A.
void enable_pipe_interrupts(GuestPort& port, uint32_t bits);
/// Master off, read and clear what is set, master on.
Pending take_pending(GuestPort& port);

}  // namespace guests

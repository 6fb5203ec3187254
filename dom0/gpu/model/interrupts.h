// SPDX-License-Identifier: MIT
// The GT part of the Gen8/9 interrupt tree: four ISR/IMR/IIR/IER groups under a master register.
// SKL PRM vol 2c (GT Interrupt 0..3, Master Interrupt Control).
#pragma once

#include <array>
#include <cstdint>

#include "shadow/gen9/engine.h"

namespace gpu::model {

class Interrupts {
 public:
  /// True for offsets that read and write below serve.
  static bool owns(uint32_t offset);
  [[nodiscard]] uint32_t read(uint32_t offset) const;
  void write(uint32_t offset, uint32_t value);

  /// An event of an engine; `bits` before irq_shift, `ring_imr` its RING_IMR.
  void raise(gen9::EngineId engine, uint32_t bits, uint32_t ring_imr);
  /// The interrupt line.
  [[nodiscard]] bool line() const { return line_; }

 private:
  struct Group {
    uint32_t imr = ~0u, iir = 0, ier = 0;
  };
  [[nodiscard]] uint32_t summary() const;
  void update() { line_ = master_ && summary() != 0; }
  std::array<Group, 4> groups_;
  bool master_ = false, line_ = false;
};

}  // namespace gpu::model

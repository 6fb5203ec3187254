// SPDX-License-Identifier: MIT
// The Gen8/9 interrupt tree of one vGPU: event -> IIR -> master -> MSI. SKL PRM vol 2c and vol 12.
#pragma once

#include <cstdint>

#include "mediator/register_file.h"
#include "shadow/gen9/engine.h"

namespace mediator {

/// Where the tree's interrupts go. A call is one message: hardware's edge.
class InterruptSink {
 public:
  virtual ~InterruptSink() = default;
  virtual void raise_msi() = 0;
};

class Interrupts {
 public:
  Interrupts(RegisterFile& regs, InterruptSink& sink) : regs_(regs), sink_(sink) {}

  /// Engine event; `bit` is one of gen9::irq::k*, unshifted. Honours the engine's ring IMR (0xa8),
  /// whose bits stand where the GT register has them (BCS: shifted by 16) and are all set at reset.
  void engine_event(gen9::EngineId engine, uint32_t bit);
  void pipe_event(unsigned pipe, uint32_t bits);  ///< 0x444x0 group: vblank 0, flip done 3..6
  void port_event(uint32_t bits);                 ///< 0x44440 group: AUX done
  void pch_event(uint32_t bits);                  ///< 0xc4000 group: GMBUS, hot plug

  /// Register writes of the groups. `iir` etc. are offsets.
  void write_iir(uint32_t iir, uint32_t value);
  void write_imr(uint32_t imr, uint32_t value);
  void write_ier(uint32_t ier, uint32_t value);
  void write_master(uint32_t value);
  /// Sends again if something is pending and enabled (the guest just enabled MSI).
  void resend();

 private:
  void event(uint32_t group_base, uint32_t bits);
  void update_master(bool edge);
  RegisterFile& regs_;
  InterruptSink& sink_;
};

}  // namespace mediator

// SPDX-License-Identifier: MIT
// The GMBUS I2C controller, with the monitor's EDID behind one pin pair. SKL PRM vol 12, "GMBUS".
#pragma once

#include <cstdint>
#include <vector>

#include "mediator/edid.h"
#include "mediator/interrupts.h"
#include "mediator/mmio_write.h"
#include "mediator/register_file.h"

namespace mediator {

class Gmbus {
 public:
  Gmbus(RegisterFile& regs, Interrupts& interrupts, const Edid& edid)
      : regs_(regs), interrupts_(interrupts), edid_(edid) {}
  void reset() { state_ = {}; }
  /// Which pin pair the EDID answers on; 0: none.
  void connect(uint32_t pin) { state_.monitor_pin = pin; }
  /// A write to GMBUS0..GMBUS3.
  void write(const RegisterWrite& w);
  /// A read of GMBUS0..GMBUS3: data moves on.
  void before_read(uint32_t offset);
  void encode(std::vector<std::byte>& out) const;

 private:
  enum class Phase : uint8_t { idle, reading, writing, waiting };
  struct State {
    uint32_t monitor_pin = 0;
    Phase phase = Phase::idle;
    bool stop_after = false;  ///< the cycle ends with a STOP
    uint32_t remaining = 0;   ///< bytes, at most 511
    uint8_t offset = 0;       ///< next EDID byte
  };

  void command(uint32_t value);
  void start(uint32_t value);
  void take_written(uint32_t data, bool first);
  void data_done();
  void enter(Phase phase, uint32_t extra_status = 0);

  RegisterFile& regs_;
  Interrupts& interrupts_;
  const Edid& edid_;
  State state_;
};

}  // namespace mediator

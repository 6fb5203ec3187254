// SPDX-License-Identifier: MIT
// The sink's side of a DisplayPort AUX channel: native reads and writes of the DPCD, and I2C over
// AUX to the EDID. VESA DisplayPort 1.2, section 2.7.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "mediator/dpcd.h"
#include "mediator/edid.h"

namespace mediator {

class DpAux {
 public:
  static constexpr unsigned kMaxMessage = 20;
  using Reply = std::array<uint8_t, kMaxMessage>;

  explicit DpAux(const Edid& edid) : edid_(edid) {}
  void reset();
  /// Answers one request of at most kMaxMessage bytes. Returns the length of the reply, 0 if the
  /// sink does not take this for a request at all.
  unsigned transact(std::span<const uint8_t> request, Reply& reply);
  [[nodiscard]] const Dpcd& dpcd() const { return dpcd_; }
  [[nodiscard]] uint8_t edid_offset() const { return offset_; }

 private:
  unsigned native(bool read, uint32_t address, std::span<const uint8_t> body, Reply& reply);
  unsigned i2c(bool read, uint32_t address, std::span<const uint8_t> body, Reply& reply);

  const Edid& edid_;
  Dpcd dpcd_;
  uint8_t offset_ = 0;  ///< where the next EDID byte is read
};

}  // namespace mediator

// SPDX-License-Identifier: MIT
// One register write as a hook sees it.
#pragma once

#include <cstdint>

#include "hv/bits.h"
#include "mediator/register_table.h"

namespace mediator {

struct RegisterWrite {
  const RegisterDesc& row;
  uint32_t offset;  ///< dword aligned, inside the row
  uint32_t value;   ///< bytes the guest did not write are zero
  uint32_t lanes;   ///< ones in the bytes the guest wrote
  uint32_t old;

  /// The register as plain storage would have it.
  [[nodiscard]] uint32_t merged() const { return (old & ~lanes) | value; }
  /// Which of the lower 16 bits a masked register takes.
  [[nodiscard]] uint32_t mask() const { return value >> 16 & lanes; }
  [[nodiscard]] uint32_t masked() const { return (old & ~mask()) | (value & mask()); }
};

}  // namespace mediator

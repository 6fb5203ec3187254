// SPDX-License-Identifier: MIT
// The mailbox to the power control unit. Every command completes at once.
#pragma once

#include <cstdint>

#include "mediator/register_file.h"

namespace mediator {

/// The guest wrote `value` to the mailbox register.
void pcode_command(RegisterFile& regs, uint32_t value);

}  // namespace mediator

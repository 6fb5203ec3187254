// SPDX-License-Identifier: MIT
// Register rows of the interrupt tree. SKL PRM vol 2c, "Interrupt registers".
#pragma once

#include "mediator/register_table_rows.h"
#include "shadow/gen9/regs.h"

namespace mediator::rows {

/// ISR, IMR, IIR and IER of one group.
constexpr Rows<4> irq_group(uint32_t base, const char* unit, uint32_t isr = 0) {
  Rows<4> rows{{read_only(base, "ISR", isr), hooked(Hook::irq_imr, base + 4, "IMR", 0xffffffff),
                hooked(Hook::irq_iir, base + 8, "IIR"), hooked(Hook::irq_ier, base + 12, "IER")}};
  for (RegisterDesc& d : rows) d.unit = unit;
  return rows;
}

inline constexpr auto kIrqRows = cited(
    join(Rows<2>{{plain(0x44050, "DERRMR", 0xffffffff),
                  hooked(Hook::irq_master, gen9::kMasterIrq, "MASTER_IRQ")}},
         irq_group(0x44300, "GT0"), irq_group(0x44310, "GT1"), irq_group(0x44320, "GT2"),
         irq_group(0x44330, "GT3"), irq_group(0x44400, "DE_PIPE_A"),
         irq_group(0x44410, "DE_PIPE_B"), irq_group(0x44420, "DE_PIPE_C"),
         irq_group(0x44440, "DE_PORT"), irq_group(0x44460, "DE_MISC"), irq_group(0x444e0, "PCU"),
         // The live state of the hot-plug pins: something is plugged into port D.
         irq_group(0xc4000, "PCH", hv::bit(23))),
    "SKL PRM vol 2c");

}  // namespace mediator::rows

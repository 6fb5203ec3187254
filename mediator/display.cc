// SPDX-License-Identifier: MIT
// The virtual display's registers.
#include "mediator/display.h"

#include "mediator/device_model.h"
#include "mediator/mmio_write.h"

namespace mediator {

Display::Display(const VgpuConfig& config, RegisterFile& regs, Interrupts& interrupts,
                 DeviceSink& sink, DeviceCounts& counts)
    : config_(config), regs_(regs), interrupts_(interrupts), sink_(sink), counts_(counts) {}

bool Display::write(const RegisterWrite& w) {
  regs_.set(w.offset, w.merged());
  return true;
}
void Display::before_read(Hook, uint32_t) {}
void Display::before_mask_change(uint32_t) {}
uint64_t Display::next_deadline_ns() const { return UINT64_MAX; }
void Display::run_timers(uint64_t) {}
PlaneView Display::primary(unsigned) const { return {}; }
PlaneView Display::cursor(unsigned) const { return {}; }
void Display::flip(unsigned, uint32_t, uint32_t, bool) {}
void Display::plug(bool) {}
void Display::reset() {}
void Display::encode(std::vector<std::byte>&) const {}

}  // namespace mediator

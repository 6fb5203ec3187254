// SPDX-License-Identifier: MIT
// The interrupt tree: which event sets which IIR bit, and when that becomes a message.
#include "mediator/interrupts.h"

#include <array>

namespace mediator {
namespace {

// Registers of a group, relative to its ISR.
constexpr uint32_t kImr = 4, kIir = 8, kIer = 12;

/// Which bits of which group make which bit of the master register. SKL PRM vol 2c,
/// "Master Interrupt Control".
struct Summary {
  uint32_t group, mask, master;
};
constexpr std::array<Summary, 13> kSummaries{{
    {0x44300, 0x0000ffff, hv::bit(0)},   // RCS
    {0x44300, 0xffff0000, hv::bit(1)},   // BCS
    {0x44310, 0x0000ffff, hv::bit(2)},   // VCS
    {0x44310, 0xffff0000, hv::bit(3)},   // VCS2
    {0x44320, 0xffffffff, hv::bit(4)},   // power management
    {0x44330, 0xffffffff, hv::bit(6)},   // VECS
    {0x44400, 0xffffffff, hv::bit(16)},  // pipe A
    {0x44410, 0xffffffff, hv::bit(17)},  // pipe B
    {0x44420, 0xffffffff, hv::bit(18)},  // pipe C
    {0x44440, 0xffffffff, hv::bit(20)},  // ports
    {0x44460, 0xffffffff, hv::bit(22)},  // miscellaneous
    {0xc4000, 0xffffffff, hv::bit(23)},  // PCH
    {0x444e0, 0xffffffff, hv::bit(30)},  // power control unit
}};

}  // namespace

void Interrupts::engine_event(gen9::EngineId engine, uint32_t bit) {
  const gen9::EngineInfo& e = gen9::info(engine);
  // The ring's own mask uses the bit positions of the GT register it feeds.
  const uint32_t bits = bit << e.irq_shift;
  event(e.gt_iir - kIir, bits & ~regs_.get(gen9::engine_reg(engine, gen9::rel::kImr)));
}
void Interrupts::pipe_event(unsigned pipe, uint32_t bits) { event(0x44400 + 0x10 * pipe, bits); }
void Interrupts::port_event(uint32_t bits) { event(0x44440, bits); }
void Interrupts::pch_event(uint32_t bits) { event(0xc4000, bits); }

/// Each IIR bit is an edge: one that is already set waits for the guest and sends nothing. Nor does
/// one that joins others of its group: the guest has their message, and will find them all.
void Interrupts::event(uint32_t group_base, uint32_t bits) {
  const uint32_t iir = regs_.get(group_base + kIir);
  const uint32_t fresh = bits & ~regs_.get(group_base + kImr) & ~iir;
  if (fresh == 0) return;
  const uint32_t enabled = regs_.get(group_base + kIer);
  const bool sent = (iir & enabled) != 0;
  regs_.set(group_base + kIir, iir | fresh);
  update_master(!sent && (fresh & enabled) != 0);
}

void Interrupts::write_iir(uint32_t iir, uint32_t value) {
  const uint32_t left = regs_.get(iir) & ~value;
  regs_.set(iir, left);
  // What came in while the guest handled the rest must not be lost.
  update_master((left & regs_.get(iir - kIir + kIer)) != 0);
}
void Interrupts::write_imr(uint32_t imr, uint32_t value) { regs_.set(imr, value); }

void Interrupts::write_ier(uint32_t ier, uint32_t value) {
  const uint32_t enabled = value & ~regs_.get(ier);
  regs_.set(ier, value);
  update_master((enabled & regs_.get(ier - kIer + kIir)) != 0);
}

void Interrupts::write_master(uint32_t value) {
  const uint32_t pending = regs_.get(gen9::kMasterIrq) & ~gen9::kMasterIrqEnable;
  regs_.set(gen9::kMasterIrq, pending | (value & gen9::kMasterIrqEnable));
  update_master(true);
}

void Interrupts::resend() { update_master(true); }

void Interrupts::update_master(bool edge) {
  uint32_t master = regs_.get(gen9::kMasterIrq) & gen9::kMasterIrqEnable;
  for (const Summary& s : kSummaries)
    if (regs_.get(s.group + kIir) & regs_.get(s.group + kIer) & s.mask) master |= s.master;
  regs_.set(gen9::kMasterIrq, master);
  const bool pending = (master & ~gen9::kMasterIrqEnable) != 0;
  if (edge && pending && (master & gen9::kMasterIrqEnable)) sink_.raise_msi();
}

}  // namespace mediator

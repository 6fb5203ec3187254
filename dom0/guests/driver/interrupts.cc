// SPDX-License-Identifier: MIT
// Interrupt registers as i915's gen8 code drives them (facts 2.3; SKL PRM vol 2c).
#include "dom0/guests/driver/interrupts.h"

namespace guests {
namespace {

constexpr uint32_t kPipeAIir = 0x44408, kMasterPipeA = hv::bit(16);
constexpr uint32_t kEngineBits =
    gen9::irq::kUser | gen9::irq::kCsError | gen9::irq::kContextSwitch | gen9::irq::kWaitSemaphore;

struct Group {
  uint32_t iir;
  uint32_t master_bits;
};
constexpr Group kGtGroups[] = {{0x44308, 3}, {0x44318, 0xc}, {0x44338, hv::bit(6)}};

// ISR, IMR, IIR, IER stand four bytes apart.
void enable_group(GuestPort& port, uint32_t iir, uint32_t bits) {
  port.write32(iir, ~uint32_t{0});
  port.write32(iir + 4, bits);
  port.write32(iir - 4, ~bits);
}

uint32_t take_iir(GuestPort& port, uint32_t iir) {
  const uint32_t bits = port.read32(iir);
  if (bits) port.write32(iir, bits);
  return bits;
}

void split(uint32_t iir, uint32_t bits, Pending& to) {
  for (const gen9::EngineId e : gen9::kAllEngines) {
    const gen9::EngineInfo& i = gen9::info(e);
    if (i.gt_iir == iir) to.engine[gen9::index(e)] = bits >> i.irq_shift & 0xffff;
  }
}

}  // namespace

bool enable_msi(GuestPort& port, uint32_t address, uint16_t data) {
  constexpr unsigned kCapabilities = 0x34, kMsi = 5;
  uint64_t cap = port.config_read(kCapabilities, 1);
  for (unsigned i = 0; i < 48 && cap >= 0x40 && cap < 0xf6; ++i) {
    if (port.config_read(cap, 1) != kMsi) {
      cap = port.config_read(cap + 1, 1);
      continue;
    }
    port.config_write(cap + 4, 4, address);
    port.config_write(cap + 8, 2, data);
    port.config_write(cap + 2, 2, port.config_read(cap + 2, 2) | 1);
    return true;
  }
  return false;
}

void enable_interrupts(GuestPort& port, gen9::EngineMask engines) {
  for (const Group& g : kGtGroups) {
    uint32_t bits = 0;
    for (const gen9::EngineId e : gen9::kAllEngines)
      if ((engines & gen9::engine_bit(e)) && gen9::info(e).gt_iir == g.iir)
        bits |= kEngineBits << gen9::info(e).irq_shift;
    enable_group(port, g.iir, bits);
  }
  port.write32(gen9::kMasterIrq, gen9::kMasterIrqEnable);
}

void enable_ring_interrupts(GuestPort& port, gen9::EngineId engine) {
  // The ring's mask has its bits where the group has them.
  port.write32(gen9::engine_reg(engine, gen9::rel::kImr),
               ~(kEngineBits << gen9::info(engine).irq_shift));
}

void enable_pipe_interrupts(GuestPort& port, uint32_t bits) { enable_group(port, kPipeAIir, bits); }

Pending take_pending(GuestPort& port) {
  Pending found;
  port.write32(gen9::kMasterIrq, 0);
  const uint32_t master = port.read32(gen9::kMasterIrq);
  for (const Group& g : kGtGroups)
    if (master & g.master_bits) split(g.iir, take_iir(port, g.iir), found);
  if (master & kMasterPipeA) found.pipe_a = take_iir(port, kPipeAIir);
  port.write32(gen9::kMasterIrq, gen9::kMasterIrqEnable);
  return found;
}

}  // namespace guests

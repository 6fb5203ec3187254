// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/core.h"

#include <algorithm>

#include "dom0/gpu/model/engine.h"
#include "dom0/gpu/model/privilege.h"

namespace gpu::model {
Core::Core(DmaBus& bus, const Config& c) : config(c), regs(c.device_id), fabric(bus, regs) {
  for (const gen9::EngineId e : gen9::kAllEngines)
    engines_[gen9::index(e)] = std::make_unique<Engine>(*this, e);
}

Core::~Core() = default;

Engine* Core::owner(uint32_t offset) {
  const unsigned engine = engine_at(offset);
  return engine == kNoEngine ? nullptr : engines_[engine].get();
}

uint32_t Core::read(uint32_t offset) {
  if (!Registers::valid(offset)) return 0;
  if (Engine* e = owner(offset)) return e->read(offset % kEngineBlock);
  return Interrupts::owns(offset) ? irq.read(offset) : regs.get(offset);
}

void Core::write(uint32_t offset, uint32_t value) {
  if (!Registers::valid(offset)) return;
  enter();
  const uint32_t before = regs.get(offset);
  write_by_cpu(offset, value);
  if (fabric.state && !is_control_register(offset) && !Interrupts::owns(offset))
    fabric.state->on_register({0, offset, before, regs.get(offset)});
}

void Core::write_by_cpu(uint32_t offset, uint32_t value) {
  if (Engine* e = owner(offset)) return e->write(offset % kEngineBlock, value);
  if (Interrupts::owns(offset)) return irq.write(offset, value);
  if (offset == gen9::kGdrst) return reset(value);  // self-clearing: reads 0
  for (const auto& e : engines_) {
    if (offset == gen9::kGfxFlushCntl) e->mmu().invalidate_ggtt();
    if (offset != gen9::info(e->id()).tlb_reg) continue;
    e->mmu().invalidate();  // done at once: reads 0
    return;
  }
  regs.write(offset, value);
}

uint32_t Core::command_read(uint32_t offset) { return read(offset); }

void Core::command_write(Engine& from, uint32_t offset, uint32_t value) {
  namespace rel = gen9::rel;
  if (!Registers::valid(offset) || is_control_register(offset) || Interrupts::owns(offset)) return;
  const uint32_t base = gen9::info(from.id()).mmio_base;
  if (offset == base + rel::kMiMode) value &= ~gen9::kMiModeStopRing;
  const uint32_t before = regs.get(offset);
  regs.write(offset, value);
  if (fabric.state) fabric.state->on_register({from.lrca(), offset, before, regs.get(offset)});
  if (offset == base + rel::kPdp0Ldw) from.set_root(regs.get64(offset));
}

void Core::reset(uint32_t gdrst) {
  const bool full = (gdrst & gen9::kGdrstFull) != 0;
  if (full) regs.reset_gt();
  for (const auto& e : engines_)
    if (full || (gdrst & gen9::info(e->id()).reset_bit)) e->reset();
}

void Core::raise(gen9::EngineId engine, uint32_t bits) {
  irq.raise(engine, bits, regs.get(gen9::engine_reg(engine, gen9::rel::kImr)));
}

bool Core::others_active(const Engine& engine) const {
  return std::any_of(engines_.begin(), engines_.end(),
                     [&](const auto& e) { return e.get() != &engine && e->active(); });
}

/// Always the engine with the earliest event, the lower number first; it may go on alone until
/// another one's turn.
void Core::work_until(uint64_t ns) {
  while (!stopped()) {
    unsigned first = 0;
    for (unsigned i = 1; i < gen9::kEngines; ++i)
      if (engines_[i]->next() < engines_[first]->next()) first = i;
    if (engines_[first]->next() > ns || engines_[first]->next() == kNever) break;
    uint64_t limit = ns;
    for (unsigned i = 0; i < gen9::kEngines; ++i) {
      const uint64_t next = engines_[i]->next();
      if (i != first && next != kNever) limit = std::min(limit, i < first ? next - 1 : next);
    }
    engines_[first]->run(std::min(limit, kNever - 1));
  }
}

void Core::advance_to(uint64_t ns) {
  enter();
  for (const auto& e : engines_) e->wake(now);
  work_until(ns);
  if (!stopped()) now = std::max(now, ns);
}

uint64_t Core::advance_until_interrupt(uint64_t ns) {
  stop_on_interrupt_ = true;
  advance_to(ns);
  stop_on_interrupt_ = false;
  return now;
}

uint64_t Core::next_event_ns() const {
  uint64_t next = kNever;
  for (const auto& e : engines_) next = std::min(next, e->next_visible());
  return next;
}

}  // namespace gpu::model

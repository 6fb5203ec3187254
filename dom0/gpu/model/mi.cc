// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/mi.h"

#include "dom0/gpu/model/privilege.h"

namespace gpu::model {
namespace {

using gen9::Cmd;
namespace rel = gen9::rel;

constexpr uint32_t kUseGgtt = hv::bit(22);
constexpr uint32_t kRegisterMask = 0x7ffffc;

bool uses_ggtt(Dwords d) { return (d[0] & kUseGgtt) != 0; }

void load_register_imm(Engine& e, Dwords d) {
  for (size_t i = 1; i + 1 < d.size(); i += 2) store_register(e, d[i] & kRegisterMask, d[i + 1]);
}

void load_register_reg(Engine& e, Dwords d) {
  const uint32_t from = d[1] & kRegisterMask;
  if (may_read_register(e, from))
    store_register(e, d[2] & kRegisterMask, e.core().command_read(from));
}

void load_register_mem(Engine& e, Dwords d) {
  if (!operand_space(e, uses_ggtt(d))) return;
  const auto value = e.mmu().get<uint32_t>(uses_ggtt(d), address_at(d, 2));
  store_register(e, d[1] & kRegisterMask, value);
}

void store_register_mem(Engine& e, Dwords d) {
  constexpr uint32_t kPredicate = hv::bit(21);
  const uint32_t from = d[1] & kRegisterMask;
  if ((d[0] & kPredicate) && !(e.reg(rel::kPredicateResult) & 1)) return;
  if (!operand_space(e, uses_ggtt(d)) || !may_read_register(e, from)) return;
  e.mmu().put(uses_ggtt(d), address_at(d, 2), e.core().command_read(from));
}

/// The longer form stores both dwords, whatever its Store Qword bit says, and at any dword: Mesa's
/// Vulkan driver patches a batch's return address so.
void store_data_imm(Engine& e, Dwords d) {
  if (!operand_space(e, uses_ggtt(d))) return;
  if (d.size() > 4) {
    e.mmu().put(uses_ggtt(d), address_at(d, 1), d[3] | static_cast<uint64_t>(d[4]) << 32);
  } else {
    e.mmu().put(uses_ggtt(d), address_at(d, 1), d[3]);
  }
}

/// Under execlists the page indexed is the running context's own.
void store_data_index(Engine& e, Dwords d) {
  const uint64_t at = e.hwsp() + (d[1] & 0xffc);
  e.mmu().put(true, at, d[2], DmaPurpose::status);
  if (d.size() > 3 && (d[1] & 0xffc) < 0xffc) e.mmu().put(true, at + 4, d[3], DmaPurpose::status);
}

void copy_mem_mem(Engine& e, Dwords d) {
  const bool to_ggtt = (d[0] & hv::bit(21)) != 0, from_ggtt = uses_ggtt(d);
  if (!operand_space(e, to_ggtt || from_ggtt)) return;
  e.mmu().put(to_ggtt, address_at(d, 1), e.mmu().get<uint32_t>(from_ggtt, address_at(d, 3)));
}

void update_gtt(Engine& e, Dwords d) {
  uint64_t index = d[1] >> hv::kPageShift;
  for (size_t i = 2; i + 1 < d.size(); i += 2)
    e.core().fabric.ggtt.set(index++, d[i] | static_cast<uint64_t>(d[i + 1]) << 32);
}

void batch_buffer_start(Engine& e, Dwords d) {
  constexpr uint32_t kPpgtt = hv::bit(8), kPredicate = hv::bit(15), kAddOffset = hv::bit(16);
  constexpr uint32_t kSecondLevel = hv::bit(22), kAddressOffset = 0x1b4;
  if ((d[0] & kPredicate) && !(e.reg(rel::kPredicateResult1) & 1)) return;
  uint64_t at = address_at(d, 1);
  if (d[0] & kAddOffset) at += e.reg(kAddressOffset) & ~3u;
  e.start_batch({at, (d[0] & kPpgtt) == 0}, (d[0] & kSecondLevel) != 0);
}

/// Ends the batch unless memory is greater than the inline value.
void conditional_batch_buffer_end(Engine& e, Dwords d) {
  constexpr uint32_t kMaskMode = hv::bit(19);
  if (!operand_space(e, uses_ggtt(d))) return;
  const uint64_t at = address_at(d, 2);
  auto value = e.mmu().get<uint32_t>(uses_ggtt(d), at);
  if (d[0] & kMaskMode) value &= e.mmu().get<uint32_t>(uses_ggtt(d), at + 4);
  if (value <= d[1]) e.end_batch();
}

void semaphore_signal(Engine& e, Dwords d) {
  using gen9::EngineId;
  constexpr EngineId kTargets[4] = {EngineId::rcs, EngineId::vcs, EngineId::bcs, EngineId::vecs};
  const uint32_t target = d[0] >> 15 & 7;
  if (target >= std::size(kTargets)) return;
  e.core().engine(kTargets[target]).signal(d[1]);
  e.yield();
}

void noop_with_id(Engine& e, Dwords d) { e.set_reg(rel::kNopid, d[0] & 0x3fffff); }

}  // namespace

void store_register(Engine& e, uint32_t offset, uint32_t value) {
  if (!e.privileged() && !is_user_register(e.core().regs, e.id(), offset)) return;
  e.core().command_write(e, offset, value);
}

bool may_read_register(Engine& e, uint32_t offset) {
  return Registers::valid(offset) &&
         (e.privileged() || is_user_readable(e.core().regs, e.id(), offset));
}

bool predicate_allows(Engine& e, Cmd id) {
  const uint32_t mode = e.predicate_mode();
  if (mode == 0 || id == Cmd::mi_set_predicate || id == Cmd::mi_batch_buffer_end) return true;
  const bool result = e.reg(rel::kPredicateResult) & 1, two = e.reg(rel::kMiPredicateResult2) & 1;
  const unsigned slices = slice_count(e.core().config.device_id);
  switch (mode) {
    case 1: return two;
    case 2: return !two;
    case 3: return result;
    case 4: return !result;
    case 5:
    case 6:
    case 7: return slices == mode - 4;
    case 15: return false;
    default: return true;
  }
}

bool semaphore_satisfied(Engine& e, Dwords d) {
  constexpr uint32_t kRegisterPoll = hv::bit(16);
  const uint32_t offset = d[2] & kRegisterMask;
  const bool from_register = (d[0] & kRegisterPoll) != 0;
  if (from_register && !may_read_register(e, offset)) return true;
  const uint32_t memory = from_register ? e.core().command_read(offset)
                                        : e.mmu().get<uint32_t>(uses_ggtt(d), address_at(d, 2));
  switch (d[0] >> 12 & 7) {
    case 0: return memory > d[1];
    case 1: return memory >= d[1];
    case 2: return memory < d[1];
    case 3: return memory <= d[1];
    case 4: return memory == d[1];
    case 5: return memory != d[1];
    default: return true;  // reserved
  }
}

Outcome execute_mi(Engine& e, const gen9::CommandDesc& desc, Dwords d) {
  if (!e.privileged() && is_privileged_command(desc.id)) return Outcome::retired;
  switch (desc.id) {
    case Cmd::mi_noop: noop_with_id(e, d); break;
    case Cmd::mi_user_interrupt: e.raise(gen9::irq::kUser); break;
    case Cmd::mi_arb_on_off: e.set_arbitration((d[0] & 1) != 0); break;
    case Cmd::mi_batch_buffer_start: batch_buffer_start(e, d); break;
    case Cmd::mi_batch_buffer_end: e.end_batch(); break;
    case Cmd::mi_conditional_batch_buffer_end: conditional_batch_buffer_end(e, d); break;
    case Cmd::mi_predicate: execute_predicate(e, d[0]); break;
    case Cmd::mi_set_predicate: e.set_predicate_mode(d[0] & 0xf); break;
    case Cmd::mi_math: execute_math(e, d); break;
    case Cmd::mi_atomic: execute_atomic(e, d); break;
    case Cmd::mi_semaphore_signal: semaphore_signal(e, d); break;
    case Cmd::mi_load_register_imm: load_register_imm(e, d); break;
    case Cmd::mi_load_register_reg: load_register_reg(e, d); break;
    case Cmd::mi_load_register_mem: load_register_mem(e, d); break;
    case Cmd::mi_store_register_mem: store_register_mem(e, d); break;
    case Cmd::mi_store_data_imm: store_data_imm(e, d); break;
    case Cmd::mi_store_data_index: store_data_index(e, d); break;
    case Cmd::mi_copy_mem_mem: copy_mem_mem(e, d); break;
    case Cmd::mi_update_gtt: update_gtt(e, d); break;
    default: break;  // display, performance reports, URB, 3D: time only
  }
  return Outcome::retired;
}

}  // namespace gpu::model

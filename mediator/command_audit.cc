// SPDX-License-Identifier: MIT
// The rules of single commands. Field positions: SKL PRM vol 2a, under each command's name.
#include "mediator/command_audit.h"

#include <algorithm>
#include <array>

#include "hv/bits.h"
#include "hv/types.h"
#include "mediator/register_access.h"

namespace mediator {
namespace {

using gen9::Audit;
using gen9::Cmd;
using gen9::Space;
using hv::bit;

constexpr uint32_t kRegisterOffset = 0x007ffffc;  // bits 22:2
constexpr Verdict kFine{};

constexpr Verdict refused(Reject reason, uint32_t detail) { return {reason, detail}; }

/// MI_MATH: one ALU instruction (opcode 31:20, operands 19:10 and 9:0) names GPRs and ALU state
/// only.
bool alu_opcode_known(uint32_t instruction) {
  constexpr std::array<uint32_t, 12> kKnown{0x000, 0x080, 0x081, 0x480, 0x481, 0x100,
                                            0x101, 0x102, 0x103, 0x104, 0x180, 0x580};
  return std::find(kKnown.begin(), kKnown.end(), instruction >> 20) != kKnown.end();
}
bool alu_operand_known(uint32_t operand) {
  const bool gpr = operand < 16, source = operand == 0x20 || operand == 0x21;
  return gpr || source || (operand >= 0x31 && operand <= 0x33);
}

}  // namespace

void CommandAudit::replace(std::span<uint32_t> copy, size_t at, uint32_t value) {
  if (copy[at] == value) return;
  const uint32_t original = copy[at];
  copy[at] = value;
  host_.patched(at, original);
}

uint64_t CommandAudit::address(unsigned dword) const {
  return (cmd_[dword] & ~uint32_t{3}) | uint64_t{cmd_[dword + 1] & 0xffff} << 32;
}

Verdict CommandAudit::check(const gen9::CommandDesc& desc, std::span<uint32_t> copy, size_t at,
                            unsigned dwords) {
  desc_ = &desc;
  copy_ = copy;
  cmd_ = copy.subspan(at, dwords);
  at_ = at;
  switch (desc.audit) {
    case Audit::refuse: return refused(Reject::forbidden_command, cmd_[0]);
    case Audit::refuse_privileged:
      if (!user()) return refused(Reject::forbidden_command, cmd_[0]);
      break;
    case Audit::display: return emulate();
    default: break;
  }
  return by_id();
}

Verdict CommandAudit::by_id() {
  switch (desc_->id) {
    case Cmd::mi_batch_buffer_start: return batch_start();
    case Cmd::mi_batch_buffer_end: return batch_end();
    case Cmd::mi_load_register_imm: return load_immediate();
    case Cmd::mi_load_register_mem: return memory_register(true);
    case Cmd::mi_store_register_mem: return memory_register(false);
    case Cmd::mi_load_register_reg: return register_register();
    case Cmd::mi_math: return math();
    case Cmd::pipe_control: return pipe_control();
    case Cmd::mi_flush_dw: return flush();
    case Cmd::mi_atomic: return atomic();
    case Cmd::mi_store_data_index: return store_index();
    case Cmd::mi_semaphore_wait: return semaphore_wait();
    case Cmd::mi_store_data_imm: return store_immediate();
    case Cmd::mi_user_interrupt: user_interrupt_ = true; return kFine;
    case Cmd::mi_arb_on_off: allow_arbitration(); return kFine;
    case Cmd::mi_set_predicate:
      // A skipped batch start would let the blitter run into what nobody audited.
      if (request_.engine != gen9::EngineId::bcs || (cmd_[0] & 0xf) == 0) return kFine;
      return refused(Reject::forbidden_command, cmd_[0]);
    default: return addresses();
  }
}

Verdict CommandAudit::addresses() {
  for (unsigned i = 0; i < desc_->address_count; ++i) {
    const Verdict v = operand(desc_->addresses[i], desc_->addresses[i].bytes);
    if (v.reason != Reject::none) return v;
  }
  return kFine;
}

/// Refuses a user's GGTT operand, relocates a privileged stream's; PPGTT operands stay.
Verdict CommandAudit::operand(const gen9::AddressOperand& a, unsigned bytes) {
  const bool flag = (cmd_[a.flag_dword] & a.flag_mask) != 0;
  const bool ggtt = a.space == Space::ggtt || (a.space == Space::by_bit && flag) ||
                    (a.space == Space::by_bit_clear && !flag);
  if (!ggtt) return kFine;
  if (user()) return refused(Reject::privileged_from_user, cmd_[0]);
  // Low bits that are not address: two, or up to the flag where it shares the dword.
  const uint32_t low = a.flag_dword == a.dword ? std::max(3u, a.flag_mask * 2 - 1) : 3u;
  const uint64_t guest = address(a.dword) & ~uint64_t{low};
  const auto host = host_.relocate(hv::GmAddr{guest}, bytes, a.write);
  if (!host) return refused(Reject::ggtt_address, static_cast<uint32_t>(guest));
  set(a.dword, static_cast<uint32_t>(host->v & ~uint64_t{low}) | (cmd_[a.dword] & low));
  set(a.dword + 1u, static_cast<uint32_t>(host->v >> 32));
  return kFine;
}

Verdict CommandAudit::batch_start() {
  constexpr uint32_t kPpgtt = bit(8), kPredicated = bit(15), kAddOffset = bit(16),
                     kSecond = bit(22);
  const uint32_t dword0 = cmd_[0];
  const bool ggtt = (dword0 & kPpgtt) == 0;
  if (ggtt && user()) return refused(Reject::privileged_from_user, dword0);
  // The address would be what a register holds by then.
  if (dword0 & kAddOffset) return refused(Reject::batch_address, dword0);
  const bool second = (dword0 & kSecond) != 0;
  if (second && request_.level != 1) return refused(Reject::batch_level, dword0);
  const unsigned level = second ? 2 : std::max(1u, request_.level);
  const auto target = host_.batch_start(address(1), ggtt, level);
  if (!target) return refused(target.error(), cmd_[1]);
  if (*target != address(1)) {
    set(1, static_cast<uint32_t>(*target) | (cmd_[1] & 3));
    set(2, static_cast<uint32_t>(*target >> 32));
  }
  Verdict v;
  v.ends = v.chained = request_.level != 0 && !second && (dword0 & kPredicated) == 0;
  return v;
}

Verdict CommandAudit::batch_end() const {
  // In a ring there is no batch to end.
  if (request_.level == 0 && request_.ring_dwords != 0)
    return refused(Reject::batch_level, cmd_[0]);
  Verdict v;
  v.ends = true;
  return v;
}

/// A register written with the value in `value_dword`, which the owner may change.
Verdict CommandAudit::write_register(unsigned dword, unsigned value_dword) {
  const uint32_t reg = cmd_[dword];
  if ((reg & ~kRegisterOffset) != 0) return refused(Reject::register_offset, reg);
  if (!user() && is_redirected(reg)) {
    set(dword, kHarmlessRegister);
    return kFine;
  }
  if (!may_write_register(request_.engine, request_.rules, reg)) {
    return refused(Reject::forbidden_register, reg);
  }
  uint32_t value = cmd_[value_dword];
  host_.load_register(reg, value);
  if (!user() && is_kept_by_host(request_.engine, reg)) set(dword, kHarmlessRegister);
  set(value_dword, value);
  return kFine;
}

/// Later generations add the engine's base to register numbers under these bits. Gen9 knows none of
/// them, and programs set them for both; the copy has them clear, so that they mean nothing
/// anywhere.
void CommandAudit::clear_add_base(uint32_t bits) {
  if (cmd_[0] & bits) set(0, cmd_[0] & ~bits);
}

Verdict CommandAudit::load_immediate() {
  constexpr uint32_t kByteDisables = 0xf00;
  if (cmd_.size() % 2 == 0) return refused(Reject::bad_length, cmd_[0]);
  clear_add_base(bit(19));
  // Part of a register's value is nothing the owner could check or change.
  if (!user() && (cmd_[0] & kByteDisables)) return refused(Reject::forbidden_command, cmd_[0]);
  for (unsigned i = 1; i < cmd_.size(); i += 2) {
    const Verdict v = write_register(i, i + 1);
    if (v.reason != Reject::none) return v;
  }
  return kFine;
}

Verdict CommandAudit::memory_register(bool load) {
  const uint32_t reg = cmd_[1];
  clear_add_base(bit(19));
  if (reg & ~kRegisterOffset) return refused(Reject::register_offset, reg);
  // A privileged load takes a value nobody saw, so it has the short list of the stores.
  const bool allowed = load && user() ? may_write_register(request_.engine, request_.rules, reg)
                                      : may_read_register(request_.engine, request_.rules, reg);
  if (!allowed) return refused(Reject::forbidden_register, reg);
  return addresses();
}

Verdict CommandAudit::register_register() {
  const uint32_t from = cmd_[1], to = cmd_[2];
  if (!user()) return refused(Reject::forbidden_register, to);
  clear_add_base(bit(18) | bit(19));
  if ((from | to) & ~kRegisterOffset) return refused(Reject::register_offset, to);
  if (!may_read_register(request_.engine, request_.rules, from)) {
    return refused(Reject::forbidden_register, from);
  }
  if (may_write_register(request_.engine, request_.rules, to)) return kFine;
  return refused(Reject::forbidden_register, to);
}

Verdict CommandAudit::math() const {
  for (const uint32_t instruction : cmd_.subspan(1)) {
    if (!alu_opcode_known(instruction)) return refused(Reject::forbidden_command, instruction);
    if (!alu_operand_known(instruction >> 10 & 0x3ff) || !alu_operand_known(instruction & 0x3ff)) {
      return refused(Reject::forbidden_register, instruction);
    }
  }
  return kFine;
}

Verdict CommandAudit::pipe_control() {
  constexpr uint32_t kOperation = bit(14) | bit(15), kIndexed = bit(21), kLoadRegister = bit(23);
  const uint32_t flags = cmd_[1];
  if (flags & kLoadRegister) {
    // Writes the immediate to a register instead of memory; not together with another operation.
    if ((flags & kOperation) || cmd_.size() < 5) return refused(Reject::forbidden_command, cmd_[0]);
    return write_register(2, 4);
  }
  return flags & kOperation ? post_sync((flags & kIndexed) != 0) : kFine;
}

Verdict CommandAudit::flush() {
  constexpr uint32_t kOperation = bit(14) | bit(15), kIndexed = bit(21);
  return cmd_[0] & kOperation ? post_sync((cmd_[0] & kIndexed) != 0) : kFine;
}

/// Writes 8 bytes to the operand, or at an index into the context's own status page.
Verdict CommandAudit::post_sync(bool indexed) {
  const gen9::AddressOperand& a = desc_->addresses[0];
  if (!indexed) return operand(a, 8);
  if (user() && (cmd_[a.flag_dword] & a.flag_mask)) {
    return refused(Reject::privileged_from_user, cmd_[0]);
  }
  // Eight bytes: behind the page stands what the engine executes when it restores the context.
  if (address(a.dword) <= hv::kPageSize - 8) return kFine;
  return refused(Reject::ggtt_address, cmd_[a.dword]);
}

Verdict CommandAudit::atomic() {
  constexpr uint32_t kInline = bit(18);
  constexpr unsigned kInlineDwords = 11;
  if ((cmd_[0] & kInline) && cmd_.size() != kInlineDwords) {
    return refused(Reject::bad_length, cmd_[0]);
  }
  const unsigned size = cmd_[0] >> 19 & 3;  // dword, qword, two qwords
  return operand(desc_->addresses[0], 4u << std::min(size, 2u));
}

Verdict CommandAudit::store_immediate() {
  constexpr uint32_t kQword = bit(21);
  return operand(desc_->addresses[0], cmd_.size() > 4 || (cmd_[0] & kQword) ? 8 : 4);
}

/// Into the context's own status page: the engine's is ours, and is never what a guest means.
Verdict CommandAudit::store_index() {
  constexpr uint32_t kOwnPage = bit(21);
  if ((cmd_[0] & kOwnPage) == 0) {
    if (!user()) return refused(Reject::privileged_from_user, cmd_[0]);
    set(0, cmd_[0] | kOwnPage);
  }
  return cmd_[1] <= hv::kPageSize - 8 ? kFine : refused(Reject::ggtt_address, cmd_[1]);
}

Verdict CommandAudit::semaphore_wait() {
  constexpr uint32_t kRegisterPoll = bit(16);
  if ((cmd_[0] & kRegisterPoll) == 0) return addresses();
  if (cmd_[2] & ~kRegisterOffset) return refused(Reject::register_offset, cmd_[2]);
  if (may_read_register(request_.engine, request_.rules, cmd_[2])) return kFine;
  return refused(Reject::forbidden_register, cmd_[2]);
}

/// The display is virtual: the owner acts, the GPU does not.
Verdict CommandAudit::emulate() {
  if (user() && desc_->id == Cmd::mi_display_flip) {
    return refused(Reject::privileged_from_user, cmd_[0]);
  }
  std::array<uint32_t, 4> dwords{};
  const size_t n = std::min(cmd_.size(), dwords.size());
  std::copy_n(cmd_.begin(), n, dwords.begin());
  for (unsigned i = 0; i < cmd_.size(); ++i) set(i, 0);
  host_.display_command(*desc_, std::span(dwords).first(n));
  return kFine;
}

void CommandAudit::allow_arbitration() {
  if (request_.enable_arbitration && (cmd_[0] & 1) == 0) set(0, cmd_[0] | 1);
  arbitration_off_ = (cmd_[0] & 1) == 0;
}

}  // namespace mediator

// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/execlist.h"

namespace gpu::model {
namespace {

constexpr unsigned kHwspCsb = 0x10 * 4, kHwspWritePointer = 0x1f * 4;

}  // namespace

bool Execlist::write_elsp(uint32_t value) {
  port_[port_writes_++] = value;
  if (port_writes_ < port_.size()) return false;
  port_writes_ = 0;
  const auto element = [this](unsigned i) {
    return Element{static_cast<uint64_t>(port_[i]) << 32 | port_[i + 1]};
  };
  if (!element(2).valid()) return false;  // element 0 has to be valid
  pending_ = {element(2), element(0)};
  pending_valid_ = true;
  return true;
}

void Execlist::take_pending() {
  current_ = pending_;
  pending_valid_ = false;
  slot_ ^= 1;
}

bool Execlist::next_element() {
  if (!has_second()) return false;
  current_ = {current_[1], Element{}};
  return true;
}

void Execlist::event(uint32_t status, uint32_t context_id) {
  const uint32_t pointer_reg = gen9::engine_reg(engine_, gen9::rel::kCsbPtr);
  const uint32_t pointer = regs_.get(pointer_reg);
  const uint32_t last = pointer & 7;
  const uint32_t entry = last >= gen9::kCsbEntries - 1 ? 0 : last + 1;
  const uint64_t word = status | static_cast<uint64_t>(context_id) << 32;
  last_reason_ = status & 0x1ff;
  regs_.set64(gen9::engine_reg(engine_, gen9::rel::kCsb + entry * 8), word);
  regs_.set(pointer_reg, (pointer & ~7u) | entry);
  const uint64_t hwsp = regs_.get(gen9::engine_reg(engine_, gen9::rel::kHwsPga)) & ~0xfffu;
  mmu_.put(true, hwsp + kHwspCsb + entry * 8, word, DmaPurpose::status);
  mmu_.put(true, hwsp + kHwspWritePointer, entry, DmaPurpose::status);
}

uint32_t Execlist::status_lo(bool arbitration) const {
  const bool busy = running().valid();
  uint32_t status = slot_ | (slot_ ^ 1) << 1 | (pending_valid_ ? 1u << 2 : 0) | last_reason_ << 5;
  if (busy) {
    status |= slot_ ? 1u << 3 : 1u << 4;    // this slot holds an execlist
    status |= slot_ ? 1u << 17 : 1u << 18;  // and it is the active one
    status |= has_second() ? 1u << 14 : 1u << 15;
  }
  if (pending_valid_) status |= slot_ ? 1u << 4 : 1u << 3;
  return status | (arbitration ? 1u << 16 : 0);
}

void Execlist::reset() {
  current_ = pending_ = {};
  pending_valid_ = false;
  port_writes_ = 0;
  slot_ = 0;
  last_reason_ = 0;
}

}  // namespace gpu::model

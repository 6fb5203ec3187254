// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/interrupts.h"

#include "shadow/gen9/regs.h"

namespace gpu::model {
namespace {

constexpr uint32_t kGt0 = 0x44300, kGroupStride = 0x10, kGroups = 4;
enum Part : uint32_t { kIsr = 0, kImr = 4, kIir = 8, kIer = 0xc };

/// Master summary bits of the two halves of each group: RCS, BCS; VCS, VCS2; PM; VECS.
constexpr uint32_t kSummaryLow[kGroups] = {hv::bit(0), hv::bit(2), hv::bit(4), hv::bit(6)};
constexpr uint32_t kSummaryHigh[kGroups] = {hv::bit(1), hv::bit(3), hv::bit(4), hv::bit(6)};

}  // namespace

bool Interrupts::owns(uint32_t offset) {
  return offset == gen9::kMasterIrq || (offset >= kGt0 && offset < kGt0 + kGroups * kGroupStride);
}

uint32_t Interrupts::summary() const {
  uint32_t bits = 0;
  for (unsigned i = 0; i < kGroups; ++i) {
    const uint32_t pending = groups_[i].iir & groups_[i].ier;
    if (pending & 0xffff) bits |= kSummaryLow[i];
    if (pending >> 16) bits |= kSummaryHigh[i];
  }
  return bits;
}

uint32_t Interrupts::read(uint32_t offset) const {
  if (offset == gen9::kMasterIrq) return summary() | (master_ ? gen9::kMasterIrqEnable : 0);
  const Group& group = groups_[(offset - kGt0) / kGroupStride];
  switch (offset % kGroupStride) {
    case kImr: return group.imr;
    case kIir: return group.iir;
    case kIer: return group.ier;
    default: return 0;  // events are pulses: ISR never shows one
  }
}

void Interrupts::write(uint32_t offset, uint32_t value) {
  if (offset == gen9::kMasterIrq) {
    master_ = (value & gen9::kMasterIrqEnable) != 0;
  } else {
    Group& group = groups_[(offset - kGt0) / kGroupStride];
    switch (offset % kGroupStride) {
      case kImr: group.imr = value; break;
      case kIir: group.iir &= ~value; break;
      case kIer: group.ier = value; break;
      default: break;
    }
  }
  update();
}

void Interrupts::raise(gen9::EngineId engine, uint32_t bits, uint32_t ring_imr) {
  const gen9::EngineInfo& info = gen9::info(engine);
  Group& group = groups_[(info.gt_iir - kGt0) / kGroupStride];
  group.iir |= (bits << info.irq_shift) & ~ring_imr & ~group.imr;
  update();
}

}  // namespace gpu::model

// SPDX-License-Identifier: MIT
// GMBUS cycles. Data is always ready: the bus is infinitely fast.
#include "mediator/gmbus.h"

#include <algorithm>

#include "mediator/encode.h"

namespace mediator {
namespace {

constexpr uint32_t kSelect = 0xc5100, kCommand = 0xc5104, kStatus = 0xc5108, kData = 0xc510c;
constexpr uint32_t kInterruptMask = 0xc5110, kIndex = 0xc5120;

using Pin = hv::Field32<2, 0>;
// Command.
constexpr uint32_t kClearInterrupt = hv::bit(31), kSoftwareReady = hv::bit(30);
constexpr uint32_t kCycleStop = hv::bit(27), kCycleIndex = hv::bit(26), kCycleWait = hv::bit(25);
using Count = hv::Field32<24, 16>;
using Index = hv::Field32<15, 8>;
using Target = hv::Field32<7, 1>;
constexpr uint32_t kRead = hv::bit(0);
// Status.
constexpr uint32_t kHardwareWait = hv::bit(14), kHardwareReady = hv::bit(11);
constexpr uint32_t kNoAnswer = hv::bit(10), kActive = hv::bit(9);
// Interrupt mask.
constexpr uint32_t kOnNoAnswer = hv::bit(3), kOnIdle = hv::bit(2), kOnWait = hv::bit(1);
constexpr uint32_t kOnReady = hv::bit(0);
constexpr uint32_t kTwoByteIndex = hv::bit(31);
constexpr uint32_t kPchGmbus = hv::bit(17);

constexpr uint32_t kEdidTarget = 0x50;

}  // namespace

void Gmbus::write(const RegisterWrite& w) {
  switch (w.offset) {
    case kSelect: regs_.set(kSelect, w.merged()); return enter(Phase::idle);
    case kCommand: regs_.set(kCommand, w.merged()); return command(w.merged());
    case kData:
      regs_.set(kData, w.merged());
      if (state_.phase == Phase::writing) take_written(w.merged(), false);
      return;
    default: return;  // status
  }
}

void Gmbus::command(uint32_t value) {
  if (value & kClearInterrupt) return enter(Phase::idle);
  if ((value & kSoftwareReady) == 0) return;
  const uint32_t cycle = value & (kCycleStop | kCycleIndex | kCycleWait);
  if (cycle == kCycleStop) return enter(Phase::idle);
  if (cycle != 0) start(value);
}

void Gmbus::start(uint32_t value) {
  const uint32_t pin = Pin::get(regs_.get(kSelect));
  if (pin == 0 || pin != state_.monitor_pin || Target::get(value) != kEdidTarget)
    return enter(Phase::idle, kNoAnswer);
  state_.stop_after = (value & kCycleStop) != 0;
  state_.remaining = Count::get(value);
  if (value & kCycleIndex) {
    const uint32_t wide = regs_.get(kIndex);
    state_.offset = static_cast<uint8_t>(wide & kTwoByteIndex ? wide : Index::get(value));
  }
  if (state_.remaining == 0) return data_done();
  enter(value & kRead ? Phase::reading : Phase::writing);
  if (state_.phase == Phase::writing) take_written(regs_.get(kData), true);
}

/// The first byte of a message sets the offset; the EDID itself cannot be written.
void Gmbus::take_written(uint32_t data, bool first) {
  if (first) state_.offset = static_cast<uint8_t>(data);
  state_.remaining -= std::min<uint32_t>(state_.remaining, 4);
  if (state_.remaining == 0) return data_done();
  enter(Phase::writing);
}

void Gmbus::before_read(uint32_t offset) {
  if (offset != kData || state_.phase != Phase::reading) return;
  const uint32_t bytes = std::min<uint32_t>(state_.remaining, 4);
  uint32_t data = 0;
  for (uint32_t i = 0; i < bytes; ++i, ++state_.offset)
    if (state_.offset < kEdidBytes) data |= uint32_t{edid_[state_.offset]} << (8 * i);
  regs_.set(kData, data);
  state_.remaining -= bytes;
  if (state_.remaining == 0) return data_done();
  enter(Phase::reading);
}

void Gmbus::data_done() { enter(state_.stop_after ? Phase::idle : Phase::waiting); }

/// Takes a phase, shows it in the status register, and interrupts if the guest asked for it.
void Gmbus::enter(Phase phase, uint32_t extra_status) {
  state_.phase = phase;
  uint32_t status = extra_status, reason = extra_status != 0 ? kOnNoAnswer : 0;
  switch (phase) {
    case Phase::idle:
      state_.remaining = 0;
      reason |= kOnIdle;
      break;
    case Phase::waiting:
      status |= kActive | kHardwareWait;
      reason |= kOnWait;
      break;
    case Phase::reading:
    case Phase::writing: status |= kActive | kHardwareReady | state_.remaining; reason |= kOnReady;
  }
  regs_.set(kStatus, status);
  if (regs_.get(kInterruptMask) & reason) interrupts_.pch_event(kPchGmbus);
}

void Gmbus::encode(std::vector<std::byte>& out) const {
  put(out, state_.monitor_pin);
  put(out, static_cast<uint8_t>(state_.phase));
  put(out, static_cast<uint8_t>(state_.stop_after));
  put(out, state_.remaining);
  put(out, state_.offset);
}

}  // namespace mediator

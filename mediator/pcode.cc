// SPDX-License-Identifier: MIT
// What the power control unit answers (facts, section 2.2: PCODE mailbox).
#include "mediator/pcode.h"

namespace mediator {
namespace {

constexpr uint32_t kMailbox = 0x138124, kData = 0x138128;
constexpr uint32_t kReady = hv::bit(31), kErrorMask = 0xff;
constexpr uint32_t kReadRc6Vids = 0x5, kReadMemoryLatency = 0x6, kCdclkControl = 0x7,
                   kSagvControl = 0x21;

/// Watermark latencies of levels 0-3 and 4-7, one byte each, in microseconds.
constexpr uint32_t kLatencyLow = 0x1e1a1100, kLatencyHigh = 0x61514b3d;

}  // namespace

void pcode_command(RegisterFile& regs, uint32_t value) {
  const uint32_t data = regs.get(kData);
  switch (value & 0xff) {
    case kReadMemoryLatency: regs.set(kData, data == 0 ? kLatencyLow : kLatencyHigh); break;
    case kCdclkControl: regs.set(kData, 1); break;  // ready for the change
    case kReadRc6Vids: regs.set(kData, data | 1); break;
    // A driver that asks to have it disabled (0) waits for bit 0; one that enables it (3) does not.
    case kSagvControl: regs.set(kData, data == 0 ? 1 : 0); break;
    default: break;
  }
  regs.set(kMailbox, value & ~(kReady | kErrorMask));
}

}  // namespace mediator

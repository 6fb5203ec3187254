// SPDX-License-Identifier: MIT
// DPCD contents and link training.
#include "mediator/dpcd.h"

#include <algorithm>

namespace mediator {
namespace {

constexpr uint32_t kRevision = 0x000, kMaxRate = 0x001, kMaxLanes = 0x002;
constexpr uint32_t kTrainingPattern = 0x102, kSinkCount = 0x200, kLane01 = 0x202, kLane23 = 0x203;
constexpr uint32_t kAlign = 0x204, kSinkStatus = 0x205, kSetPower = 0x600;

// Two lanes to a status byte.
constexpr uint8_t kClockRecovered = 0x11, kEqualised = 0x22, kSymbolLocked = 0x44;

}  // namespace

void Dpcd::reset() {
  data_.fill(0);
  data_[kRevision] = 0x12;
  data_[kMaxRate] = 0x14;   // 5.4 Gbit/s a lane
  data_[kMaxLanes] = 0x84;  // four, enhanced framing
  data_[kSinkCount] = 1;
  data_[kSetPower] = 1;
}

void Dpcd::read(uint32_t address, std::span<uint8_t> to) const {
  for (size_t i = 0; i < to.size(); ++i)
    to[i] = address + i < kBytes ? data_[address + i] : uint8_t{0};
}

bool Dpcd::write(uint32_t address, std::span<const uint8_t> from) {
  if (address >= kBytes || from.size() > kBytes - address) return false;
  std::copy(from.begin(), from.end(), data_.begin() + address);
  if (address <= kTrainingPattern && kTrainingPattern - address < from.size())
    train(from[kTrainingPattern - address] & 3);
  return true;
}

void Dpcd::train(uint8_t pattern) {
  switch (pattern) {
    case 0: data_[kSinkStatus] = 3; return;
    case 1:
      data_[kLane01] |= kClockRecovered;
      data_[kLane23] |= kClockRecovered;
      return;
    default:
      data_[kLane01] |= kEqualised | kSymbolLocked;
      data_[kLane23] |= kEqualised | kSymbolLocked;
      data_[kAlign] |= 1;
  }
}

}  // namespace mediator

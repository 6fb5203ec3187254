// SPDX-License-Identifier: MIT
// Layout of Sky Lake's function 00:02.0, SKL datasheet vol 2 (GT registers, configuration space).
#include "dom0/gpu/proxy/config_space.h"

#include <utility>

#include "shadow/gen9/regs.h"

namespace gpu::proxy {
namespace {

constexpr uint32_t kStatusCapabilities = 1u << 20;
constexpr uint32_t kPrefetchable = 8;
constexpr uint32_t kExpressEndpoint = 0x0092;  // version 2, root complex integrated endpoint
constexpr uint32_t kDeviceFlr = 1u << 28;
/// GGC bits 7:6: 2, 4 or 8 MiB of GTT, for 1, 2 or 4 GiB of addresses.
constexpr uint32_t ggms(unsigned mib) { return (mib == 2 ? 1u : mib == 4 ? 2u : 3u) << 6; }
constexpr uint32_t kPowerStates = 3;

constexpr uint32_t bar_mask(uint64_t bytes) { return ~static_cast<uint32_t>(bytes - 1); }

}  // namespace

ConfigSpace::ConfigSpace(uint16_t device_id, uint8_t revision, unsigned gtt_mib,
                         std::function<void()> reset, std::function<void(unsigned, uint32_t)> test)
    : device_id_(device_id),
      revision_(revision),
      gtt_mib_(gtt_mib),
      reset_(std::move(reset)),
      test_(std::move(test)) {
  writable_[config::kCommand / 4] = 0x0406;
  writable_[config::kBar0 / 4] = bar_mask(gen9::kBar0Bytes);
  writable_[config::kBar2 / 4] = bar_mask(gen9::kApertureBytes);
  writable_[0x3c / 4] = 0xff;
  writable_[config::kDeviceControl / 4] = 0x7fff;
  writable_[config::kPowerControl / 4] = kPowerStates;
  writable_[0xfc / 4] = ~0u;
  power_on();
}

void ConfigSpace::power_on() {
  const uint32_t faults = word(config::kTestFaults);  // a broken GPU stays broken
  words_.fill(0);
  words_[config::kTestFaults / 4] = faults;
  words_[0] = 0x8086u | static_cast<uint32_t>(device_id_) << 16;
  words_[config::kCommand / 4] = kStatusCapabilities;
  words_[2] = revision_ | 0x030000u << 8;
  words_[config::kBar2 / 4] = kPrefetchable;
  words_[0x2c / 4] = 0x8086u | 0x2212u << 16;
  words_[0x34 / 4] = config::kExpress;
  words_[0x3c / 4] = 0x01ff;  // pin A, line not routed
  words_[config::kGgc / 4] = ggms(gtt_mib_);
  words_[config::kExpress / 4] = 0x10u | config::kPower << 8 | kExpressEndpoint << 16;
  words_[config::kExpress / 4 + 1] = kDeviceFlr;
  words_[config::kPower / 4] = 0x01u | 0x0022u << 16;
}

bool ConfigSpace::decodes() const {
  return (word(config::kCommand) & config::kMemoryEnable) &&
         (word(config::kPowerControl) & kPowerStates) == 0;
}

uint32_t ConfigSpace::read(uint32_t offset, unsigned bytes) const {
  const uint32_t ones = bytes >= 4 ? ~0u : (1u << bytes * 8) - 1;
  if (offset > 255 || offset % 4 + bytes > 4) return ones;
  return word(offset) >> offset % 4 * 8 & ones;
}

void ConfigSpace::write(uint32_t offset, unsigned bytes, uint32_t value) {
  if (offset > 255 || offset % 4 + bytes > 4) return;
  const unsigned shift = offset % 4 * 8, at = offset & ~3u;
  const uint32_t lanes = (bytes >= 4 ? ~0u : (1u << bytes * 8) - 1) << shift;
  const uint32_t wide = value << shift;
  if (at == config::kTestFaults || at == config::kTestMark) {
    words_[at / 4] = (words_[at / 4] & ~lanes) | (wide & lanes);
    test_(at, words_[at / 4]);
    return;
  }
  const bool flr = at == config::kDeviceControl && (wide & lanes & config::kFunctionReset);
  const uint32_t mask = writable_[at / 4] & lanes;
  words_[at / 4] = (words_[at / 4] & ~mask) | (wide & mask);
  if (!flr) return;
  power_on();
  reset_();
}

}  // namespace gpu::proxy

// SPDX-License-Identifier: MIT
// What only silicon needs: work-arounds of the hardware's faults, and finding events without an
// interrupt and with as few accesses of the bus as may be.
#include <algorithm>
#include <utility>

#include "dom0/gpu/driver/driver.h"

namespace gpu {
namespace {

/// A work-around outside of the contexts: bits of a register that are set or cleared. Those inside
/// of contexts are the guests' drivers' own.
struct Fix {
  uint32_t offset, clear, set;
  enum Where : uint8_t { everywhere, not_coffee_lake, not_sky_lake } where;
};
constexpr uint32_t bit(unsigned n) { return hv::bit(n); }

// SKL, KBL and CFL PRM vol 16 (Workarounds), by register.
constexpr Fix kFixes[] = {
    {0x4090, 0, bit(25), Fix::everywhere},            // WaDisableHDCInvalidation
    {0x4090, 0, bit(8), Fix::not_coffee_lake},        // WaDisableKillLogic
    {0x4ab0, 0, bit(18), Fix::not_sky_lake},          // WaInPlaceDecompressionHang
    {0x4ddc, 0, bit(31) | bit(27), Fix::everywhere},  // WaCompressedResourceSamplerPbeMediaNewHash
    {0x940c, 0, bit(14), Fix::everywhere},            // WaDisableGafsUnitClkGating
    {0xb008, bit(0), 0, Fix::everywhere},             // no atomics in L3: they can hang for good
    {0xb118, bit(22), bit(21), Fix::everywhere},      // the same; WaOCLCoherentLineFlush
    {0xb11c, bit(8), bit(2), Fix::everywhere},        // the same; WaEnableLbsSlaRetryTimerDecrement
};
/// WaContextSwitchWithConcurrentTLBInvalidate, a masked register.
constexpr uint32_t kCsfeChicken1 = 0x20d4, kNoSyncSwitch = bit(2);

bool applies(Fix::Where where, uint16_t device_id) {
  const unsigned family = device_id >> 8;
  switch (where) {
    case Fix::not_coffee_lake: return family == 0x19 || family == 0x59;
    case Fix::not_sky_lake: return family != 0x19;
    default: return true;
  }
}

/// A context that runs for so long may have told its user something meanwhile; twice as long
/// passes before the next guess.
constexpr uint64_t kTellNs = 10'000'000;
/// One that runs for longer than this has the registers looked at, from then on in such steps.
constexpr uint64_t kLongNs = 100'000'000, kLookNs = 10'000'000;
/// When nothing has happened for so long, they are looked at once more.
constexpr uint64_t kRestNs = 1'000'000'000;

}  // namespace

void Driver::init_workarounds() {
  if (!config_.silicon) return;
  for (const Fix& f : kFixes) {
    if (!applies(f.where, device_.device_id())) continue;
    const uint32_t now = device_.read32(f.offset), wanted = (now & ~f.clear) | f.set;
    if (now != wanted) device_.write32(f.offset, wanted);
  }
  device_.write32(kCsfeChicken1, hv::masked_enable(kNoSyncSwitch));
}

bool Driver::vanished() {
  // Neither register can hold all ones: what does not answer reads as that.
  if (device_.read32(gen9::kForcewakeRenderAck) != ~0u) return false;
  return device_.read32(gen9::kGdrst) == ~0u;
}

void Driver::moved(EngineId e) {
  if (!config_.silicon) return;
  Engine& state = engine(e);
  state.moved_ns = moved_ns_ = device_.now_ns();
  state.tell_ns = state.moved_ns + kTellNs;
}

/// Contexts that come and go show in the status pages, which cost nothing to read. One that stays
/// may have met a fault, or tell its user something by an interrupt. For a while that is guessed,
/// since an interrupt too many harms nobody; later the registers are worth their accesses.
bool Driver::stays_long(EngineId e, uint64_t now) {
  Engine& state = engine(e);
  if (idle(e) || has_status(e)) return false;
  const uint64_t stays = now - state.moved_ns;
  if (stays >= kLongNs) return true;
  if (now < state.tell_ns || config_.interrupts) return false;
  state.tell_ns = now + stays;
  emit(mediator::GpuEventKind::user_interrupt, e, 0, 0);
  return false;
}

bool Driver::look_due() {
  if (!config_.silicon) return true;
  const uint64_t now = device_.now_ns();
  bool stays = false;
  for (const EngineId e : gen9::kAllEngines) stays |= stays_long(e, now);
  const bool busy = std::ranges::any_of(gen9::kAllEngines, [this](EngineId e) { return !idle(e); });
  const bool rests = !busy && moved_ns_ > looked_ns_ && now - moved_ns_ >= kRestNs;
  const bool due = rests || (stays && now - looked_ns_ >= kLookNs);
  if (!std::exchange(asserted_, false) && !due) return false;
  looked_before_ns_ = std::exchange(looked_ns_, now);
  return true;
}

bool Driver::interrupts_pending() {
  if (!config_.silicon) return true;
  // The master register has the sum of all, whether it lets them through or not.
  const uint32_t sum = device_.read32(gen9::kMasterIrq);
  if (sum == ~0u && vanished()) wedged_ = true;
  return (sum & ~gen9::kMasterIrqEnable) != 0;
}

}  // namespace gpu

// SPDX-License-Identifier: MIT
#include "mediator/context_audit.h"

#include <algorithm>
#include <array>
#include <utility>

#include "hv/bits.h"
#include "mediator/register_access.h"
#include "mediator/scanner.h"
#include "shadow/gen9/context_image.h"
#include "shadow/gen9/regs.h"

namespace mediator {
namespace {

constexpr uint32_t kLri = 0x22u << 23, kLriMask = 0xff800000, kBatchBufferEnd = 0x0au << 23;
constexpr uint32_t kLriForcePosted = kLri | 1u << 12;
constexpr uint32_t kRegisterMask = 0x7ffffc, kCsChicken1 = 0x2580;

// Registers that Gen8/9 hardware itself saves in its images besides those a stream may load.
// Relative to the engine's base; SKL PRM vol 7, Register State Context.
constexpr std::array<uint32_t, 18> kSaved{0x28,  0x94,  0x9c,  0xc0,  0xc8,  0xcc,
                                          0x178, 0x17c, 0x220, 0x358, 0x35c, 0x394,
                                          0x398, 0x3a8, 0x3b4, 0x3bc, 0x2c,  0x148};

bool may_load(gen9::EngineId engine, uint32_t reg) {
  if (is_redirected(reg)) return false;
  // Not part of a context, but for CS_CHICKEN1: a stream's load is noticed, an image's is not.
  if (is_loaded_at_switch(reg) && reg != kCsChicken1) return false;
  const uint32_t base = gen9::info(engine).mmio_base;
  if (reg >= base && std::find(kSaved.begin(), kSaved.end(), reg - base) != kSaved.end())
    return true;
  const Rules user = engine == gen9::EngineId::bcs ? Rules::user_blitter : Rules::user;
  return may_write_register(engine, Rules::privileged, reg) ||
         may_write_register(engine, user, reg);
}

}  // namespace

void canonical_register_state(gen9::EngineId engine, std::span<uint32_t> state) {
  // Value dword -> register, relative to the engine. SKL PRM vol 7, Register State Context.
  static constexpr std::pair<uint8_t, uint16_t> kRows[] = {
      {3, 0x244},  {5, 0x34},   {7, 0x30},   {9, 0x38},   {11, 0x3c},  {13, 0x168},
      {15, 0x140}, {17, 0x110}, {19, 0x11c}, {21, 0x114}, {23, 0x118}, {25, 0x1c0},
      {27, 0x1c4}, {29, 0x1c8}, {35, 0x3a8}, {37, 0x28c}, {39, 0x288}, {41, 0x284},
      {43, 0x280}, {45, 0x27c}, {47, 0x278}, {49, 0x274}, {51, 0x270}, {67, 0xc8}};
  std::array<uint32_t, gen9::ctx::kEngineState> out{};
  const bool render = engine == gen9::EngineId::rcs;
  for (const auto& [value, reg] : kRows) {
    const bool render_only = (value >= 25 && value <= 29) || value == 67;
    if (render_only && !render) continue;
    out[value - 1] = gen9::engine_reg(engine, reg);
    out[value] = state[value];
  }
  out[1] = kLriForcePosted | (render ? 14 * 2 - 1 : 11 * 2 - 1);
  out[33] = kLriForcePosted | (9 * 2 - 1);
  if (render) out[65] = kLri | 1;
  std::copy(out.begin(), out.end(), state.begin());
}

unsigned audit_engine_state(gen9::EngineId engine, std::span<uint32_t> state) {
  const size_t end = kStampDword - 1;  // the last dword is the end's own
  const uint32_t harmless = gen9::engine_reg(engine, gen9::rel::kNopid);
  unsigned refused = 0;
  size_t at = gen9::ctx::kEngineState;
  while (at < end) {
    const uint32_t header = state[at];
    if (header == 0) {
      ++at;
      continue;
    }
    const size_t pairs = ((header & 0xff) + 1) / 2;
    if ((header & kLriMask) != kLri || (header & 0xff) % 2 == 0 || at + 1 + pairs * 2 > end) break;
    for (size_t i = at + 1; i < at + 1 + pairs * 2; i += 2) {
      if (may_load(engine, state[i] & kRegisterMask)) {
        state[i] &= kRegisterMask;
        continue;
      }
      state[i] = harmless;
      ++refused;
    }
    at += 1 + pairs * 2;
  }
  // Whatever follows is not run.
  state[at] = kBatchBufferEnd;
  std::fill(state.begin() + static_cast<std::ptrdiff_t>(at) + 1, state.begin() + kStampDword, 0);
  return refused;
}

}  // namespace mediator

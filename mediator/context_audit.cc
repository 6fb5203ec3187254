// SPDX-License-Identifier: MIT
#include "mediator/context_audit.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "hv/bits.h"
#include "mediator/engine_state.h"
#include "mediator/register_access.h"
#include "mediator/register_table.h"
#include "mediator/scanner.h"
#include "shadow/gen9/context_image.h"
#include "shadow/gen9/regs.h"

namespace mediator {
namespace {

constexpr uint32_t kLri = 0x22u << 23, kLriMask = 0xff800000, kBatchBufferEnd = 0x0au << 23;
constexpr uint32_t kLriForcePosted = kLri | 1u << 12;
constexpr uint32_t kRegisterMask = 0x7ffffc;

// Registers that Gen8/9 hardware itself saves in its images besides those of the hygiene table: no
// stream reaches them. Relative to the engine's base; SKL PRM vol 7, Register State Context.
constexpr std::array<uint32_t, 7> kSaved{0x2c, 0xc8, 0xcc, 0x148, 0x394, 0x398, 0x3b4};

bool may_load(gen9::EngineId engine, uint32_t reg) {
  if (is_redirected(reg)) return false;
  // What is loaded for the vGPU as a whole is no part of a context: a stream's load is noticed, an
  // image's is not.
  const Keeping k = keeping_of(engine, reg);
  if (k != Keeping::none) return k == Keeping::image;
  const uint32_t base = gen9::info(engine).mmio_base;
  return reg >= base && std::find(kSaved.begin(), kSaved.end(), reg - base) != kSaved.end();
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

namespace {

constexpr size_t kEnd = kStampDword - 1;  // the last dword before the stamp is the end's own
constexpr uint32_t kCsChicken1 = 0x2580;
using GpgpuPreemption = hv::Field32<2, 1>;  // 0: mid-thread, 2: command. SKL PRM vol 2c

/// Calls f(index of the register's dword) for each load of the engine's part; returns where it
/// ends: at the first that is no LRI block.
template <class F>
size_t each_load(std::span<const uint32_t> state, F f) {
  size_t at = gen9::ctx::kEngineState;
  while (at < kEnd) {
    const uint32_t header = state[at];
    if (header == 0) {
      ++at;
      continue;
    }
    const size_t pairs = ((header & 0xff) + 1) / 2;
    if ((header & kLriMask) != kLri || (header & 0xff) % 2 == 0 || at + 1 + pairs * 2 > kEnd) break;
    for (size_t i = 0; i < pairs; ++i) f(at + 1 + i * 2);
    at += 1 + pairs * 2;
  }
  return at;
}

/// The loads of a guest's image, for look-up by register. The n-th load of one register answers the
/// n-th question for it.
class GuestLoads {
 public:
  explicit GuestLoads(std::span<const uint32_t> state) {
    each_load(state, [&](size_t i) { loads_.push_back({state[i] & kRegisterMask, state[i + 1]}); });
  }
  const uint32_t* take(uint32_t reg) {
    // Nearly always the image has the blocks of the base, in the same order.
    if (next_ < loads_.size() && loads_[next_].reg == reg) return &loads_[next_++].value;
    if (!sorted_) sort();
    auto it = std::lower_bound(rest_.begin(), rest_.end(), reg,
                               [](const Load& l, uint32_t r) { return l.reg < r; });
    while (it != rest_.end() && it->reg == reg && it->taken) ++it;
    if (it == rest_.end() || it->reg != reg) return nullptr;
    it->taken = true;
    return &it->value;
  }
  [[nodiscard]] size_t size() const { return loads_.size(); }

 private:
  struct Load {
    uint32_t reg, value;
    bool taken = false;
  };
  void sort() {
    sorted_ = true;
    rest_.assign(loads_.begin() + static_cast<std::ptrdiff_t>(next_), loads_.end());
    next_ = loads_.size();
    std::stable_sort(rest_.begin(), rest_.end(),
                     [](const Load& a, const Load& b) { return a.reg < b.reg; });
  }
  std::vector<Load> loads_, rest_;
  size_t next_ = 0;
  bool sorted_ = false;
};

/// What the vGPU's register would have given a context that starts without an image.
void take_from_registers(const RegisterFile& regs, uint32_t reg, uint32_t& value) {
  const RegisterDesc* d = find_register(reg);
  if (d == nullptr || reg == kCsChicken1 || regs.get(reg) == d->reset) return;
  value = d->behaviour == Behaviour::masked ? 0xffff0000 | regs.get(reg) : regs.get(reg);
}

}  // namespace

unsigned compose_engine_state(gen9::EngineId engine, const EngineStateSource& source,
                              std::span<uint32_t> state) {
  GuestLoads guest(state);
  size_t taken = 0;
  // Behind the stamp stands data of the engine that a first context has none of.
  const size_t end = source.first != nullptr ? state.size() : kStampDword;
  std::copy(source.base.begin() + gen9::ctx::kEngineState, source.base.begin() + kStampDword,
            state.begin() + gen9::ctx::kEngineState);
  std::fill(state.begin() + kStampDword, state.begin() + static_cast<std::ptrdiff_t>(end), 0);
  each_load(source.base, [&](size_t i) {
    const uint32_t reg = state[i] & kRegisterMask;
    if (!may_load(engine, reg)) return;
    if (source.first != nullptr) return take_from_registers(*source.first, reg, state[i + 1]);
    const uint32_t* value = guest.take(reg);
    if (value == nullptr) return;
    state[i + 1] = *value;
    ++taken;
  });
  return static_cast<unsigned>(guest.size() - taken);
}

void prepare_default_state(gen9::EngineId, std::span<uint32_t> state) {
  const size_t end = each_load(state, [&](size_t i) {
    if ((state[i] & kRegisterMask) == kCsChicken1)
      state[i + 1] = 0xffff0000 | GpgpuPreemption::set(0, 2);
  });
  state[end] = kBatchBufferEnd;
}

bool asks_mid_thread(std::span<const uint32_t> state) {
  bool asks = false;
  each_load(state, [&](size_t i) {
    if ((state[i] & kRegisterMask) == kCsChicken1) asks = GpgpuPreemption::get(state[i + 1]) == 0;
  });
  return asks;
}

}  // namespace mediator

// SPDX-License-Identifier: MIT
// MI_MATH, MI_PREDICATE and MI_ATOMIC. SKL PRM vol 2a, vol 7 (ALU).
#include <algorithm>
#include <array>

#include "dom0/gpu/model/mi.h"

namespace gpu::model {
namespace {

namespace rel = gen9::rel;

uint64_t reg64(Engine& e, uint32_t offset) {
  return e.reg(offset) | static_cast<uint64_t>(e.reg(offset + 4)) << 32;
}
void set_reg64(Engine& e, uint32_t offset, uint64_t value) {
  e.set_reg(offset, static_cast<uint32_t>(value));
  e.set_reg(offset + 4, static_cast<uint32_t>(value >> 32));
}

/// The ALU's own registers live for one MI_MATH.
struct Alu {
  Engine& engine;
  uint64_t a = 0, b = 0, accumulator = 0;
  bool zero = false, carry = false;

  static constexpr uint32_t kSrcA = 0x20, kSrcB = 0x21, kAccu = 0x31, kZf = 0x32, kCf = 0x33;
  [[nodiscard]] uint64_t source(uint32_t operand) const {
    if (operand < 16) return reg64(engine, rel::kGpr0 + operand * 8);
    switch (operand) {
      case kAccu: return accumulator;
      case kZf: return zero ? ~uint64_t{0} : 0;
      case kCf: return carry ? ~uint64_t{0} : 0;
      default: return 0;
    }
  }
  void load(uint32_t operand, uint64_t value) {
    if (operand == kSrcA) a = value;
    if (operand == kSrcB) b = value;
  }
  void store(uint32_t operand, uint64_t value) const {
    if (operand < 16) set_reg64(engine, rel::kGpr0 + operand * 8, value);
  }
  void result(uint64_t value, bool carry_out) {
    accumulator = value;
    zero = value == 0;
    carry = carry_out;
  }
  void instruction(uint32_t word) {
    const uint32_t first = word >> 10 & 0x3ff, second = word & 0x3ff;
    switch (word >> 20) {
      case 0x080: return load(first, source(second));
      case 0x480: return load(first, ~source(second));
      case 0x081: return load(first, 0);
      case 0x481: return load(first, ~uint64_t{0});
      case 0x100: return result(a + b, a + b < a);
      case 0x101: return result(a - b, a < b);
      case 0x102: return result(a & b, false);
      case 0x103: return result(a | b, false);
      case 0x104: return result(a ^ b, false);
      case 0x180: return store(first, source(second));
      case 0x580: return store(first, ~source(second));
      default: return;
    }
  }
};

/// New memory value of an atomic; `returned` starts as the old one.
template <class T, class Signed>
T atomic_result(uint32_t op, T old, T one, T two, T& returned) {
  const auto so = static_cast<Signed>(old), s1 = static_cast<Signed>(one);
  switch (op) {
    case 0x1: return old & one;
    case 0x2: return old | one;
    case 0x3: return old ^ one;
    case 0x4: return one;
    case 0x5: return old + 1;
    case 0x6: return old - 1;
    case 0x7: return old + one;
    case 0x8: return old - one;
    case 0x9: return one - old;
    case 0xa: return static_cast<T>(std::max(so, s1));
    case 0xb: return static_cast<T>(std::min(so, s1));
    case 0xc: return std::max(old, one);
    case 0xd: return std::min(old, one);
    case 0xe: return old == one ? two : old;
    case 0xf: return returned = old - 1;
    default: return old;
  }
}

template <class T, class Signed>
void atomic(Engine& e, Dwords d, uint64_t one, uint64_t two) {
  constexpr uint32_t kReturnData = hv::bit(16);
  const bool ggtt = (d[0] & hv::bit(22)) != 0;
  const uint64_t at = address_at(d, 1) & ~uint64_t{sizeof(T) - 1};
  T returned = e.mmu().get<T>(ggtt, at);
  const T value = atomic_result<T, Signed>(d[0] >> 8 & 0xf, returned, static_cast<T>(one),
                                           static_cast<T>(two), returned);
  e.mmu().put(ggtt, at, value);
  if (!(d[0] & kReturnData)) return;
  e.set_reg(rel::kGpr0, static_cast<uint32_t>(returned));
  if constexpr (sizeof(T) == 8) e.set_reg(rel::kGpr0 + 4, static_cast<uint32_t>(returned >> 32));
}

}  // namespace

void execute_math(Engine& e, Dwords d) {
  Alu alu{e};
  for (const uint32_t word : d.subspan(1)) alu.instruction(word);
}

/// 4- and 8-byte operations; the 16-byte compare-and-write is not modelled and changes nothing.
void execute_atomic(Engine& e, Dwords d) {
  constexpr uint32_t kInline = hv::bit(18), k8Bytes = hv::bit(13), k16Bytes = hv::bit(14);
  if ((d[0] & k16Bytes) || !operand_space(e, (d[0] & hv::bit(22)) != 0)) return;
  uint64_t one = reg64(e, rel::kGpr0), two = reg64(e, rel::kGpr0 + 8);
  if (d[0] & kInline) {
    if (d.size() < 7) return;
    one = d[3] | static_cast<uint64_t>(d[5]) << 32;
    two = d[4] | static_cast<uint64_t>(d[6]) << 32;
  }
  if (d[0] & k8Bytes) {
    atomic<uint64_t, int64_t>(e, d, one, two);
  } else {
    atomic<uint32_t, int32_t>(e, d, one, two);
  }
}

void execute_predicate(Engine& e, uint32_t dword) {
  const uint64_t one = reg64(e, rel::kPredicateSrc0), two = reg64(e, rel::kPredicateSrc1);
  const bool now = e.reg(rel::kPredicateResult) & 1;
  bool value = false;
  switch (dword & 3) {
    case 0: value = true; break;
    case 2: value = one == two; break;
    case 3: value = one - two == reg64(e, rel::kPredicateData); break;
    default: break;
  }
  switch (dword >> 3 & 3) {
    case 1: value = now && value; break;
    case 2: value = now || value; break;
    case 3: value = now != value; break;
    default: break;
  }
  constexpr uint32_t kKeep = 0, kLoadInverted = 3;
  const uint32_t load = dword >> 6 & 3;
  if (load == kKeep) return;
  e.set_reg(rel::kPredicateResult, (load == kLoadInverted) != value ? 1 : 0);
}

}  // namespace gpu::model

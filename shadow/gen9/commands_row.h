// SPDX-License-Identifier: MIT
// How the rows of the command table are written down. Included by the table's parts only.
#pragma once

#include <initializer_list>

#include "shadow/gen9/commands.h"

namespace gen9::rows {

inline constexpr EngineMask kRcs = engine_bit(EngineId::rcs), kBcs = engine_bit(EngineId::bcs);
inline constexpr EngineMask kVcs = engine_bit(EngineId::vcs), kVecs = engine_bit(EngineId::vecs);
inline constexpr EngineMask kAll = kAllEngineMask;

struct Opcode {
  uint32_t mask, value;
};
/// Memory interface: client 0, opcode in bits 28:23.
constexpr Opcode mi(uint32_t op) { return {0xff800000, op << 23}; }
/// Blitter: client 2, opcode in bits 28:22.
constexpr Opcode blt(uint32_t op) { return {0xffc00000, 2u << 29 | op << 22}; }
/// Render and media: client 3, pipeline 28:27, opcode 26:24, sub-opcode 23:16.
constexpr Opcode gfx(uint32_t pipeline, uint32_t op, uint32_t sub) {
  return {0xffff0000, 3u << 29 | pipeline << 27 | op << 24 | sub << 16};
}
/// Video: as gfx, with the sub-opcode split into A (23:21) and B (20:16).
constexpr Opcode vid(uint32_t op, uint32_t a, uint32_t b) { return gfx(2, op, a << 5 | b); }

struct Length {
  uint8_t bits, bias;
  uint16_t min, max;
};
constexpr Length one() { return {0, 1, 1, 1}; }
constexpr Length field(unsigned bits, unsigned min, unsigned max) {
  return {static_cast<uint8_t>(bits), 2, static_cast<uint16_t>(min), static_cast<uint16_t>(max)};
}
constexpr Length field(unsigned bits, unsigned dwords) { return field(bits, dwords, dwords); }

constexpr AddressOperand ppgtt(unsigned dword, bool write = false, unsigned bytes = 0) {
  return {static_cast<uint8_t>(dword), Space::ppgtt, 0, write, 0, static_cast<uint16_t>(bytes)};
}
constexpr AddressOperand by_bit(unsigned dword, unsigned flag_dword, unsigned bit, bool write,
                                unsigned bytes) {
  return {static_cast<uint8_t>(dword),
          Space::by_bit,
          static_cast<uint8_t>(flag_dword),
          write,
          uint32_t{1} << bit,
          static_cast<uint16_t>(bytes)};
}
inline constexpr bool kRead = false, kWrite = true;

struct Extra {
  Cmd id = Cmd::other;
  Audit audit = Audit::pass;
  bool arbitration_point = false;
};

constexpr CommandDesc row(const char* name, Opcode op, EngineMask engines, Length length,
                          Extra extra = {}, std::initializer_list<AddressOperand> addresses = {}) {
  CommandDesc d;
  d.name = name;
  d.mask = op.mask;
  d.value = op.value;
  d.id = extra.id;
  d.engines = engines;
  d.length_bits = length.bits;
  d.bias = length.bias;
  d.min_dwords = length.min;
  d.max_dwords = length.max;
  d.audit = extra.audit;
  d.arbitration_point = extra.arbitration_point;
  for (const AddressOperand& a : addresses) d.addresses[d.address_count++] = a;
  return d;
}

}  // namespace gen9::rows

// SPDX-License-Identifier: MIT
// Register storage. Offsets and reset values: SKL PRM vol 2c.
#include "dom0/gpu/model/registers.h"

#include <algorithm>
#include <array>

namespace gpu::model {
namespace {

using gen9::EngineId;

constexpr uint32_t kPcodeMailbox = 0x138124, kPcodeReady = hv::bit(31), kPcodeError = 0xff;
constexpr uint32_t kFuse2 = 0x9120, kRpmConfig0 = 0xd00;

struct Range {
  uint32_t first, last;
};
constexpr std::array kMasked{
    Range{0x2028, 0x2028}, Range{0x2088, 0x2088}, Range{0x2090, 0x2090}, Range{0x209c, 0x209c},
    Range{0x20c0, 0x20c0}, Range{0x20d0, 0x20d4}, Range{0x20d8, 0x20e4}, Range{0x20ec, 0x20ec},
    Range{0x2120, 0x2124}, Range{0x2244, 0x2244}, Range{0x229c, 0x229c}, Range{0x23a0, 0x23a0},
    Range{0x2470, 0x2470}, Range{0x2580, 0x2580}, Range{0x4030, 0x4030}, Range{0x5588, 0x5588},
    Range{0x7000, 0x7008}, Range{0x7010, 0x7018}, Range{0x7300, 0x7304}, Range{0x83a4, 0x83a4},
    Range{0xa188, 0xa188}, Range{0xa270, 0xa270}, Range{0xa278, 0xa278}, Range{0xe100, 0xe100},
    Range{0xe180, 0xe18c}, Range{0xe194, 0xe194}, Range{0xe48c, 0xe48c}, Range{0xe4f0, 0xe4f4},
    Range{0xe5f4, 0xe5f4}};

constexpr bool in_masked_table(uint32_t offset) {
  const auto* it = std::lower_bound(kMasked.begin(), kMasked.end(), offset,
                                    [](const Range& r, uint32_t o) { return r.last < o; });
  return it != kMasked.end() && offset >= it->first;
}

/// Masked registers that every engine has, relative to its base.
constexpr bool is_masked_relative(uint32_t rel) {
  switch (rel) {
    case 0x28:  // EXCC
    case gen9::rel::kMiMode:
    case gen9::rel::kInstpm:
    case gen9::rel::kResetCtl:
    case 0xd4:  // CSFE_CHICKEN1
    case gen9::rel::kContextControl:
    case gen9::rel::kRingMode:
    case gen9::rel::kCsbPtr:
    case 0x200:  // BCS_SWCTRL
      return true;
    default: return false;
  }
}

uint32_t forcewake_ack(uint32_t request) {
  switch (request) {
    case gen9::kForcewakeRender: return gen9::kForcewakeRenderAck;
    case gen9::kForcewakeBlitter: return gen9::kForcewakeBlitterAck;
    case gen9::kForcewakeMedia: return gen9::kForcewakeMediaAck;
    default: return 0;
  }
}

}  // namespace

bool is_masked_register(uint32_t offset) {
  const unsigned engine = engine_at(offset);
  const bool listed = engine == kNoEngine || engine == gen9::index(EngineId::rcs);
  return listed ? in_masked_table(offset) : is_masked_relative(offset % kEngineBlock);
}

unsigned slice_count(uint16_t device_id) {
  const unsigned family = device_id >> 8, gt = (device_id >> 4) & 0xf;
  const bool numbered_by_gt = family == 0x19 || family == 0x59;  // Sky Lake, Kaby Lake
  return numbered_by_gt && (gt == 2 || gt == 3) ? gt : 1;
}

Registers::Registers(uint16_t device_id)
    : words_(static_cast<uint32_t*>(std::calloc(gen9::kMmioBytes / 4, 4))) {
  set_fuses(device_id);
  for (const EngineId e : gen9::kAllEngines) reset_engine(e);
}

void Registers::set_fuses(uint16_t device_id) {
  const uint32_t slices = (1u << slice_count(device_id)) - 1;
  constexpr uint32_t kSubslice3Off = 8;
  set(kFuse2, slices << 25 | kSubslice3Off << 20);
  set(kRpmConfig0, 2 << 1);  // CTC counts 24 MHz >> 1: timestamps tick at 12 MHz
}

void Registers::write(uint32_t offset, uint32_t value) {
  if (offset == kPcodeMailbox) value &= ~(kPcodeReady | kPcodeError);  // done at once, no error
  const uint32_t now =
      is_masked_register(offset) ? hv::masked_write(get(offset), value) & 0xffff : value;
  set(offset, now);
  if (const uint32_t ack = forcewake_ack(offset)) set(ack, now);
}

void Registers::reset_engine(EngineId engine) {
  const uint32_t base = gen9::info(engine).mmio_base;
  std::fill_n(&words_[base >> 2], kEngineBlock >> 2, 0);
  set(base + gen9::rel::kImr, ~0u);
  set(base + gen9::rel::kEmr, ~0u);
  set(base + gen9::rel::kHwstam, ~0u);
  set(base + gen9::rel::kCsbPtr, 7);  // "nothing written yet": the first event goes to entry 0
}

void Registers::reset_gt() {
  std::fill_n(&words_[gen9::kFence0 >> 2], gen9::kFences * 2, 0);
  for (const uint32_t mocs : gen9::kMocs) std::fill_n(&words_[mocs >> 2], 64, 0);
  std::fill_n(&words_[gen9::kL3cc >> 2], 32, 0);
}

}  // namespace gpu::model

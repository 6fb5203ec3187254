// SPDX-License-Identifier: MIT
// SKL PRM vol 7 (Register State Context), vol 2d (context image layouts).
#include "dom0/gpu/model/context_image.h"

#include <algorithm>

#include "dom0/gpu/model/privilege.h"

namespace gpu::model {
namespace {

using gen9::EngineId;
namespace ctx = gen9::ctx;
namespace rel = gen9::rel;

constexpr uint32_t kLri = 0x22u << 23, kLriPosted = 1u << 12, kBatchEnd = 0x0au << 23;
constexpr uint32_t kOpcodeMask = 0xff800000;
constexpr uint32_t kBbValid = 1, kBbPpgtt = 1u << 5;
constexpr unsigned kChargedWord = 1022;  // charged time, the last 8 bytes of page 1
constexpr unsigned kEndWord = 1020;      // no commands from here on

// What has no register of its own (blitter set-up, MI_SET_PREDICATE) travels in a first block that
// loads NOPID, a register without effect, so that the image is nothing but ordinary LRI blocks.
constexpr unsigned kPrivateBlock = ctx::kEngineState + 1, kPrivateWords = 1 + Blitter::kStateDwords;
constexpr unsigned private_word(unsigned n) { return kPrivateBlock + 2 + 2 * n; }

struct Range {
  uint32_t first, last;  // dwords, inclusive
  bool inhibit_clears;   // starts from 0 in a context that has never been saved
};
constexpr Range kCommonRanges[] = {
    {rel::kNopid, rel::kNopid, true},
    {rel::kInstpm, rel::kInstpm, false},
    {rel::kMiPredicateResult2, rel::kMiPredicateResult2, true},
    {rel::kGpr0, rel::kGpr0 + 0x7c, true},
};
constexpr Range kRenderRanges[] = {
    {0x20d8, 0x20d8, false}, {0x20e0, 0x20e4, false}, {0x2158, 0x2158, true},
    {0x2290, 0x2294, true},  {0x22c8, 0x22cc, true},  {0x22d8, 0x22dc, true},
    {0x22f0, 0x22fc, true},  {0x2300, 0x2354, true},  {0x2360, 0x2364, true},
    {0x2400, 0x2420, true},  {0x2430, 0x2440, true},  {0x2448, 0x2454, true},
    {0x2500, 0x2508, true},  {0x2580, 0x2580, false}, {0x5200, 0x521c, true},
    {0x5240, 0x525c, true},  {0x5280, 0x528c, true},  {0x5588, 0x5588, false},
    {0x7000, 0x7008, false}, {0x7010, 0x7018, false}, {0x7034, 0x7034, false},
    {0x7300, 0x7304, false}, {0xe180, 0xe18c, false}, {0xe194, 0xe194, false},
    {0xe400, 0xe404, false},
};
constexpr Range kBlitterRanges[] = {{0x22200, 0x22200, true}};

template <class Use>
void for_each_range(EngineId engine, Use use) {
  const uint32_t base = gen9::info(engine).mmio_base;
  for (const Range& r : kCommonRanges) use({base + r.first, base + r.last, r.inhibit_clears});
  if (engine == EngineId::rcs)
    for (const Range& r : kRenderRanges) use(r);
  if (engine == EngineId::bcs)
    for (const Range& r : kBlitterRanges) use(r);
}

/// The value to write so that a register becomes `value`.
uint32_t load_value(uint32_t offset, uint32_t value) {
  return is_masked_register(offset) ? 0xffff0000 | value : value;
}

uint64_t join(uint32_t high, uint32_t low) { return static_cast<uint64_t>(high) << 32 | low; }

BatchPosition position(uint32_t udw, uint32_t ldw, uint32_t state) {
  return {join(udw & 0xffff, ldw & ~3u), (state & kBbPpgtt) == 0};
}

}  // namespace

uint64_t ContextImage::word_address(uint32_t lrca, unsigned word) const {
  return lrca + ctx::kStatePage * hv::kPageSize + word * 4;
}

bool ContextImage::restore(uint32_t lrca, ContextState& to) {
  const bool mapped = mmu_.read(true, word_address(lrca, 0),
                                std::as_writable_bytes(std::span(words_)), DmaPurpose::context);
  if (!mapped) return false;
  to = {};
  read_state(to);
  mmu_.set_root(to.pdp0);
  fresh_ = to.restore_inhibited;
  clear_registers();
  if (fresh_) return true;
  touch_render_pages(lrca, false);
  return load_registers(lrca);
}

void ContextImage::read_state(ContextState& to) const {
  const auto& w = words_;
  to.restore_inhibited = (w[ctx::kContextControl] & ctx::kRestoreInhibit) != 0;
  to.ring_start = w[ctx::kRingStart] & ~0xfffu;
  to.ring_ctl = w[ctx::kRingCtl];
  to.ring_head = w[ctx::kRingHead];
  to.ring_tail = w[ctx::kRingTail];
  to.pdp0 = join(w[ctx::kPdp0Udw], w[ctx::kPdp0Ldw]);
  if (engine_ == EngineId::rcs) {
    to.per_context = w[ctx::kBbPerCtxPtr];
    to.indirect = w[ctx::kIndirectCtx];
  }
  if (to.restore_inhibited) return;
  to.timestamp = w[ctx::kCtxTimestamp];
  to.charged_ns = join(w[kChargedWord + 1], w[kChargedWord]);
  if (has_private_block()) {
    to.set_predicate = w[private_word(0)] & 0xf;
    for (unsigned i = 0; i < to.blitter.size(); ++i) to.blitter[i] = w[private_word(i + 1)];
  }
  if (!(w[ctx::kBbHeadLdw] & kBbValid)) return;
  to.level = 1;
  to.batch[1] = position(w[ctx::kBbHeadUdw], w[ctx::kBbHeadLdw], w[ctx::kBbState]);
  if (!(w[ctx::kSbbHeadLdw] & kBbValid)) return;
  to.level = 2;
  to.batch[2] = position(w[ctx::kSbbHeadUdw], w[ctx::kSbbHeadLdw], w[ctx::kSbbState]);
}

bool ContextImage::has_private_block() const {
  if (words_[kPrivateBlock] != (kLri | kLriPosted | (kPrivateWords * 2 - 1))) return false;
  for (unsigned i = 0; i < kPrivateWords; ++i)
    if (words_[private_word(i) - 1] != gen9::engine_reg(engine_, rel::kNopid)) return false;
  return true;
}

void ContextImage::store_private_block(const ContextState& from) {
  words_[kPrivateBlock] = kLri | kLriPosted | (kPrivateWords * 2 - 1);
  for (unsigned i = 0; i < kPrivateWords; ++i) {
    words_[private_word(i) - 1] = gen9::engine_reg(engine_, rel::kNopid);
    words_[private_word(i)] = i == 0 ? from.set_predicate : from.blitter[i - 1];
  }
}

void ContextImage::load_register(uint32_t lrca, uint32_t offset, uint32_t value) {
  const uint32_t before = regs_.get(offset);
  regs_.write(offset, value);
  if (StateObserver* o = mmu_.state_observer())
    o->on_register({lrca, offset, before, regs_.get(offset)});
}

/// Executes the LRI blocks. Bounded by the page: a block that would leave it is damage, and so is
/// any other command.
bool ContextImage::load_registers(uint32_t lrca) {
  for (unsigned i = ctx::kEngineState; i < kEndWord;) {
    const uint32_t header = words_[i++];
    if (header == 0) continue;
    if ((header & kOpcodeMask) == kBatchEnd) return true;
    const unsigned pairs = ((header & 0xff) + 1) / 2;
    if ((header & kOpcodeMask) != kLri || i + pairs * 2 > kEndWord) return false;
    for (unsigned n = 0; n < pairs; ++n, i += 2) {
      const uint32_t offset = words_[i] & 0x7ffffc;
      if (Registers::valid(offset) && !is_control_register(offset) &&
          offset != gen9::engine_reg(engine_, rel::kMiMode))
        load_register(lrca, offset, words_[i + 1]);
    }
  }
  return true;
}

void ContextImage::clear_registers() {
  for_each_range(engine_, [this](const Range& r) {
    if (!r.inhibit_clears) return;
    for (uint32_t offset = r.first; offset <= r.last; offset += 4) regs_.set(offset, 0);
  });
}

/// Writes the LRI blocks, one per range, behind the private one.
void ContextImage::store_registers() {
  words_[ctx::kEngineState] = 0;
  unsigned i = kPrivateBlock + 1 + 2 * kPrivateWords;
  for_each_range(engine_, [&](const Range& r) {
    const unsigned count = (r.last - r.first) / 4 + 1;
    words_[i++] = kLri | kLriPosted | (count * 2 - 1);
    for (uint32_t offset = r.first; offset <= r.last; offset += 4) {
      words_[i++] = offset;
      words_[i++] = load_value(offset, regs_.get(offset));
    }
  });
  words_[i] = kBatchEnd;
}

void ContextImage::store_architectural(const ContextState& from) {
  auto& w = words_;
  w[ctx::kContextControl] &= ~ctx::kRestoreInhibit;
  w[ctx::kRingHead] = from.ring_head & 0x1ffffc;  // without the wrap count
  const BatchPosition first = from.level >= 1 ? from.batch[1] : BatchPosition{};
  const BatchPosition second = from.level == 2 ? from.batch[2] : BatchPosition{};
  w[ctx::kBbHeadUdw] = static_cast<uint32_t>(first.address >> 32);
  w[ctx::kBbHeadLdw] = static_cast<uint32_t>(first.address) | (from.level >= 1 ? kBbValid : 0);
  w[ctx::kBbState] = first.ggtt ? 0 : kBbPpgtt;
  w[ctx::kSbbHeadUdw] = static_cast<uint32_t>(second.address >> 32);
  w[ctx::kSbbHeadLdw] = static_cast<uint32_t>(second.address) | (from.level == 2 ? kBbValid : 0);
  w[ctx::kSbbState] = second.ggtt ? 0 : kBbPpgtt;
  w[ctx::kCtxTimestamp] = from.timestamp;
  w[kChargedWord] = static_cast<uint32_t>(from.charged_ns);
  w[kChargedWord + 1] = static_cast<uint32_t>(from.charged_ns >> 32);
}

void ContextImage::save(uint32_t lrca, const ContextState& from) {
  store_architectural(from);
  store_private_block(from);
  store_registers();
  const auto put = [&](unsigned first, unsigned end) {
    mmu_.write(true, word_address(lrca, first),
               std::as_bytes(std::span(words_).subspan(first, end - first)), DmaPurpose::context);
  };
  put(0, ctx::kRingTail);
  put(ctx::kRingTail + 1, kWords);
  touch_render_pages(lrca, true);
  fresh_ = false;
}

/// Pages 2 and up hold the state of the 3D pipeline, which is not modelled: a fresh context saves
/// zeros, any other what it was restored from, which is what memory already holds.
void ContextImage::touch_render_pages(uint32_t lrca, bool write) {
  const unsigned pages = gen9::info(engine_).context_pages;
  std::array<std::byte, hv::kPageSize> page{};
  for (unsigned n = ctx::kStatePage + 1; n < pages; ++n) {
    const uint64_t address = lrca + n * hv::kPageSize;
    if (write && fresh_) {
      mmu_.write(true, address, page, DmaPurpose::context);
    } else {
      mmu_.touch(address, write);
    }
  }
}

uint32_t ContextImage::sample_tail(uint32_t lrca) {
  return mmu_.get<uint32_t>(true, word_address(lrca, ctx::kRingTail), DmaPurpose::context);
}

}  // namespace gpu::model

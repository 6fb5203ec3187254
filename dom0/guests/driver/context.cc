// SPDX-License-Identifier: MIT
// Context images as i915 lays them out (SKL PRM vol 7, Register State Context), and ring emission.
#include "dom0/guests/driver/context.h"

#include <array>

#include "shadow/gen9/context_image.h"
#include "shadow/gen9/regs.h"

namespace guests {
namespace {

namespace ctx = gen9::ctx;
constexpr unsigned kRingPages = 4;
constexpr uint32_t kRingBytes = kRingPages * hv::kPageSize;
constexpr unsigned kStateDwords = 0x50;
constexpr uint32_t kLriForcePosted = 0x1100'1000;
constexpr uint32_t kIndirectOffset = 0x26 << 6;  // i915's Gen9 default, in cache lines

// Register of each value dword, relative to the engine; SKL PRM vol 7.
struct Pair {
  unsigned dword;
  uint32_t rel;
};
constexpr Pair kPairs[] = {{3, 0x244},  {5, 0x34},   {7, 0x30},   {9, 0x38},   {11, 0x3c},
                           {13, 0x168}, {15, 0x140}, {17, 0x110}, {19, 0x11c}, {21, 0x114},
                           {23, 0x118}, {25, 0x1c0}, {27, 0x1c4}, {29, 0x1c8}, {35, 0x3a8},
                           {37, 0x28c}, {39, 0x288}, {41, 0x284}, {43, 0x280}, {45, 0x27c},
                           {47, 0x278}, {49, 0x274}, {51, 0x270}};

std::array<uint32_t, kStateDwords> fresh_state(gen9::EngineId engine) {
  std::array<uint32_t, kStateDwords> s{};
  s[1] = kLriForcePosted | 27;   // 14 pairs
  s[33] = kLriForcePosted | 17;  // 9 pairs
  for (const Pair& p : kPairs) s[p.dword - 1] = gen9::engine_reg(engine, p.rel);
  return s;
}

}  // namespace

std::unique_ptr<Context> Context::create(GuestPort& port, GuestGgtt& ggtt,
                                         const ContextConfig& config) {
  auto image = ggtt.create(gen9::info(config.engine).context_pages);
  auto ring = ggtt.create(kRingPages);
  auto timeline = ggtt.create(1);
  if (!image || !ring || !timeline) return nullptr;
  std::unique_ptr<Context> c(new Context(port, config));
  c->image_ = std::move(*image);
  c->ring_ = std::move(*ring);
  c->timeline_ = std::move(*timeline);
  c->write_image();
  return c;
}

void Context::write_state(unsigned dword, uint32_t value) {
  port_.ram_store(image_.at(ctx::kStatePage * hv::kPageSize + 4 * dword), 4, value);
}

void Context::write_image() {
  const uint64_t state = ctx::kStatePage * hv::kPageSize;
  const auto fresh = fresh_state(config_.engine);
  if (config_.defaults) {
    write_object(port_, image_, state, *config_.defaults);
  } else {
    write_object(port_, image_, state, std::as_bytes(std::span(fresh)));
  }
  const uint32_t inhibit = ctx::kRestoreInhibit;
  write_state(ctx::kContextControl,
              hv::masked_enable(ctx::kInhibitSyncSwitch) |
                  (config_.defaults ? hv::masked_disable(inhibit) : hv::masked_enable(inhibit)));
  write_state(ctx::kRingHead, 0);
  write_state(ctx::kRingTail, 0);
  write_state(ctx::kRingStart, static_cast<uint32_t>(ring_.address));
  write_state(ctx::kRingCtl, (kRingBytes - hv::kPageSize) | 1);
  for (const unsigned d : {ctx::kBbHeadUdw, ctx::kBbHeadLdw, ctx::kBbState}) write_state(d, 0);
  write_state(ctx::kCtxTimestamp, 0);
  write_state(ctx::kPdp0Udw, static_cast<uint32_t>(config_.pml4.v >> 32));
  write_state(ctx::kPdp0Ldw, static_cast<uint32_t>(config_.pml4.v));
  if (config_.indirect_context == 0) return;
  write_state(ctx::kIndirectCtx, config_.indirect_context | config_.indirect_lines);
  write_state(ctx::kIndirectCtxOffset, kIndirectOffset);
}

uint32_t Context::completed() { return port_.ram_load<uint32_t>(timeline_.pages[0]); }

uint32_t Context::room() {
  const uint32_t done = completed();
  size_t n = 0;
  for (; n < marks_.size() && static_cast<int32_t>(done - marks_[n].seqno) >= 0; ++n)
    head_ = marks_[n].end;
  marks_.erase(marks_.begin(), marks_.begin() + static_cast<ptrdiff_t>(n));
  if (marks_.empty()) head_ = emit_;
  const uint32_t used = (emit_ - head_) & (kRingBytes - 1);
  return kRingBytes - used - 64;  // head and tail never share a cache line
}

void Context::put_words(std::span<const uint32_t> words) {
  for (const uint32_t w : words) {
    port_.ram_store(ring_.at(emit_), 4, w);
    emit_ = (emit_ + 4) & (kRingBytes - 1);
  }
}

bool Context::emit(uint64_t batch, bool first_use, uint32_t& tail, uint32_t& wa_tail) {
  const Emitted e = emit_request(
      {config_.engine, batch, timeline_.address, seqno_ + 1, first_use, config_.mid_thread});
  const auto bytes = static_cast<uint32_t>(e.words.size() * 4);
  const uint32_t to_end = kRingBytes - emit_;
  const uint32_t pad = bytes > to_end ? to_end : 0;  // a request never wraps, as in i915
  if (room() < bytes + pad) return false;
  const Words none(pad / 4 > Words::static_capacity ? 0 : pad / 4, 0);
  put_words(none);
  tail = emit_ + 4 * e.tail_words;
  put_words(e.words);
  wa_tail = emit_;
  tail &= kRingBytes - 1;
  marks_.push_back({++seqno_, emit_});
  return true;
}

uint64_t Context::set_tail(uint32_t tail) {
  namespace d = gen9::descriptor;
  uint64_t desc = d::kValid | d::kPrivileged;
  desc = d::AddressingMode::set(desc, 3);
  desc = d::Lrca::set(desc, image_.address >> hv::kPageShift);
  desc = d::ContextId::set(desc, config_.id);
  // i915: a tail that does not move forward needs a full restore, or the GPU runs to the old one.
  const uint32_t ahead = (tail - image_tail_) & (kRingBytes - 1);
  if (ahead == 0 || ahead > kRingBytes / 2) desc |= d::kForceRestore;
  image_tail_ = tail;
  write_state(ctx::kRingTail, tail);
  return desc;
}

void Context::cancel_all() {
  port_.ram_store(timeline_.pages[0], 4, seqno_);
  write_state(ctx::kRingHead, emit_);
  write_state(ctx::kRingTail, emit_);
  image_tail_ = emit_;
  marks_.clear();
}

}  // namespace guests

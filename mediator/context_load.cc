// SPDX-License-Identifier: MIT
// Taking a guest's logical ring context into its shadow: every address replaced, every register the
// restore would load audited.
#include <algorithm>
#include <cstring>

#include "mediator/context.h"
#include "mediator/context_audit.h"
#include "shadow/gen9/context_image.h"

namespace mediator {
namespace ctx = gen9::ctx;
using gen9::EngineId;
using hv::GmAddr;
namespace {

/// Of CONTEXT_CONTROL: resource streamer enable. Restore inhibit is not the guest's: its context
/// would meet what the last one left in every register.
constexpr uint32_t kGuestsControl = 1u << 1;
constexpr uint32_t kMaxLines = 0x3f;  // cache lines of an indirect-context batch
constexpr size_t kLineDwords = 16;
constexpr uint32_t kArbitrationOn = 0x08u << 23 | 1;
constexpr uint32_t kIndirectOffset = 0x26u << 6;  // the hardware's default, in cache lines

/// Runs inside every restore of a render context, before anything of the guest's: a stalling L3
/// flush, which also clears shared local memory and what the execution units held
/// (CVE-2019-14615; WaClearSlmSpaceAtContextSwitch). PIPE_CONTROL, SKL PRM vol 2a; it writes a zero
/// at a place of the context's own page that drivers leave for this. One cache line.
constexpr std::array<uint32_t, kLineDwords> kFlushBetweenContexts{
    0x7a000004, hv::bit(27) | hv::bit(21) | hv::bit(20) | 1u << 14 | hv::bit(5), 0xd0};

}  // namespace

Reject ContextSet::load(ShadowContext& c) {
  StatePage state;
  const GmAddr at{c.guest_lrca + hv::kPageSize};
  if (!env_.ggtt.read(at, std::as_writable_bytes(std::span{state})).ok())
    return Reject::ggtt_address;
  if (const Reject r = load_ring(c, state); r != Reject::none) return r;
  if (const Reject r = load_ppgtt(c, state); r != Reject::none) return r;
  const bool inhibit = (state[ctx::kContextControl] & ctx::kRestoreInhibit) != 0;
  uint64_t stamp = 0;
  std::memcpy(&stamp, &state[kStampDword], sizeof stamp);
  const bool ours = !inhibit && stamp != 0 && stamp == c.stamp;
  if (!ours) load_state_pages(c, inhibit);

  c.batches.recycle();
  c.marks.clear();
  c.view.reset();
  if (c.root && wants_view(c.engine)) {
    auto view = env_.ppgtt.make_view(*c.root);
    if (!view.ok()) return Reject::no_memory;
    c.view = std::move(view.value());
  }
  if (const Refusal r = load_workarounds(c, state); r.reason != Reject::none) return r.reason;

  canonical_register_state(c.engine, state);
  StatePage saved;
  if (ours) c.image.read(hv::kPageSize, std::as_writable_bytes(std::span{saved}));
  const EngineStateSource source{
      ours ? std::span<const uint32_t>{saved} : env_.defaults.state(c.engine),
      inhibit ? &env_.device.registers() : nullptr};
  c.dropped_loads += compose_engine_state(c.engine, source, state);
  c.mid_thread = c.engine == EngineId::rcs && asks_mid_thread(state);
  // All control bits count: the mask half is set for each. A context that saves nothing would never
  // be seen to end.
  state[ctx::kContextControl] =
      0xffff0000 | (state[ctx::kContextControl] & kGuestsControl) | ctx::kInhibitSyncSwitch;
  state[ctx::kRingHead] = c.head;  // inside the ring: the GPU starts wherever it is told to
  state[ctx::kRingStart] = static_cast<uint32_t>(c.ring.base().v);
  for (unsigned i = ctx::kBbHeadUdw; i <= ctx::kSbbState; i += 2) state[i] = 0;
  for (unsigned i = ctx::kPdp3Udw; i <= ctx::kPdp0Ldw; i += 2) state[i] = 0;
  const hv::BusFrame pml4 = c.view   ? c.view->root_frame()
                            : c.root ? env_.ppgtt.root_frame(*c.root)
                                     : no_ppgtt_;
  state[ctx::kPdp0Udw] = static_cast<uint32_t>(hv::bus_address(pml4) >> 32);
  state[ctx::kPdp0Ldw] = static_cast<uint32_t>(hv::bus_address(pml4));
  c.image.write(hv::kPageSize, std::as_bytes(std::span{state}));
  c.in_progress = true;
  return Reject::none;
}

Reject ContextSet::load_ring(ShadowContext& c, std::span<const uint32_t> state) {
  const uint64_t start = state[ctx::kRingStart] & ~uint32_t{0xfff};
  const uint32_t bytes = ctx::ring_bytes(state[ctx::kRingCtl]);
  if (!env_.ggtt.windows().contains(start, bytes)) return Reject::ggtt_address;
  if (!c.ring.valid() || c.ring_bytes != bytes) {
    auto ring = host_object(shadow::PageUse::ring, bytes >> 12);
    if (!ring.ok()) return Reject::no_memory;
    c.ring = std::move(ring.value());
  }
  c.ring_start = start;
  c.ring_bytes = bytes;
  c.head = c.ring_offset(state[ctx::kRingHead]);
  c.tail_ready = c.head;
  c.tail_wanted = c.ring_offset(state[ctx::kRingTail]);
  c.user_interrupt = false;
  return Reject::none;
}

Reject ContextSet::load_ppgtt(ShadowContext& c, std::span<const uint32_t> state) {
  const uint64_t pml4 = uint64_t{state[ctx::kPdp0Udw]} << 32 | state[ctx::kPdp0Ldw];
  if (!c.addressing_64 && pml4 == 0) {  // no PPGTT of its own (AUB files, early kernel contexts)
    release(c);
    if (no_ppgtt_ != hv::kNoFrame) return Reject::none;
    const auto page = env_.gpu.alloc_page(shadow::PageUse::page_table, env_.owner);
    if (!page.ok()) return Reject::no_memory;
    no_ppgtt_ = page.value();
    return Reject::none;
  }
  if (c.root && c.pml4 == pml4) return Reject::none;
  release(c);
  auto root = env_.ppgtt.acquire(hv::Gpa{pml4 & ~hv::kPageMask});
  if (!root.ok()) return Reject::batch_address;
  c.root = root.value();
  c.pml4 = pml4;
  return Reject::none;
}

/// Pages that the GPU restores from without anybody having audited them are the host's default, or
/// what it has saved for this vGPU before.
void ContextSet::load_state_pages(ShadowContext& c, bool first) {
  std::array<std::byte, hv::kPageSize> page;
  c.write_all = c.write_all || first;
  if (!first) env_.work.charge(c.image.pages() * shadow::cost::kImagePage);
  for (unsigned p = 2; p < c.image.pages(); ++p) {
    const auto known = std::span{c.known}.subspan((p - 1) * hv::kPageSize, hv::kPageSize);
    const auto fallback = env_.defaults.page(c.engine, p);
    if (first) {
      std::copy(fallback.begin(), fallback.end(), page.begin());
    } else {
      if (!env_.ggtt.read(GmAddr{c.guest_lrca + p * hv::kPageSize}, page).ok()) continue;
      if (std::equal(page.begin(), page.end(), known.begin())) continue;
      if (!saved_pages_.contains(page) && !std::equal(page.begin(), page.end(), fallback.begin())) {
        std::copy(fallback.begin(), fallback.end(), page.begin());
        ++c.dropped_pages;
      }
    }
    if (std::equal(page.begin(), page.end(), known.begin())) continue;
    std::copy(page.begin(), page.end(), known.begin());
    c.image.write(p * hv::kPageSize, page);
  }
}

/// Whole cache lines to run inside the restore. The context is at rest, so what it ran there before
/// is replaced where it stands.
Refusal ContextSet::run_in_restore(ShadowContext& c, std::span<uint32_t> state,
                                   std::vector<uint32_t> stream) {
  if (!c.restore.valid()) {
    auto object = host_object(shadow::PageUse::batch, 1);
    if (!object.ok()) return {Reject::no_memory, 0, "indirect-context batch", 0};
    c.restore = std::move(object.value());
  }
  const auto lines = static_cast<uint32_t>(stream.size() / kLineDwords);
  if (stream != c.restore_stream) c.restore.write(0, std::as_bytes(std::span{stream}));
  c.restore_stream = std::move(stream);
  state[ctx::kIndirectCtx] = static_cast<uint32_t>(c.restore.base().v) | lines;
  return {};
}

Refusal ContextSet::load_workarounds(ShadowContext& c, std::span<uint32_t> state) {
  c.workarounds.recycle();
  const uint32_t per_ctx = state[ctx::kBbPerCtxPtr], indirect = state[ctx::kIndirectCtx];
  state[ctx::kBbPerCtxPtr] = 0;
  state[ctx::kIndirectCtx] = 0;
  if (c.engine != EngineId::rcs) return {};
  BatchShadow shadow(env_, c.engine, nullptr, nullptr, true, c.workarounds, copy_pages_left());
  if (per_ctx & 1) {
    const auto host = shadow.privileged_batch(per_ctx & ~uint32_t{0xfff});
    if (!host.ok()) return {host.error(), 0, "per-context batch", per_ctx};
    state[ctx::kBbPerCtxPtr] = static_cast<uint32_t>(host.value()) | 1;
    c.mark(shadow.marks());
  }
  state[ctx::kIndirectCtxOffset] = kIndirectOffset;
  const uint32_t guests_lines = indirect & kMaxLines;
  std::vector<uint32_t> batch(kFlushBetweenContexts.begin(), kFlushBetweenContexts.end());
  if (guests_lines == 0) return run_in_restore(c, state, std::move(batch));
  if (guests_lines == kMaxLines) return {Reject::too_long, 0, "indirect-context batch", indirect};
  uint32_t lines = guests_lines + 1;
  batch.resize(lines * kLineDwords);
  const uint32_t from = indirect & ~uint32_t{0x3f};
  const auto guests = std::span{batch}.subspan(kFlushBetweenContexts.size());
  if (!env_.ggtt.read(GmAddr{from}, std::as_writable_bytes(guests)).ok())
    return {Reject::ggtt_address, 0, "indirect-context batch", indirect};
  // It runs inside the restore, where a preemption is not wanted; but what it leaves off stays off
  // for all of the context.
  const ScanOutcome outcome = shadow.scan_stream(guests, true);
  if (outcome.refusal.reason != Reject::none) return shadow.refusal();
  if (outcome.arbitration_off) {
    if (lines++ == kMaxLines) return {Reject::too_long, 0, "indirect-context batch", indirect};
    batch.push_back(kArbitrationOn);
    batch.resize(lines * kLineDwords);
  }
  c.mark(shadow.marks());
  return run_in_restore(c, state, std::move(batch));
}

}  // namespace mediator

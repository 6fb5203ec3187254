// SPDX-License-Identifier: MIT
#include "mediator/context.h"

#include <algorithm>
#include <cstring>

#include "mediator/context_audit.h"
#include "mediator/encode.h"
#include "shadow/gen9/context_image.h"
#include "shadow/gen9/regs.h"

namespace mediator {
namespace ctx = gen9::ctx;
namespace descriptor = gen9::descriptor;
using gen9::EngineId;
using hv::GmAddr;
uint64_t ShadowContext::descriptor() const {
  uint64_t d = descriptor::kValid | descriptor::kPrivileged | image.base().v;
  // Never with three levels: the GPU would take the tables of the upper two for pages.
  d = descriptor::AddressingMode::set(d, 3);
  return descriptor::ContextId::set(d, host_id);
}

ContextSet::~ContextSet() {
  for (auto& [key, c] : contexts_) release(*c);
  if (no_ppgtt_ != hv::kNoFrame) env_.retired.page(no_ppgtt_);
}

bool ContextSet::wants_view(EngineId engine) const {
  return engine == EngineId::bcs || env_.scan_all;
}

void ContextSet::release(ShadowContext& c) {
  c.view.reset();
  if (c.root) env_.ppgtt.release(*c.root);
  c.root.reset();
  c.space_gone = false;
}

void ContextSet::forget_space(uint64_t pml4) {
  for (auto& [key, c] : contexts_) {
    if (!c->root || (c->pml4 ^ pml4) & ~hv::kPageMask) continue;
    if (c->in_progress || c->on_gpu)
      c->space_gone = true;
    else
      release(*c);
  }
}

bool ContextSet::make_room() {
  if (contexts_.size() < kMaxContexts) return true;
  auto oldest = contexts_.end();
  for (auto it = contexts_.begin(); it != contexts_.end(); ++it) {
    if (it->second->in_progress || it->second->on_gpu) continue;
    if (oldest == contexts_.end() || it->second->last_use < oldest->second->last_use) oldest = it;
  }
  if (oldest == contexts_.end()) return false;
  let_go(*oldest->second);
  contexts_.erase(oldest);
  return true;
}

hv::Result<ShadowContext*, Reject> ContextSet::get(EngineId engine, uint64_t desc, uint64_t now) {
  const uint64_t lrca = desc & descriptor::Lrca::mask;
  const Key key{engine, lrca};
  auto it = contexts_.find(key);
  if (it == contexts_.end()) {
    if (!make_room()) return Reject::no_memory;
    auto c = std::make_unique<ShadowContext>();
    const unsigned pages = gen9::info(engine).context_pages;
    env_.work.charge(pages * shadow::cost::kCopyPage);
    auto image = host_object(shadow::PageUse::context, pages);
    if (!image.ok()) return Reject::no_memory;
    c->image = std::move(image.value());
    c->known_as.enter(env_.owners, static_cast<uint32_t>(c->image.base().v), env_.owner);
    c->engine = engine;
    c->guest_lrca = lrca;
    c->host_id = uint32_t{env_.owner.v} << 16 | (next_host_id_++ & 0xffff);
    c->known.resize((pages - 1) * hv::kPageSize);
    it = contexts_.emplace(key, std::move(c)).first;
  }
  ShadowContext& c = *it->second;
  c.guest_id = static_cast<uint32_t>(descriptor::ContextId::get(desc));
  c.addressing_64 = descriptor::AddressingMode::get(desc) == 3;
  c.last_use = now;
  return &c;
}

ShadowContext* ContextSet::find_host(uint32_t host_id) {
  for (auto& [key, c] : contexts_)
    if (c->host_id == host_id) return c.get();
  return nullptr;
}

/// The GPU's 4 GiB of GGTT are shared by all: where none is left, contexts at rest make room.
hv::Result<shadow::HostObject> ContextSet::host_object(shadow::PageUse use, unsigned pages) {
  const auto make = [&] {
    return shadow::HostObject::create(env_.gpu, env_.space, env_.retired, use, env_.owner, pages);
  };
  auto object = make();
  if (object.ok() || !env_.reclaim()) return object;
  return make();
}

void ContextSet::note_tail(ShadowContext& c) {
  uint32_t tail = 0;
  const GmAddr at{c.guest_lrca + hv::kPageSize + ctx::kRingTail * 4};
  // An image the guest has just unmapped has no new tail.
  if (!c.in_progress || !env_.ggtt.read(at, std::as_writable_bytes(std::span{&tail, 1})).ok())
    return;
  c.tail_wanted = c.ring_offset(tail);
}

Refusal ContextSet::prepare(ShadowContext& c) {
  preparing_ = &c;
  put_off_ = false;
  const Refusal refusal = prepare_context(c);
  preparing_ = nullptr;
  return refusal;
}

Refusal ContextSet::prepare_context(ShadowContext& c) {
  const bool resumed = c.in_progress;
  if (!resumed) {
    if (const Reject r = load(c); r != Reject::none) return {r, 0, "logical ring context", 0};
  }
  // Copies behind a private view belong to what now runs: the rest waits for its end.
  if (resumed && c.view != nullptr && c.tail_ready != c.tail_wanted) return {};
  const Refusal refusal = prepare_ring(c);
  if (put_off_ && !resumed) c.in_progress = false;  // nothing of it has run: it is loaded again
  return refusal;
}

Refusal ContextSet::prepare_ring(ShadowContext& c) {
  // A tail taken back inside what is ready (a driver that unwinds requests): less to run.
  if (c.ring_distance(c.head, c.tail_wanted) <= c.ring_distance(c.head, c.tail_ready))
    c.tail_ready = c.tail_wanted;
  if (c.tail_ready == c.tail_wanted) return {};
  if (c.root) {
    const auto s = env_.ppgtt.sync(*c.root);
    put_off_ = !s.ok() && s.error() == hv::Error::busy;
    if (put_off_) return {};
    if (!s.ok()) return {Reject::no_memory, 0, "PPGTT", 0};
  }
  const uint32_t bytes = c.ring_distance(c.tail_ready, c.tail_wanted);
  segment_.resize(bytes / 4);
  const std::span<uint32_t> segment{segment_};
  env_.work.charge(segment.size() * shadow::cost::kDword);
  if (!read_segment(c, c.tail_ready, c.tail_wanted, segment))
    return {Reject::ggtt_address, 0, "ring", static_cast<uint32_t>(c.ring_start)};
  BatchShadow shadow(env_, c.engine, c.root ? &*c.root : nullptr, c.view.get(), !c.mid_thread,
                     c.batches, copy_pages_left());
  const size_t copies = c.batches.objects.size();
  const ScanOutcome outcome = shadow.scan_stream(segment);
  if (outcome.refusal.reason != Reject::none) {
    c.batches.objects.resize(copies);  // nothing of it runs, and the guest may try again
    return shadow.refusal();
  }
  if (c.view && !shadow.commit().ok()) return {Reject::no_memory, 0, "batch copy", 0};
  if (c.engine == EngineId::rcs) c.mid_thread = shadow.mid_thread_preemption() || c.mid_thread;
  c.mark(shadow.marks());
  c.user_interrupt = c.user_interrupt || outcome.has_user_interrupt;
  write_segment(c, c.tail_ready, segment, shadow);
  c.tail_ready = c.tail_wanted;
  return {};
}

bool ContextSet::read_segment(const ShadowContext& c, uint32_t from, uint32_t to,
                              std::span<uint32_t> out) {
  const auto bytes = std::as_writable_bytes(out);
  const size_t first = from < to ? bytes.size() : c.ring_bytes - from;
  return env_.ggtt.read(GmAddr{c.ring_start + from}, bytes.first(first)).ok() &&
         (first == bytes.size() || env_.ggtt.read(GmAddr{c.ring_start}, bytes.subspan(first)).ok());
}

void ContextSet::write_segment(ShadowContext& c, uint32_t from, std::span<const uint32_t> segment,
                               const BatchShadow& scan) {
  const auto bytes = std::as_bytes(segment);
  const size_t first = std::min<size_t>(bytes.size(), c.ring_bytes - from);
  c.ring.write(from, bytes.first(first));
  if (first < bytes.size()) c.ring.write(0, bytes.subspan(first));
  if (env_.originals == nullptr) return;
  env_.originals->forget(c.ring.base().v + from, first);
  env_.originals->forget(c.ring.base().v, bytes.size() - first);
  for (const auto& [index, original] : scan.patches()) {
    const uint64_t offset = (from + index * 4) % c.ring_bytes;
    env_.originals->remember(c.ring.base().v + offset, original);
  }
}

size_t ContextSet::copy_pages_left() const {
  size_t used = 0;
  for (const auto& [key, c] : contexts_) used += c->batches.pages() + c->workarounds.pages();
  return env_.batch_copy_pages - std::min(used, env_.batch_copy_pages);
}

hv::Status ContextSet::make_current(ShadowContext& c) {
  if (c.root)
    if (const auto s = env_.ppgtt.sync(*c.root); !s.ok()) return s;
  c.tail_on_gpu = c.tail_ready;
  c.image.write(hv::kPageSize + ctx::kRingTail * 4, std::as_bytes(std::span{&c.tail_on_gpu, 1}));
  return env_.retired.flush();
}

void ContextSet::saved(ShadowContext& c) {
  uint32_t head = 0;
  c.image.read(hv::kPageSize + ctx::kRingHead * 4, std::as_writable_bytes(std::span{&head, 1}));
  c.head = c.ring_offset(head);
}

void ContextSet::copy_back(ShadowContext& c, bool finished) {
  StatePage state;
  c.image.read(hv::kPageSize, std::as_writable_bytes(std::span{state}));
  c.stamp = ++stamps_;
  std::memcpy(&state[kStampDword], &c.stamp, sizeof c.stamp);
  state[ctx::kContextControl] &= ~ctx::kRestoreInhibit;  // this image is worth restoring
  const auto put_range = [&](unsigned first, unsigned last) {
    const auto part = std::as_bytes(std::span{state}.subspan(first, last - first + 1));
    // A guest that unmapped its own context loses its image, as on hardware.
    (void)env_.ggtt.write(GmAddr{c.guest_lrca + hv::kPageSize + first * 4}, part);
  };
  // Where a copy of a privileged batch stands in the host's GGTT is not the guest's to know.
  constexpr uint32_t kPpgtt = 1u << 5;
  for (const unsigned at : {ctx::kBbHeadUdw, ctx::kSbbHeadUdw})
    if ((state[at + 4] & kPpgtt) == 0) state[at] = state[at + 2] = 0;
  // Only what the GPU owns: the guest may write its next tail at any time.
  put_range(ctx::kContextControl, ctx::kContextControl);
  put_range(ctx::kRingHead, ctx::kRingHead);
  put_range(ctx::kBbHeadUdw, ctx::kSbbState);
  put_range(ctx::kCtxTimestamp, ctx::kCtxTimestamp);
  put_range(ctx::kEngineState, static_cast<unsigned>(state.size() - 1));

  std::array<std::byte, hv::kPageSize> page;
  for (unsigned p = 0; p < c.image.pages(); p += p == 0 ? 2 : 1) {
    const auto known =
        std::span{c.known}.subspan((p == 0 ? 0 : p - 1) * hv::kPageSize, hv::kPageSize);
    const bool all = c.write_all && p >= 2;
    if (!all && env_.gpu.page_equals(c.image.frame(p), 0, known)) continue;
    c.image.read(p * hv::kPageSize, page);
    for (size_t i = 0; i < page.size(); i += 64) {
      if (!all && std::equal(page.begin() + i, page.begin() + i + 64, known.begin() + i)) continue;
      (void)env_.ggtt.write(GmAddr{c.guest_lrca + p * hv::kPageSize + i},
                            std::span{page}.subspan(i, 64));
    }
    std::copy(page.begin(), page.end(), known.begin());
  }
  // Its driver may copy this first image into others.
  if (c.write_all) remember_pages(c);
  c.write_all = false;
  if (!finished) return;
  c.in_progress = false;
  if (c.space_gone) release(c);
}

/// The guest's image holds these pages, and will hand them in again.
void ContextSet::remember_pages(const ShadowContext& c) {
  for (unsigned p = 2; p < c.image.pages(); ++p)
    saved_pages_.add(std::span{c.known}.subspan((p - 1) * hv::kPageSize, hv::kPageSize));
}

void ContextSet::drop(gen9::EngineMask engines) {
  for (auto it = contexts_.begin(); it != contexts_.end();) {
    const ShadowContext& c = *it->second;
    if (!(engines & gen9::engine_bit(it->first.first)) || !(c.in_progress || c.on_gpu)) {
      ++it;
      continue;
    }
    let_go(*it->second);
    it = contexts_.erase(it);
  }
}

/// For its guest's sake, who pays for it; drop_idle() is for others'.
void ContextSet::let_go(ShadowContext& c) {
  env_.work.charge(c.image.pages() * shadow::cost::kImagePage);
  if (!c.write_all) remember_pages(c);
  release(c);
}

uint64_t ContextSet::guest_address(gen9::EngineId engine, uint64_t address) const {
  const auto holds = [address](const shadow::HostObject& o) {
    return o.valid() && address >= o.base().v && address - o.base().v < o.pages() * hv::kPageSize;
  };
  for (const auto& [key, c] : contexts_) {
    if (key.first != engine || !c->on_gpu) continue;
    if (holds(c->ring)) return c->ring_start + (address - c->ring.base().v);
    const auto any = [&](const BatchCopies& copies) {
      return std::any_of(copies.objects.begin(), copies.objects.end(), holds);
    };
    if (holds(c->restore) || any(c->workarounds) || any(c->batches)) return c->ring_start + c->head;
  }
  return address;
}

void ContextSet::drop_idle() {
  for (auto it = contexts_.begin(); it != contexts_.end();) {
    const ShadowContext& c = *it->second;
    if (c.in_progress || c.on_gpu || &c == preparing_) {
      ++it;
      continue;
    }
    if (!c.write_all) remember_pages(c);
    release(*it->second);
    it = contexts_.erase(it);
  }
}

void ContextSet::forget() {
  for (auto& [key, c] : contexts_) {
    let_go(*c);
  }
  contexts_.clear();
}

bool ContextSet::any_in_progress() const {
  return std::any_of(contexts_.begin(), contexts_.end(),
                     [](const auto& e) { return e.second->in_progress; });
}

void ContextSet::encode(std::vector<std::byte>& out) const {
  put(out, static_cast<uint32_t>(contexts_.size()));
  for (const auto& [key, c] : contexts_) {
    put(out, key.first);
    put(out, c->guest_lrca);
    put(out, c->guest_id);
    put(out, c->ring_start);
    put(out, c->ring_bytes);
    put(out, c->tail_wanted);
    put(out, c->tail_ready);
    put(out, c->pml4);
    put(out, c->in_progress);
    put(out, c->stamp);
  }
}

}  // namespace mediator

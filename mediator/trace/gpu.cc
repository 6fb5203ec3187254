// SPDX-License-Identifier: MIT
#include "mediator/trace/gpu.h"

#include "mediator/trace/kinds.h"

namespace mediator::trace {

namespace {
using hv::Status;

constexpr uint32_t kSubject = 0;
constexpr uint64_t kMaxGgtt = uint64_t{4} << 30;
uint64_t number(EngineId e) { return gen9::index(e); }

StoredEvent store(const GpuEvent& e) {
  return {static_cast<uint8_t>(e.kind),
          static_cast<uint8_t>(e.engine),
          0,
          e.context_id,
          e.detail,
          e.time_ns};
}

// False if it is no event: a trace is not trusted with enumerators or indices.
bool load(const StoredEvent& s, GpuEvent& e) {
  if (s.kind > static_cast<uint8_t>(GpuEventKind::reset_done) || s.engine >= gen9::kEngines)
    return false;
  e = {static_cast<GpuEventKind>(s.kind), static_cast<EngineId>(s.engine), s.context_id, s.detail,
       s.time_ns};
  return true;
}

bool plausible(const GpuInfo& i) {
  return i.ggtt_bytes <= kMaxGgtt && i.aperture_bytes <= i.ggtt_bytes &&
         (i.engines & ~gen9::kAllEngineMask) == 0 && i.ggtt_free_base <= i.ggtt_bytes &&
         i.ggtt_free_bytes <= i.ggtt_bytes - i.ggtt_free_base;
}
}  // namespace

template <class Live>
void TracedGpu::tell(Kind kind, hv::trace::Journal::Args args, std::span<const std::byte> sent,
                     Live&& live) {
  (void)journal_.output(kind, kSubject, args, sent, [&] {
    live();
    return Status{};
  });
}

hv::Result<hv::BusFrame> TracedGpu::alloc_page(shadow::PageUse use, hv::VgpuId owner) {
  const auto r = journal_.value(kind::alloc_page, kSubject, {static_cast<uint64_t>(use), owner.v},
                                [&]() -> hv::Result<uint64_t> {
                                  const auto frame = live_->alloc_page(use, owner);
                                  if (!frame.ok()) return frame.error();
                                  return frame->v;
                                });
  if (!r.ok()) return r.error();
  return hv::BusFrame{*r};
}

void TracedGpu::free_page(hv::BusFrame frame) {
  tell(kind::free_page, {frame.v}, {}, [&] { live_->free_page(frame); });
}

void TracedGpu::write_page(hv::BusFrame frame, unsigned offset, std::span<const std::byte> from) {
  tell(kind::write_page, {frame.v, offset}, from, [&] { live_->write_page(frame, offset, from); });
}

void TracedGpu::read_page(hv::BusFrame frame, unsigned offset, std::span<std::byte> to) {
  (void)journal_.fill(kind::read_page, kSubject, {frame.v, offset, to.size()}, to, [&] {
    live_->read_page(frame, offset, to);
    return Status{};
  });
}

bool TracedGpu::page_equals(hv::BusFrame frame, unsigned offset, std::span<const std::byte> with) {
  // Most pages are equal: that is the answer which costs no record of its own.
  return journal_
      .output(kind::page_equals, kSubject, {frame.v, offset}, with,
              [&] {
                return live_->page_equals(frame, offset, with) ? Status{}
                                                               : Status{hv::Error::bad_argument};
              })
      .ok();
}

void TracedGpu::write_entry(hv::BusFrame frame, unsigned index, uint64_t entry) {
  tell(kind::write_entry, {frame.v, index, entry}, {},
       [&] { live_->write_entry(frame, index, entry); });
}

void TracedGpu::write_ggtt(uint64_t first, std::span<const uint64_t> entries) {
  tell(kind::write_ggtt, {first}, std::as_bytes(entries),
       [&] { live_->write_ggtt(first, entries); });
}

Status TracedGpu::invalidate_tlbs() {
  return journal_.call(kind::invalidate_tlbs, kSubject, {}, {},
                       [&] { return live_->invalidate_tlbs(); });
}

GpuInfo TracedGpu::gpu_info() {
  if (journal_.replaying()) return replay_info();
  const GpuInfo i = live_->gpu_info();
  if (journal_.recording())
    journal_.write(kind::gpu_info, kSubject,
                   {i.device_id, i.revision, i.ggtt_bytes, i.aperture_bytes, i.engines,
                    i.ggtt_free_base, i.ggtt_free_bytes},
                   {});
  return i;
}

GpuInfo TracedGpu::replay_info() {
  if (journal_.lenient() && info_) return *info_;  // the session asks, and the mediator
  const hv::trace::Record* r = journal_.expect(kind::gpu_info, kSubject, {});
  if (!r) return {};
  const auto& a = r->args;
  const GpuInfo i{static_cast<uint16_t>(a[0]),
                  static_cast<uint8_t>(a[1]),
                  a[2],
                  a[3],
                  static_cast<gen9::EngineMask>(a[4] & 0xff),
                  a[5],
                  a[6]};
  if (plausible(i)) return *(info_ = i);
  journal_.diverge_taken(*r, "no such GPU");
  return {};
}

Status TracedGpu::submit(EngineId engine, std::span<const uint64_t> descriptors) {
  const Status s =
      journal_.call(kind::submit, kSubject, {number(engine)}, std::as_bytes(descriptors),
                    [&] { return live_->submit(engine, descriptors); });
  if (s.ok() && after_submit_) after_submit_(engine, descriptors);
  return s;
}

Status TracedGpu::preempt(EngineId engine) {
  return journal_.call(kind::preempt, kSubject, {number(engine)}, {},
                       [&] { return live_->preempt(engine); });
}

Status TracedGpu::reset_engine(EngineId engine) {
  const Status s = journal_.call(kind::reset_engine, kSubject, {number(engine)}, {},
                                 [&] { return live_->reset_engine(engine); });
  if (after_submit_) after_submit_(engine, {});
  return s;
}

uint64_t TracedGpu::progress(EngineId engine) {
  return journal_
      .value(kind::progress, kSubject, {number(engine)},
             [&]() -> hv::Result<uint64_t> { return live_->progress(engine); })
      .value_or(0);
}

Status TracedGpu::load_registers(EngineId engine, std::span<const RegisterValue> values) {
  return journal_.call(kind::load_registers, kSubject, {number(engine)}, std::as_bytes(values),
                       [&] { return live_->load_registers(engine, values); });
}

uint32_t TracedGpu::read_register(uint32_t offset) {
  const auto r = journal_.value(
      kind::read_register, kSubject, {offset},
      [&]() -> hv::Result<uint64_t> { return uint64_t{live_->read_register(offset)}; });
  return static_cast<uint32_t>(r.value_or(0));
}

void TracedGpu::default_image(EngineId engine, unsigned page, std::span<std::byte> to) {
  (void)journal_.fill(kind::default_image, kSubject, {number(engine), page, to.size()}, to, [&] {
    live_->default_image(engine, page, to);
    return Status{};
  });
}

size_t TracedGpu::poll(std::span<GpuEvent> events) {
  if (journal_.replaying()) return replay_poll(events);
  const size_t n = live_->poll(events);
  if (after_poll_) after_poll_(events.first(n));
  if (!journal_.recording()) return n;
  scratch_.clear();
  for (const GpuEvent& e : events.first(n)) scratch_.push_back(store(e));
  journal_.write(kind::events, kSubject, {events.size(), n}, std::as_bytes(std::span{scratch_}));
  return n;
}

size_t TracedGpu::replay_poll(std::span<GpuEvent> events) {
  const hv::trace::Record* r = journal_.expect(kind::events, kSubject, {events.size()});
  if (!r) return 0;
  const uint64_t n = r->args[1];
  if (n > events.size() || r->blob.size() != n * sizeof(StoredEvent)) {
    journal_.diverge_taken(*r, "more events than asked for");
    return 0;
  }
  for (size_t i = 0; i < n; ++i)
    if (!load(hv::load<StoredEvent>(r->blob.data() + i * sizeof(StoredEvent)), events[i])) {
      journal_.diverge_taken(*r, "no such GPU event");
      return 0;
    }
  if (after_poll_) after_poll_(events.first(n));
  return n;
}

}  // namespace mediator::trace

// SPDX-License-Identifier: MIT
#include "dom0/replay/memory_recorder.h"

#include <cstring>

namespace replay {
namespace {

using gpu::model::DmaAccess;

// Copies of pages kept for comparison; beyond that all are forgotten, and pages are noted whole
// when the GPU reads them next.
constexpr size_t kMaxKept = size_t{64} << 10;
constexpr size_t kMaxFrames = size_t{1} << 20;
// Two changes nearer than this are noted as one.
constexpr unsigned kGap = 64;

}  // namespace

MemoryRecorder::Page* MemoryRecorder::page(hv::BusFrame frame) {
  if (const uint64_t now = session_.pages_changed();
      now != by_frame_as_of_ || by_frame_.size() > kMaxFrames) {
    by_frame_.clear();
    by_frame_as_of_ = now;
  }
  const auto [it, fresh] = by_frame_.try_emplace(frame, nullptr);
  if (!fresh) return it->second;
  if (const auto where = session_.page_of(frame)) {
    Page& p = pages_[*where];
    p.where = *where;
    it->second = &p;
  }
  return it->second;
}

MemoryRecorder::Contents& MemoryRecorder::known(Page& p) {
  if (p.known) return *p.known;
  if (kept_ >= kMaxKept) {
    for (auto& [where, other] : pages_) other.known.reset();
    kept_ = 0;
  }
  ++kept_;
  p.known = std::make_unique<Contents>();  // zeroes, as a replay's memory starts
  return *p.known;
}

void MemoryRecorder::note(const Page& p, gen9::EngineId engine, unsigned from, unsigned to) {
  session_.note(hv::trace::Kind::guest_data, p.where.subject,
                {gen9::index(engine), hv::gpa_of(p.where.gfn).v + from},
                std::span{*p.known}.subspan(from, to - from));
}

void MemoryRecorder::read(Page& p, gen9::EngineId engine, const std::byte* memory) {
  const bool forgotten = p.seen && !p.known;
  Contents& mine = known(p);
  p.seen = true;
  if (forgotten) {
    std::memcpy(mine.data(), memory, mine.size());
    note(p, engine, 0, hv::kPageSize);
    return;
  }
  unsigned from = 0, to = 0;  // the change found last, not noted yet
  for (unsigned at = 0; at < hv::kPageSize; at += 8) {
    if (std::memcmp(&mine[at], memory + at, 8) == 0) continue;
    if (to != 0 && at - to > kGap) {
      note(p, engine, from, to);
      to = 0;
    }
    if (to == 0) from = at;
    to = at + 8;
    std::memcpy(&mine[at], memory + at, 8);
  }
  if (to != 0) note(p, engine, from, to);
}

void MemoryRecorder::settle() {
  Page* p = std::exchange(pending_.page, nullptr);
  if (!p) return;
  const std::span bytes{pending_.memory, pending_.bytes};
  written_[p->where.subject].add(p->where.gfn, pending_.offset, bytes);
  engines_[p->where.subject][gen9::index(pending_.engine)].written += bytes.size();
  if (p->seen && !p->known) return;  // forgotten: noted whole when it is read
  std::memcpy(known(*p).data() + pending_.offset, bytes.data(), bytes.size());
  p->seen = true;
}

void MemoryRecorder::on_access(const DmaAccess& a) {
  settle();
  if (next_) next_->on_access(a);
  Page* p = page(a.frame);
  if (!p || a.offset + a.bytes > hv::kPageSize) return;
  const std::byte* memory = bus_.page(a.frame);
  if (!memory) return;
  if (a.write) {
    pending_ = {p, a.engine, memory + a.offset, a.offset, a.bytes};
  } else if (!p->known ||
             std::memcmp(p->known->data() + a.offset, memory + a.offset, a.bytes) != 0) {
    read(*p, a.engine, memory);
  }
}

/// What the guest can have seen of its work before it does something.
void MemoryRecorder::note_progress(uint32_t subject) {
  settle();
  auto& all = engines_[subject];
  for (const gen9::EngineId id : gen9::kAllEngines) {
    Engine& e = all[gen9::index(id)];
    if (e.written == e.noted) continue;
    e.noted = e.written;
    session_.note(hv::trace::Kind::gpu_progress, subject, {gen9::index(id), e.written});
  }
}

void MemoryRecorder::finish() {
  settle();
  for (const auto& [subject, pages] : written_) note_written(subject, pages);
}

void MemoryRecorder::finish_guest(uint32_t subject) {
  settle();
  note_written(subject, written_[subject]);
  written_.erase(subject);
  engines_.erase(subject);
  by_frame_.clear();
  std::erase_if(pages_, [&](const auto& p) {
    if (p.first.subject != subject) return false;
    kept_ -= p.second.known != nullptr;
    return true;
  });
}

void MemoryRecorder::note_written(uint32_t subject, const WrittenPages& pages) {
  for (const auto& [gfn, page] : pages.sums())
    session_.note(hv::trace::Kind::gpu_page, subject, {gfn.v, page.bytes, page.sum});
}

}  // namespace replay

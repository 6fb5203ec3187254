// SPDX-License-Identifier: MIT
#include "tests/sched/work.h"

#include <cmath>

#include "dom0/gpu/model/cost.h"

namespace sched {
namespace {

constexpr uint64_t kRow = 0x10'0000, kEntries = 0x11'0000, kNeverEnds = 0x12'0000;
constexpr unsigned kUnits = kLongestNs / kUnitNs;
constexpr uint32_t kPrimitive = 0x7b00'0005, kArbCheck = 0x05u << 23, kBatchEnd = 0x0au << 23;
constexpr uint32_t kBatchStart = 0x31u << 23 | 1u << 8 | 1;
// MI_SEMAPHORE_WAIT, polling, memory == value.
constexpr uint32_t kWait = 0x1cu << 23 | 1u << 15 | 4u << 12 | 2;
constexpr unsigned kUnitDwords = 8, kEntryDwords = 12;

using Dwords = std::vector<uint32_t>;

uint32_t vertices(uint64_t ns) {
  const gpu::model::CostParameters cost;
  return static_cast<uint32_t>((ns - cost.primitive_ns) / cost.vertex_ns);
}
void put_primitive(Dwords& out, uint64_t ns) {
  out.insert(out.end(), {kPrimitive, 0, vertices(ns), 0, 1, 0, 0, kArbCheck});
}
/// Units one behind the other: entered n units before its end it runs n units.
Dwords row() {
  Dwords out;
  for (unsigned i = 0; i < kUnits; ++i) put_primitive(out, kUnitNs);
  out.push_back(kBatchEnd);
  return out;
}
uint64_t row_at(unsigned units) { return kRow + uint64_t{kUnits - units} * kUnitDwords * 4; }
/// Entries that run half a unit and then n units of the row.
Dwords entries() {
  Dwords out;
  for (unsigned i = 0; i < kUnits; ++i) {
    put_primitive(out, kHalfNs);
    out.insert(out.end(), {kBatchStart, static_cast<uint32_t>(row_at(i)), 0, 0});
  }
  return out;
}
Dwords never_ends() { return {kWait, 1, static_cast<uint32_t>(kNeverEnds + 0x800), 0, kBatchEnd}; }

}  // namespace

uint64_t primitive_ns(uint32_t v) {
  const gpu::model::CostParameters cost;
  return cost.primitive_ns + uint64_t{v} * cost.vertex_ns;
}

std::string Client::prepare() {
  guests::GuestPpgtt* space = driver_.create_ppgtt();
  if (space == nullptr) return "no address space";
  for (const auto& [at, dwords] :
       {std::pair{kRow, row()}, {kEntries, entries()}, {kNeverEnds, never_ends()}}) {
    const auto page = space->populate(at, 1);
    if (!page || dwords.size() * 4 > hv::kPageSize) return "no room for batches";
    driver_.port().ram_write(page->front(), std::as_bytes(std::span(dwords)));
  }
  context_ = driver_.create_context(gen9::EngineId::rcs, space->root());
  return context_ ? "" : "no room for a context";
}

void Client::on_events() {
  if (driver_.port().take_interrupts() > 0) driver_.on_interrupt();
  if (driver_.wake_ns() <= driver_.port().now_ns()) driver_.on_time();
}

void Client::collect(uint64_t now) {
  while (!flying_.empty() && driver_.done(*context_, flying_.front().seqno)) {
    const Request r = flying_.front();
    flying_.pop_front();
    ++completed_;
    finished_ns_ = now;
    const uint64_t took = now - r.at_ns;
    if (plan_.kind == Plan::Kind::periodic)
      waits_.push_back(took > r.work_ns ? took - r.work_ns : 0);
    if (plan_.kind == Plan::Kind::duty) next_ns_ = now + think();
  }
}

void Client::pump(uint64_t now) {
  collect(now);
  switch (plan_.kind) {
    case Plan::Kind::idle: return;
    case Plan::Kind::busy:
    case Plan::Kind::hang:
      while (now >= next_ns_ && flying_.size() < plan_.depth && submitted_ < plan_.requests) {
        const size_t before = flying_.size();
        submit(now);
        if (flying_.size() == before) return;  // the ring is full
      }
      return;
    case Plan::Kind::periodic:
      for (; now >= next_ns_; next_ns_ += plan_.period_ns) submit(next_ns_);
      return;
    case Plan::Kind::duty:
      if (now >= next_ns_ && flying_.empty() && !finished()) {
        next_ns_ = UINT64_MAX;
        submit(now);
      }
  }
}

void Client::submit(uint64_t at) {
  const uint64_t ns = length();
  // Only from the second request on is it known that the context cannot be preempted.
  const bool hangs = plan_.kind == Plan::Kind::hang && submitted_ % 2 == 1;
  const uint64_t where = hangs ? kNeverEnds : batch(ns);
  const auto seqno = driver_.submit(*context_, where);
  if (!seqno) return;
  ++submitted_;
  flying_.push_back({*seqno, at, ns});
}

uint64_t Client::wake_ns(uint64_t now) const {
  const uint64_t own = next_ns_ > now ? next_ns_ : UINT64_MAX;
  return std::min(own, driver_.wake_ns());
}

/// As many short ones as long ones by the logarithm of their length.
uint64_t Client::length() {
  if (plan_.shortest_ns == plan_.longest_ns) return plan_.longest_ns;
  const double low = std::log(static_cast<double>(plan_.shortest_ns));
  const double high = std::log(static_cast<double>(plan_.longest_ns));
  const double unit = static_cast<double>(random_() >> 11) * 0x1p-53;
  const auto ns = static_cast<uint64_t>(std::exp(low + unit * (high - low)));
  return std::clamp((ns + kHalfNs / 2) / kHalfNs * kHalfNs, kHalfNs, kLongestNs);
}

uint64_t Client::batch(uint64_t ns) const {
  const auto units = static_cast<unsigned>(ns / kUnitNs);
  if (ns % kUnitNs == 0) return row_at(units);
  return kEntries + uint64_t{units} * kEntryDwords * 4;
}

uint64_t Client::think() { return plan_.think_ns / 2 + random_() % (plan_.think_ns + 1); }

/// Where in its period it begins.
uint64_t Client::offset() {
  const uint64_t span = plan_.kind == Plan::Kind::periodic ? plan_.period_ns : plan_.think_ns;
  return span == 0 ? 0 : random_() % span;
}

}  // namespace sched

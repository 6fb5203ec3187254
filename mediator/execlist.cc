// SPDX-License-Identifier: MIT
#include "mediator/execlist.h"

#include "mediator/encode.h"
#include "shadow/gen9/regs.h"

namespace mediator {
namespace csb = gen9::csb;
namespace descriptor = gen9::descriptor;
namespace {

uint32_t context_id(uint64_t d) { return static_cast<uint32_t>(descriptor::ContextId::get(d)); }
// Two descriptors name the same context when LRCA and id agree; other bits may differ.
bool same_context(uint64_t a, uint64_t b) {
  return descriptor::Lrca::get(a) == descriptor::Lrca::get(b) && context_id(a) == context_id(b);
}

}  // namespace

std::optional<Execlist> VirtualExeclist::write(uint32_t value) {
  words_[collected_++] = value;
  if (collected_ < words_.size()) return std::nullopt;
  collected_ = 0;
  Execlist list;
  const uint64_t second = uint64_t{words_[0]} << 32 | words_[1];
  const uint64_t first = uint64_t{words_[2]} << 32 | words_[3];
  list.descriptor = {first, second};
  list.count = !(first & descriptor::kValid) ? 0 : (second & descriptor::kValid) ? 2 : 1;
  return list;
}

VirtualExeclist::Accepted VirtualExeclist::accept(const Execlist& list) {
  if (!active()) {
    running_ = list;
    head_ = 0;
    sink_.context_status(engine_, csb::kIdleToActive, 0, Signal::late);
    return Accepted::started;
  }
  if (!has_pending() && same_context(list.descriptor[0], head())) {
    const uint32_t id = context_id(head());
    running_ = list;
    head_ = 0;
    slot_ ^= 1;
    sink_.context_status(engine_, csb::kPreempted | csb::kLiteRestore, id, Signal::late);
    return Accepted::lite_restore;
  }
  pending_ = list;
  return Accepted::queued;
}

void VirtualExeclist::promote() {
  running_ = pending_;
  pending_ = {};
  head_ = 0;
  slot_ ^= 1;
}

void VirtualExeclist::head_complete() {
  if (!active()) return;
  const uint32_t id = context_id(head());
  if (head_ + 1 < running_.count) {
    ++head_;
    sink_.context_status(engine_, csb::kContextComplete | csb::kElementSwitch, id, Signal::now);
    return;
  }
  const bool more = has_pending();
  running_ = {};
  sink_.context_status(engine_, csb::kContextComplete | csb::kActiveToIdle, id,
                       more ? Signal::none : Signal::now);
  if (!more) return;
  promote();
  sink_.context_status(engine_, csb::kIdleToActive, 0, Signal::now);
}

void VirtualExeclist::head_preempted() {
  if (!active() || !has_pending()) return;
  const uint32_t id = context_id(head());
  promote();
  sink_.context_status(engine_, csb::kPreempted, id, Signal::now);
}

void VirtualExeclist::reset() {
  running_ = pending_ = {};
  head_ = slot_ = collected_ = 0;
}

std::vector<uint64_t> VirtualExeclist::remaining() const {
  std::vector<uint64_t> out;
  for (unsigned i = head_; i < running_.count; ++i) out.push_back(running_.descriptor[i]);
  return out;
}

uint64_t VirtualExeclist::status() const {
  uint32_t low = slot_;                              // current execlist
  low |= (has_pending() ? slot_ : slot_ ^ 1u) << 1;  // where the next write goes
  low |= (has_pending() ? 1u : 0u) << 2;             // queue full
  const uint32_t valid = (active() ? 1u << slot_ : 0u) | (has_pending() ? 1u << (slot_ ^ 1) : 0u);
  low |= (valid & 2) << 2 | (valid & 1) << 4;  // execlist 1 valid, 0 valid
  low |= active() ? (head_ + 1) << 14 : 0;     // active element
  low |= 1u << 16;                             // arbitration enabled
  return uint64_t{active() ? context_id(head()) : 0} << 32 | low;
}

void VirtualExeclist::encode(std::vector<std::byte>& out) const {
  put(out, words_);
  put(out, collected_);
  put(out, running_.descriptor);
  put(out, running_.count);
  put(out, pending_.descriptor);
  put(out, pending_.count);
  put(out, head_);
  put(out, slot_);
}

}  // namespace mediator

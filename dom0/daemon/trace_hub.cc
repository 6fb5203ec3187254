// SPDX-License-Identifier: MIT
#include "dom0/daemon/trace_hub.h"

#include "mediator/trace/kinds.h"

namespace xengvtd {

using hv::trace::Kind;

void TraceHub::describe(uint16_t device_id, uint8_t revision) {
  device_id_ = device_id;
  revision_ = revision;
  now_ns_ = 0;  // a session's clock records start anew
  if (whole_) whole_->describe(device_id, revision);
}

void TraceHub::add(Kind kind, uint32_t subject, std::span<const uint64_t> args,
                   std::span<const std::byte> blob) {
  if (kind == mediator::trace::kind::session) session_.assign(args.begin(), args.end());
  if (kind == Kind::clock) now_ns_ += args[1];
  if (whole_) whole_->add(kind, subject, args, blob);
  for (auto& [n, guest] : guests_) guest.take(kind, subject, args, blob, now_ns_);
}

hv::Status TraceHub::finish(const hv::trace::Sha256& state) {
  return whole_ ? whole_->finish(state) : hv::Status{};
}

void TraceHub::begin_guest(uint32_t subject, hv::trace::RecordSink& sink) {
  sink.describe(device_id_, revision_);
  auto& guest = guests_.try_emplace(subject, subject, sink).first->second;
  guest.take(mediator::trace::kind::session, 0, session_, {}, now_ns_);
}

}  // namespace xengvtd

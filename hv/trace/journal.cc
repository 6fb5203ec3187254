// SPDX-License-Identifier: MIT
// Recording half and shared parts of the journal; journal_replay.cc has the other half.
#include "hv/trace/journal.h"

#include <algorithm>

namespace hv::trace {

uint64_t Journal::hash_call(Kind kind, uint32_t subject, Args args, Bytes sent) {
  Hash64 h;
  h.add(uint64_t{static_cast<uint8_t>(kind)} << 32 | subject);
  for (const uint64_t a : args) h.add(a);
  h.add(sent);
  return h.value();
}

Status Journal::decode_status(uint64_t code) {
  if (code == 0) return {};
  // What a newer writer may have named is still an error.
  if (code > encode_error(Error::io)) return Error::io;
  return static_cast<Error>(code - 1);
}

void Journal::flush_outputs() {
  if (outputs_ == 0 || !writer_) return;
  const uint64_t args[] = {outputs_, running_.value()};
  writer_->add(Kind::outputs, 0, args);
  outputs_ = 0;
  running_.reset();
}

void Journal::write(Kind kind, uint32_t subject, Args args, Bytes blob) {
  flush_outputs();
  writer_->add(kind, subject, {args.begin(), args.size()}, blob);
  same_ = 0;
}

void Journal::record_output(Kind kind, uint32_t subject, uint64_t hash, const Status& status) {
  same_ = 0;
  if (!status.ok()) {
    write(Kind::failed, subject, {static_cast<uint64_t>(kind), encode_status(status), hash}, {});
    return;
  }
  ++outputs_;
  running_.add(hash);
}

void Journal::record_call(Kind kind, uint32_t subject, Args args, uint64_t status,
                          std::optional<uint64_t> value, Bytes blob) {
  std::array<uint64_t, kMaxArgs> all;
  auto at = std::ranges::copy(args, all.begin()).out;
  *at++ = status;
  if (value) *at++ = *value;
  flush_outputs();
  writer_->add(kind, subject, {all.begin(), at}, blob);
  same_ = 0;
}

void Journal::record_now(uint64_t t) {
  if (t == now_) {
    ++same_;
    return;
  }
  write(Kind::clock, 0, {same_, t - now_}, {});
  now_ = t;
  if (!first_now_) first_now_ = t;
}

void Journal::input(Kind kind, uint32_t subject, Args args, Bytes blob) {
  if (recording()) write(kind, subject, args, blob);
}

void Journal::result(Kind kind, uint32_t subject, Args args) {
  if (recording()) write(kind, subject, args, {});
  if (replaying()) expect(kind, subject, args);
}

void Journal::note(Kind kind, uint32_t subject, Args args, Bytes blob) {
  if (recording()) writer_->add(kind, subject, {args.begin(), args.size()}, blob);
}

}  // namespace hv::trace

// SPDX-License-Identifier: MIT
// The replaying half of the journal.
#include <algorithm>
#include <cstring>

#include "hv/trace/journal.h"

namespace hv::trace {

namespace {
// A gap longer than this is not something a recording holds.
constexpr uint64_t kMaxClockStep = uint64_t{24} * 3600 * 1'000'000'000;

/// Calls of which there may be more or fewer in a lenient replay: one that tells something, and
/// those that a back end may always refuse.
bool may_come_and_go(Kind kind) {
  return kind == Kind::inject_msi || kind == Kind::show_ram || kind == Kind::show_tiled ||
         kind == Kind::add_ram;
}
/// The answer to one that the trace does not have.
Status unasked(Kind kind) {
  return kind == Kind::inject_msi ? Status{} : Status{Error::not_supported};
}

std::string name_of(const Reader& reader, Kind kind, uint32_t subject) {
  const KindInfo* info = reader.vocabulary().find(kind);
  return std::string(info ? info->name : "?") + " (" + std::to_string(subject) + ")";
}
}  // namespace

const Record* Journal::peek() {
  if (over_) return nullptr;
  while (!peeked_) {
    peeked_ = reader_->next();
    if (!peeked_) {
      over_ = true;
      return nullptr;
    }
    if (is_aside(peeked_->kind)) {
      if (aside_) aside_(*peeked_);
      ++replayed_;
      peeked_ = nullptr;
    }
  }
  return peeked_;
}

void Journal::take() {
  peeked_ = nullptr;
  ++replayed_;
  same_ = 0;
}

void Journal::diverge_at(uint64_t index, const std::string& why) {
  if (over_) return;
  over_ = true;
  divergence_ = index;
  reason_ = why;
}

void Journal::diverge(const std::string& why) {
  if (over_) return;
  const Record* r = outputs_ == 0 ? peek() : nullptr;
  if (r || outputs_ != 0) diverge_at(r ? r->index : outputs_index_, why);
}

/// Lenient: passes over what the core no longer does. False if it has to do that.
bool Journal::leave_out(const Record& r) {
  if (r.kind == Kind::clock)
    now_ += r.args[1];
  else if (r.kind != Kind::outputs && r.kind != Kind::failed && !may_come_and_go(r.kind))
    return false;
  take();
  return true;
}

/// Lenient: the next record of this kind, or false if the core now does something new instead.
bool Journal::skip_to(Kind kind, uint32_t subject) {
  outputs_ = 0;
  for (const Record* r = peek(); r; r = peek()) {
    if (r->kind == kind && r->subject == subject) return true;
    if ((may_come_and_go(kind) && r->kind != Kind::outputs) || !leave_out(*r)) return false;
  }
  return false;
}

const Record* Journal::expect(Kind kind, uint32_t subject, Args args) {
  if (over_) return nullptr;
  if (lenient_) (void)skip_to(kind, subject);
  if (outputs_ != 0) {
    diverge("the core did " + name_of(*reader_, kind, subject) + " before " +
            std::to_string(outputs_) + " more writes");
    return nullptr;
  }
  const Record* r = peek();
  if (!r) return nullptr;
  if (r->kind != kind || r->subject != subject) {
    diverge("the core did " + name_of(*reader_, kind, subject) + ", the trace has " +
            name_of(*reader_, r->kind, r->subject));
    return nullptr;
  }
  const bool same_args = std::equal(args.begin(), args.end(), r->args.begin());
  if (!same_args && lenient_ && kind == Kind::value) {
    ++changed_answers_;
  } else if (!same_args) {
    diverge("other arguments of " + name_of(*reader_, kind, subject));
    return nullptr;
  }
  take();
  return r;
}

/// The run of folded calls may be longer or shorter now; only failures are answers.
Status Journal::lenient_output(Kind kind, uint32_t subject) {
  same_ = 0;
  if (outputs_ != 0) {
    --outputs_;
    return {};
  }
  const Record* r = peek();
  if (r && r->kind == Kind::outputs) {
    outputs_ = r->args[0] == 0 ? 0 : r->args[0] - 1;
    take();
  } else if (r && r->kind == Kind::failed && r->subject == subject &&
             r->args[0] == static_cast<uint64_t>(kind)) {
    const Status status = decode_status(r->args[1]);
    take();
    return status;
  }
  return {};
}

Status Journal::replay_output(Kind kind, uint32_t subject, uint64_t hash) {
  if (lenient_) return lenient_output(kind, subject);
  if (outputs_ == 0) {
    const Record* r = peek();
    if (!r) return {};
    if (r->kind == Kind::failed) {
      if (!expect(Kind::failed, subject, {static_cast<uint64_t>(kind)}) || r->args[2] != hash) {
        diverge_at(r->index, "other bytes of " + name_of(*reader_, kind, subject));
        return {};
      }
      return decode_status(r->args[1]);
    }
    outputs_index_ = r->index;
    if (!expect(Kind::outputs, 0, {})) return {};
    outputs_ = r->args[0];
    outputs_hash_ = r->args[1];
    running_.reset();
    if (outputs_ == 0) {
      diverge_at(outputs_index_, "an empty run of writes");
      return {};
    }
  }
  if (over_) return {};
  same_ = 0;
  running_.add(hash);
  if (--outputs_ == 0 && running_.value() != outputs_hash_)
    diverge_at(outputs_index_, "the core wrote something else");
  return {};
}

Status Journal::replay_call(Kind kind, uint32_t subject, Args args, Bytes sent) {
  if (lenient_ && may_come_and_go(kind) && !skip_to(kind, subject)) return unasked(kind);
  const Record* r = expect(kind, subject, args);
  if (!r) return Error::gone;
  if (!lenient_ && !std::ranges::equal(sent, r->blob)) {
    diverge_at(r->index, "other contents of " + name_of(*reader_, kind, subject));
    return Error::gone;
  }
  return decode_status(r->args[args.size()]);
}

Result<uint64_t> Journal::replay_value(Kind kind, uint32_t subject, Args args) {
  if (lenient_ && may_come_and_go(kind) && !skip_to(kind, subject)) return unasked(kind).error();
  const Record* r = expect(kind, subject, args);
  if (!r) return Error::gone;
  const Status status = decode_status(r->args[args.size()]);
  if (!status.ok()) return status.error();
  return r->args[args.size() + 1];
}

Status Journal::replay_fill(Kind kind, uint32_t subject, Args args, std::span<std::byte> to) {
  const Record* r = expect(kind, subject, args);
  Status status = r ? decode_status(r->args[args.size()]) : Status{Error::gone};
  if (status.ok() && r->blob.size() != to.size()) {
    diverge_at(r->index, "wrong length of the answer to " + name_of(*reader_, kind, subject));
    status = Error::gone;
  }
  if (status.ok())
    std::ranges::copy(r->blob, to.begin());
  else
    std::ranges::fill(to, std::byte{0});
  return status;
}

uint64_t Journal::replay_now() {
  if (over_) return now_;
  const Record* r = outputs_ == 0 ? peek() : nullptr;
  if (!r || r->kind != Kind::clock || r->args[0] != same_) {
    ++same_;
    return now_;
  }
  const uint64_t step = r->args[1];
  if (first_now_ && (step > kMaxClockStep || now_ + step < now_)) {
    diverge("the clock jumps");
    return now_;
  }
  now_ += step;
  if (!first_now_) first_now_ = now_;
  take();
  return now_;
}

const Record* Journal::next_input() {
  if (lenient_) outputs_ = 0;
  while (lenient_ && peek() && leave_out(*peeked_)) {
  }
  if (outputs_ != 0) diverge(std::to_string(outputs_) + " writes were not done");
  const Record* r = peek();
  if (!r) return nullptr;
  if (r->kind == Kind::end) {
    final_state_.emplace();
    std::memcpy(final_state_->data(), r->blob.data(), kShaBytes);
    over_ = true;
    return nullptr;
  }
  if (reader_->vocabulary().find(r->kind)->role != Role::input) {
    diverge("the core did not do " + name_of(*reader_, r->kind, r->subject));
    return nullptr;
  }
  take();
  return r;
}

}  // namespace hv::trace

// SPDX-License-Identifier: MIT
// The walk over a stream: recognise, measure, and hand what needs a look to CommandAudit. Commands
// that need none cost two table look-ups.
#include "mediator/scanner.h"

#include <algorithm>
#include <array>

#include "mediator/command_audit.h"

namespace mediator {
namespace {

/// What the hot loop needs of a row, in 16 bytes.
struct Shape {
  uint32_t length_mask = 0;
  uint16_t bias = 0, min = 0, span = 0;  ///< span: max - min
  bool audited = false;
};

constexpr size_t kMaxRows = 512;
using Shapes = std::array<Shape, kMaxRows>;

/// True for rows that the audit may have something to say about.
bool is_audited(const gen9::CommandDesc& d) {
  using gen9::Cmd;
  if (d.audit != gen9::Audit::pass) return true;
  switch (d.id) {
    case Cmd::mi_user_interrupt:
    case Cmd::mi_arb_on_off:
    case Cmd::mi_batch_buffer_end:
    case Cmd::mi_set_predicate: return true;
    default: break;
  }
  return std::any_of(d.addresses.begin(), d.addresses.begin() + d.address_count,
                     [](const auto& a) { return a.space != gen9::Space::ppgtt; });
}

/// Entry 0 is "unknown": no length fits it.
Shapes build_shapes() {
  Shapes shapes{};
  const auto rows = gen9::command_table();
  for (size_t i = 0; i < rows.size() && i + 1 < kMaxRows; ++i) {
    const gen9::CommandDesc& d = rows[i];
    shapes[i + 1] = {(1u << d.length_bits) - 1,
                     static_cast<uint16_t>(d.length_bits == 0 ? 1 : d.bias), d.min_dwords,
                     static_cast<uint16_t>(d.max_dwords - d.min_dwords), is_audited(d)};
  }
  shapes[0] = {0, 0, 1, 0, true};
  return shapes;
}

const Shapes& shapes() {
  static const Shapes all = build_shapes();
  return all;
}

class Walk {
 public:
  Walk(ScanSource& source, const ScanRequest& request, ScanHost& host)
      : source_(source),
        request_(request),
        audit_(request, host),
        exact_(request.level == 0 && request.ring_dwords != 0) {}

  ScanOutcome run();

 private:
  /// Gets `dwords` of the stream into view; false if it does not go on that far.
  bool reach(size_t dwords);
  void refuse(Reject reason, uint32_t detail);
  void refuse_shape(uint32_t dword0);
  void run_out(bool inside_command);
  /// Runs over commands that need no audit; true if it stopped before one to look at.
  bool skip_plain(const Shapes& all);
  bool step(const Shapes& all);

  ScanSource& source_;
  const ScanRequest& request_;
  CommandAudit audit_;
  const bool exact_;
  std::span<uint32_t> copy_;
  size_t at_ = 0;
  ScanOutcome out_;
};

bool Walk::reach(size_t dwords) {
  if (exact_ && dwords > request_.ring_dwords) return false;
  if (dwords > copy_.size()) {
    copy_ = source_.ensure(dwords);
    if (exact_ && copy_.size() > request_.ring_dwords) copy_ = copy_.first(request_.ring_dwords);
    if (copy_.size() > kMaxScanDwords) copy_ = copy_.first(kMaxScanDwords);
  }
  return dwords <= copy_.size();
}

void Walk::refuse(Reject reason, uint32_t detail) {
  const uint32_t dword0 = at_ < copy_.size() ? copy_[at_] : 0;
  const gen9::CommandDesc* d =
      at_ < copy_.size() ? gen9::find_command(request_.engine, dword0) : nullptr;
  out_.refusal = {reason, at_ * 4, d == nullptr ? nullptr : d->name, detail};
}

void Walk::refuse_shape(uint32_t dword0) {
  const bool known = gen9::find_command(request_.engine, dword0) != nullptr;
  refuse(known ? Reject::bad_length : Reject::unknown_command, dword0);
}

void Walk::run_out(bool inside_command) {
  if (copy_.size() >= kMaxScanDwords) return refuse(Reject::too_long, 0);
  const bool cut = inside_command || exact_;
  refuse(cut ? Reject::truncated : Reject::no_batch_end, inside_command ? copy_[at_] : 0);
}

/// `n` as a value the compiler knows nothing of.
template <size_t N>
inline size_t opaque() {
  size_t n = N;
  asm("" : "+r"(n));  // NOLINT: no instruction, only hides the constant
  return n;
}

/// `at + dwords`, through a branch for the usual lengths. Where a command starts depends on the one
/// before it through three loads; a branch lets the processor guess and go on.
inline size_t advance(size_t at, uint32_t dwords) {
  switch (dwords) {
    case 2: return at + opaque<2>();
    case 3: return at + opaque<3>();
    case 4: return at + opaque<4>();
    case 6: return at + opaque<6>();
    case 7: return at + opaque<7>();
    case 11: return at + opaque<11>();
    default: return at + dwords;
  }
}

bool Walk::skip_plain(const Shapes& all) {
  const uint32_t* const p = copy_.data();
  const size_t size = copy_.size();
  const uint16_t* const index = gen9::detail::kCommandIndex[gen9::index(request_.engine)].data();
  size_t at = at_;
  uint64_t commands = 0;
  bool stopped = false;
  while (at < size) {
    const uint32_t dword0 = p[at];
    const Shape& s = all[index[dword0 >> 16]];
    const uint32_t dwords = (dword0 & s.length_mask) + s.bias;
    if (s.audited || dwords - s.min > s.span || dwords > size - at) {
      stopped = true;
      break;
    }
    at = advance(at, dwords);
    ++commands;
  }
  at_ = at;
  out_.commands += commands;
  return stopped;
}

/// One command the hard way; false ends the scan.
bool Walk::step(const Shapes& all) {
  const uint32_t dword0 = copy_[at_];
  const unsigned number = gen9::command_index(request_.engine, dword0);
  const Shape& s = all[number];
  const uint32_t dwords = (dword0 & s.length_mask) + s.bias;
  if (number == 0 || dwords - s.min > s.span) return refuse_shape(dword0), false;
  if (!reach(at_ + dwords)) return run_out(true), false;
  if (s.audited) {
    const Verdict v = audit_.check(gen9::command_table()[number - 1], copy_, at_, dwords);
    if (v.reason != Reject::none) return refuse(v.reason, v.detail), false;
    at_ += dwords;
    ++out_.commands;
    if (v.chained && request_.rules == Rules::privileged && reach(at_ + 1)) {
      // Should the start be skipped (predication), nothing that was not audited may follow.
      audit_.replace(copy_, at_++, kBatchBufferEnd);
    }
    return !v.ends;
  }
  at_ += dwords;
  ++out_.commands;
  return true;
}

ScanOutcome Walk::run() {
  const Shapes& all = shapes();
  for (;;) {
    if (exact_ && at_ == request_.ring_dwords) break;
    if (!reach(at_ + 1)) {
      run_out(false);
      break;
    }
    if (skip_plain(all) && !step(all)) break;
  }
  out_.dwords = at_;
  out_.has_user_interrupt = audit_.saw_user_interrupt();
  out_.arbitration_off = audit_.arbitration_off();
  return out_;
}

}  // namespace

const char* reject_name(Reject r) {
  switch (r) {
    case Reject::none: return "none";
    case Reject::unknown_command: return "unknown_command";
    case Reject::bad_length: return "bad_length";
    case Reject::truncated: return "truncated";
    case Reject::no_batch_end: return "no_batch_end";
    case Reject::too_long: return "too_long";
    case Reject::too_deep: return "too_deep";
    case Reject::forbidden_command: return "forbidden_command";
    case Reject::forbidden_register: return "forbidden_register";
    case Reject::ggtt_address: return "ggtt_address";
    case Reject::batch_address: return "batch_address";
    case Reject::privileged_from_user: return "privileged_from_user";
    case Reject::batch_level: return "batch_level";
    case Reject::register_offset: return "register_offset";
    case Reject::too_many_batches: return "too_many_batches";
    case Reject::no_memory: return "no_memory";
  }
  return "unknown";
}

ScanOutcome scan(ScanSource& source, const ScanRequest& request, ScanHost& host) {
  return Walk(source, request, host).run();
}

}  // namespace mediator

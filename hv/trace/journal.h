// SPDX-License-Identifier: MIT
// What stands between the core and its ports: off (calls go straight through), recording (each call
// is made and written down with its answer) or replaying (each call is checked against the trace
// and answered from it; there is nothing behind).
//
// Calls whose only answer is "ok" are folded: a run of them is one `outputs` record with their
// number and a hash of all they said. The first mismatch of a replay is remembered; after it every
// call gets a neutral answer, so that the core comes to an end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hv/domain.h"
#include "hv/trace/reader.h"
#include "hv/trace/sink.h"

namespace hv::trace {

class Journal {
 public:
  using Args = std::initializer_list<uint64_t>;
  using Bytes = std::span<const std::byte>;

  enum class Mode : uint8_t { off, record, replay };

  Journal() = default;
  explicit Journal(RecordSink& sink) : mode_(Mode::record), writer_(&sink) {}
  explicit Journal(Reader& reader) : mode_(Mode::replay), reader_(&reader) {}
  /// What a replay skips is told to this.
  using Aside = std::function<void(const Record&)>;
  /// A replay that takes inputs and answers from the trace, but not what the core puts out: that
  /// may have changed. Divergence is then only a question that the trace has no answer to.
  Journal(Reader& reader, Aside aside)
      : mode_(Mode::replay), reader_(&reader), lenient_(true), aside_(std::move(aside)) {}

  [[nodiscard]] bool off() const { return mode_ == Mode::off; }
  [[nodiscard]] bool recording() const { return mode_ == Mode::record; }
  /// Replaying for a session that records in turn.
  [[nodiscard]] bool lenient() const { return lenient_; }
  [[nodiscard]] bool replaying() const { return mode_ == Mode::replay; }

  // Calls of ports. `live` makes the real call; it is not used in a replay.

  /// A call that only tells, normally answered "ok": args and `sent` are hashed, not stored.
  template <class Live>
  Status output(Kind kind, uint32_t subject, Args args, Bytes sent, Live&& live) {
    if (off()) return live();
    const uint64_t hash = hash_call(kind, subject, args, sent);
    if (replaying()) return replay_output(kind, subject, hash);
    const Status status = live();
    record_output(kind, subject, hash, status);
    return status;
  }
  /// A call answered by a status, worth a record of its own with what was sent.
  template <class Live>
  Status call(Kind kind, uint32_t subject, Args args, Bytes sent, Live&& live) {
    if (off()) return live();
    if (replaying()) return replay_call(kind, subject, args, sent);
    const Status status = live();
    record_call(kind, subject, args, encode_status(status), std::nullopt, sent);
    return status;
  }
  /// A call answered by a number or an error.
  template <class Live>
  Result<uint64_t> value(Kind kind, uint32_t subject, Args args, Live&& live) {
    if (off()) return live();
    if (replaying()) return replay_value(kind, subject, args);
    const Result<uint64_t> r = live();
    record_call(kind, subject, args, r.ok() ? 0 : encode_error(r.error()), r.value_or(0), {});
    return r;
  }
  /// A call that fills `to`.
  template <class Live>
  Status fill(Kind kind, uint32_t subject, Args args, std::span<std::byte> to, Live&& live) {
    if (off()) return live();
    if (replaying()) return replay_fill(kind, subject, args, to);
    const Status status = live();
    record_call(kind, subject, args, encode_status(status), std::nullopt,
                status.ok() ? Bytes{to} : Bytes{});
    return status;
  }
  /// Time: stored where it changes.
  template <class Live>
  uint64_t now(Live&& live) {
    if (off()) return live();
    if (replaying()) return replay_now();
    const uint64_t t = live();
    record_now(t);
    return t;
  }

  // Inputs of the core, and its answers to them.

  void input(Kind kind, uint32_t subject, Args args, Bytes blob = {});
  /// The core's answer: written down, or compared.
  void result(Kind kind, uint32_t subject, Args args);
  /// A note, which a closed replay skips. Only while recording.
  void note(Kind kind, uint32_t subject, Args args, Bytes blob);
  /// Replay: the next input, or nullptr at the end, at the first divergence, on a bad trace.
  const Record* next_input();
  /// Replay: the end record's state, once next_input gave nullptr at the end.
  [[nodiscard]] const std::optional<Sha256>& final_state() const { return final_state_; }

  // Lower level, for answers with a form of their own (lists): a recording port calls `write` after
  // the call, a replaying one `expect` in its place.

  void write(Kind kind, uint32_t subject, Args args, Bytes blob);
  /// The next record if it is this call with these first arguments; nullptr (divergence) if not.
  const Record* expect(Kind kind, uint32_t subject, Args args);

  /// Replay: the record just taken does not fit what the core did.
  void diverge_taken(const Record& taken, const std::string& why) { diverge_at(taken.index, why); }
  /// Index of the first record that the core did not do, and what it did.
  [[nodiscard]] std::optional<uint64_t> first_divergence() const { return divergence_; }
  [[nodiscard]] const std::string& divergence_reason() const { return reason_; }
  /// Why the trace could not be read further; empty if it could.
  [[nodiscard]] const std::string& reader_error() const { return reader_->error(); }
  /// Lenient replay: reads that the guest would have been answered otherwise.
  [[nodiscard]] uint64_t changed_answers() const { return changed_answers_; }
  /// Records replayed so far.
  [[nodiscard]] uint64_t replayed() const { return replayed_; }
  /// The last clock answer.
  [[nodiscard]] uint64_t last_ns() const { return now_; }
  /// Time between the first and the last clock answer.
  [[nodiscard]] uint64_t span_ns() const { return now_ - first_now_.value_or(now_); }

  /// Recording goes on after a stop().
  void start() {
    if (writer_) mode_ = Mode::record;
  }
  /// Recording: from here on calls go straight through. What is pending is written.
  void stop() {
    flush_outputs();
    mode_ = Mode::off;
  }
  /// Calls made while one of these lives are not recorded: they must not change the core's state.
  class Pause {
   public:
    explicit Pause(Journal& j) : journal_(j), mode_(std::exchange(j.mode_, Mode::off)) {}
    ~Pause() { journal_.mode_ = mode_; }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Journal& journal_;
    const Mode mode_;
  };

  static uint64_t encode_error(Error e) { return 1 + static_cast<uint64_t>(e); }
  static uint64_t encode_status(const Status& s) { return s.ok() ? 0 : encode_error(s.error()); }
  static Status decode_status(uint64_t code);

 private:
  static uint64_t hash_call(Kind kind, uint32_t subject, Args args, Bytes sent);

  void record_output(Kind kind, uint32_t subject, uint64_t hash, const Status& status);
  void record_call(Kind kind, uint32_t subject, Args args, uint64_t status,
                   std::optional<uint64_t> value, Bytes blob);
  void record_now(uint64_t t);
  void flush_outputs();

  Status replay_output(Kind kind, uint32_t subject, uint64_t hash);
  Status replay_call(Kind kind, uint32_t subject, Args args, Bytes sent);
  Result<uint64_t> replay_value(Kind kind, uint32_t subject, Args args);
  Status replay_fill(Kind kind, uint32_t subject, Args args, std::span<std::byte> to);
  uint64_t replay_now();
  Status lenient_output(Kind kind, uint32_t subject);
  bool leave_out(const Record& r);
  bool skip_to(Kind kind, uint32_t subject);
  const Record* peek();
  void take();
  void diverge(const std::string& why);  ///< at the next record, or in the run of folded calls
  void diverge_at(uint64_t index, const std::string& why);

  Mode mode_ = Mode::off;
  RecordSink* writer_ = nullptr;
  Reader* reader_ = nullptr;

  // Time. `same_` counts unchanged answers since the last record or folded call.
  uint64_t now_ = 0, same_ = 0;
  std::optional<uint64_t> first_now_;

  // The run of folded calls: when recording, those so far; when replaying, those still expected.
  uint64_t outputs_ = 0, outputs_hash_ = 0, outputs_index_ = 0;
  Hash64 running_;

  bool lenient_ = false;
  Aside aside_;
  uint64_t changed_answers_ = 0;
  const Record* peeked_ = nullptr;
  bool over_ = false;  ///< replay: ended, diverged or out of trace; answers are neutral
  uint64_t replayed_ = 0;
  std::optional<uint64_t> divergence_;
  std::string reason_;
  std::optional<Sha256> final_state_;
};

}  // namespace hv::trace

// SPDX-License-Identifier: MIT
#include "mediator/trace/replay.h"

#include <algorithm>
#include <map>
#include <memory>

#include "hv/trace/ports.h"
#include "mediator/trace/gpu.h"
#include "mediator/trace/inputs.h"
#include "mediator/trace/kinds.h"
#include "mediator/trace/session.h"
#include "shadow/gen9/regs.h"

namespace mediator::trace {

namespace {
using hv::trace::Journal;
using hv::trace::Record;

/// The vGPUs of a trace by their number in it, and the mediator over ports that answer from it.
class Player {
 public:
  Player(hv::trace::Reader& reader, ReplayWatcher* watcher) : journal_(reader), watcher_(watcher) {
    if (watcher != nullptr) watch();
  }
  /// Takes what the mediator puts out as it comes, and tells it to `sink`.
  Player(hv::trace::Reader& reader, hv::trace::RecordSink& sink)
      : journal_(reader, [this](const Record& r) { pass_on(r); }), sink_(&sink) {}
  ReplayResult run();

 private:
  struct Guest {
    std::unique_ptr<hv::trace::TracedDomain> domain;
    std::optional<hv::VgpuId> id;
    hv::TrapHandler* traps = nullptr;
    uint64_t aperture_bytes = 0;
  };
  bool deliver(const Record& r);
  bool start(const Record& r);
  bool create(const Record& r);
  bool trap(const Guest& g, const Record& r);
  void compare_state(ReplayResult& result);
  void note_work();
  void pass_on(const Record& r);
  void watch();

  Journal journal_;
  ReplayWatcher* watcher_ = nullptr;
  hv::trace::RecordSink* sink_ = nullptr;
  TracedGpu gpu_{nullptr, journal_};
  hv::trace::TracedClock clock_{nullptr, journal_};
  std::map<uint32_t, Guest> guests_;
  std::unique_ptr<Session> session_;
  uint64_t most_owed_ns_ = 0;
};

void Player::watch() {
  gpu_.after_submit([this](EngineId engine, std::span<const uint64_t> descriptors) {
    const auto lrca = descriptors.empty()
                          ? 0
                          : static_cast<uint32_t>(descriptors[0] & gen9::descriptor::Lrca::mask);
    const hv::VgpuId owner =
        descriptors.empty() ? hv::kHostOwner : session_->mediator().owner_of_context(lrca);
    watcher_->submitted(engine, owner, descriptors, journal_.last_ns());
  });
  gpu_.after_poll([this](std::span<const GpuEvent> events) {
    for (const GpuEvent& e : events) watcher_->happened(e);
  });
}

bool Player::start(const Record& r) {
  if (session_ || !sane_session(r)) return false;
  session_ = std::make_unique<Session>(gpu_, clock_, decode_session(r), sink_);
  return true;
}

bool Player::create(const Record& r) {
  if (r.subject == 0 || guests_.contains(r.subject) || !sane_create(r)) return false;
  const VgpuConfig config = decode_create(r);
  const uint32_t number = r.subject;
  Guest& g = guests_[number];
  g.aperture_bytes = config.aperture_bytes;
  g.domain = std::make_unique<hv::trace::TracedDomain>(
      nullptr, journal_, number, hv::DomId{static_cast<uint16_t>(r.args[0])}, false);
  const auto id = session_->create_vgpu(*g.domain, config);
  journal_.result(kind::created, number,
                  {id.ok() ? 0 : Journal::encode_error(id.error()), id.ok() ? id->v : 0u});
  if (id.ok()) {
    if (watcher_ != nullptr) watcher_->created(*id, config.name);
    g.id = *id;
    g.traps = session_->traps(*id);
  }
  return true;
}

bool Player::trap(const Guest& g, const Record& r) {
  if (!sane_trap(r, g.aperture_bytes)) return false;
  const auto range = static_cast<hv::Range>(r.args[0]);
  if (r.kind == Kind::page_write) {
    g.traps->on_page_write(hv::Gpa{r.args[0]}, static_cast<unsigned>(r.args[1]));
  } else if (r.kind == Kind::trap_write) {
    g.traps->on_write(range, r.args[1], static_cast<unsigned>(r.args[2]), r.args[3]);
  } else {
    const uint32_t number = r.subject;
    const uint64_t value = g.traps->on_read(range, r.args[1], static_cast<unsigned>(r.args[2]));
    journal_.result(Kind::value, number, {value});
  }
  return true;
}

/// False if the input makes no sense where it stands.
bool Player::deliver(const Record& r) {
  if (r.kind == kind::session) return start(r);
  if (!session_) return false;
  if (r.kind == kind::create) return create(r);
  if (r.kind == kind::poll) {
    session_->poll();
    return true;
  }
  if (r.kind == kind::gpu_shares) {
    if (sane_gpu_shares(r)) (void)session_->set_gpu_shares(decode_gpu_shares(r));
    return sane_gpu_shares(r);
  }
  const auto found = guests_.find(r.subject);
  if (found == guests_.end() || !found->second.id) return false;
  Guest& g = found->second;
  if (r.kind == kind::pause) {
    if (r.args[1] != 0)
      session_->dismiss(*g.id);
    else
      session_->pause(*g.id, r.args[0] != 0);
  } else if (r.kind == kind::share) {
    if (!sane_share(r)) return false;
    (void)session_->set_share(*g.id, decode_share(r));
  } else if (r.kind == kind::starved) {
    session_->set_starved(*g.id, r.args[0] != 0);
  } else if (r.kind == kind::destroy) {
    note_work();
    session_->destroy_vgpu(*std::exchange(g.id, std::nullopt));
  } else {
    return trap(g, r);
  }
  return true;
}

void Player::pass_on(const Record& r) {
  if (!session_) return;
  sink_->add(r.kind, r.subject, std::span{r.args}.first(kVocabulary.args(r.kind)), r.blob);
}

void Player::note_work() {
  for (const hv::VgpuId id : session_->mediator().vgpus())
    most_owed_ns_ = std::max(most_owed_ns_, session_->mediator().stats(id).work_most_ns);
}

void Player::compare_state(ReplayResult& result) {
  result.state = state_hash(session_->mediator());
  const auto& recorded = journal_.final_state();
  if (result.first_divergence || !recorded) return;
  result.matches = sink_ != nullptr || *recorded == result.state;
  if (!result.matches) {
    result.first_divergence = result.events;
    result.reason = "the final state differs";
  }
}

ReplayResult Player::run() {
  ReplayResult result;
  while (const Record* r = journal_.next_input()) {
    const uint64_t index = r->index;
    if (deliver(*r)) continue;
    result.error = "record " + std::to_string(index) + ": an input that cannot be";
    return result;
  }
  result.events = journal_.replayed();
  result.recorded_ns = journal_.span_ns();
  result.error = journal_.reader_error();
  if (result.error.empty() && !session_) result.error = "the trace has no session";
  if (!result.error.empty()) return result;
  note_work();
  result.most_owed_ns = most_owed_ns_;
  result.first_divergence = journal_.first_divergence();
  result.reason = journal_.divergence_reason();
  result.changed_answers = journal_.changed_answers();
  compare_state(result);
  if (result.matches && !session_->finish().ok()) result.error = "cannot be written";
  return result;
}
}  // namespace

ReplayResult replay(hv::trace::Reader& reader, ReplayWatcher* watcher) {
  if (reader.header().quirks & hv::trace::kOneGuest) {
    ReplayResult r;
    r.error = "holds one guest of several, without the answers to the mediator: replay it --open";
    return r;
  }
  return Player(reader, watcher).run();
}

ReplayResult retell(hv::trace::Reader& reader, hv::trace::RecordSink& sink) {
  return Player(reader, sink).run();
}

}  // namespace mediator::trace

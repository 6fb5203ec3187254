// SPDX-License-Identifier: MIT
#include "dom0/cli/open_replay.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "dom0/cli/open_replay_survey.h"
#include "dom0/cli/trace_file.h"
#include "dom0/embedded/machine_bus.h"
#include "dom0/gpu/driver/driver.h"
#include "dom0/gpu/model/model.h"
#include "dom0/guests/digest.h"
#include "hv/local/machine.h"
#include "mediator/mediator.h"
#include "mediator/trace/gpu.h"
#include "mediator/trace/inputs.h"
#include "mediator/trace/kinds.h"
#include "shadow/gen9/regs.h"

namespace cli {

namespace {
namespace kind = mediator::trace::kind;
using hv::trace::Kind;
using hv::trace::Record;
using hv::trace::Role;

constexpr uint64_t kMachineBytes = uint64_t{16} << 30;
constexpr uint64_t kMaxWaitNs = 200'000'000;   // for one ELSP or one completion, virtual time
constexpr uint64_t kFinishNs = 2'000'000'000;  // for the last work to end
constexpr uint64_t kStepNs = 1'000;
constexpr uint64_t kMaxSpanNs = uint64_t{3600} * 1'000'000'000;
constexpr uint32_t kQueueFull = 1u << 2;  // EXECLIST_STATUS, SKL PRM vol 2c

/// An input, kept until the records that follow it were seen.
struct Input {
  Record record;
  std::vector<std::byte> blob;
};

gpu::model::Config model_config(const hv::trace::FileHeader& header) {
  gpu::model::Config c;
  if (header.device_id != 0) {
    c.device_id = header.device_id;
    c.revision = header.revision;
  }
  return c;
}

class OpenPlayer final : hv::Clock {
 public:
  OpenPlayer(const Survey& survey, const hv::trace::FileHeader& header)
      : survey_(survey),
        machine_(kMachineBytes),
        bus_(machine_),
        model_(bus_, model_config(header)) {}
  ~OpenPlayer() override { mediator_.reset(); }
  OpenReplayResult run(hv::trace::Reader& reader);

 private:
  struct Guest {
    std::unique_ptr<hv::local::LocalDomain> domain;
    std::optional<hv::VgpuId> id;
    hv::TrapHandler* traps = nullptr;
    uint64_t aperture_bytes = 0;
  };
  uint64_t now_ns() override { return model_.now_ns(); }

  void take(const Record& r);
  void take_input(const Record& r);
  void pass_time(uint64_t ns);
  void learn_pages(const Record& r);
  void count_completions(const Record& r);

  bool deliver(const Record& r);
  bool start(const Record& r);
  bool create(const Record& r);
  bool trap(Guest& g, const Record& r);
  void wait_for_elsp(const Guest& g, const Record& r);
  void step(uint64_t limit);
  void advance(uint64_t until);
  template <class Done>
  bool wait(uint64_t at_most, Done done);
  void catch_up();
  void add_stats(hv::VgpuId id);
  void finish();
  std::string digest(uint32_t subject, Guest& g) const;

  const Survey& survey_;
  hv::local::Machine machine_;
  embedded::MachineBus bus_;
  gpu::model::Model model_;
  gpu::Driver driver_{model_};
  hv::trace::Journal no_journal_;
  mediator::trace::TracedGpu gpu_{&driver_, no_journal_};
  std::map<uint32_t, Guest> guests_;
  std::unique_ptr<mediator::Mediator> mediator_;

  std::optional<Input> held_;
  uint64_t recorded_now_ = 0, live_start_ = 0;
  std::optional<uint64_t> recorded_start_;
  uint64_t completions_ = 0, recorded_completions_ = 0, excused_ = 0;
  bool completions_changed_ = false;
  OpenReplayResult result_;
};

void OpenPlayer::step(uint64_t limit) {
  // As a host does: the mediator looks when the GPU interrupts or something is due. A deadline in
  // the past must not stop time.
  const uint64_t due = std::max(mediator_->next_deadline_ns(), model_.now_ns() + kStepNs);
  model_.advance_until_interrupt(std::min(limit, due));
  mediator_->poll();
}

void OpenPlayer::advance(uint64_t until) {
  while (model_.now_ns() < until) step(until);
}

template <class Done>
bool OpenPlayer::wait(uint64_t at_most, Done done) {
  const uint64_t limit = model_.now_ns() + at_most;
  while (!done()) {
    if (model_.now_ns() >= limit) return false;
    step(limit);
  }
  return true;
}

/// The guest reused its memory because it had seen work complete: here it must be complete, too.
void OpenPlayer::catch_up() {
  if (!mediator_ || !std::exchange(completions_changed_, false)) return;
  const auto behind = [&] {
    const uint64_t have = completions_ + excused_;
    return recorded_completions_ > have ? recorded_completions_ - have : 0;
  };
  if (wait(kMaxWaitNs, [&] { return behind() == 0; })) return;
  result_.late += behind();
  excused_ += behind();
}

void OpenPlayer::learn_pages(const Record& r) {
  const auto g = guests_.find(r.subject);
  if (g == guests_.end()) return;
  // What lies beyond the guest's memory stays unwritten, as it was unreadable.
  if (r.kind == Kind::guest_page && r.blob.size() == hv::kPageSize)
    (void)g->second.domain->write(hv::gpa_of(hv::Gfn{r.args[0]}), r.blob);
  if (r.kind == Kind::read && r.args[2] == 0 && r.blob.size() == r.args[1])
    (void)g->second.domain->write(hv::Gpa{r.args[0]}, r.blob);
}

void OpenPlayer::count_completions(const Record& r) {
  constexpr size_t size = sizeof(mediator::trace::StoredEvent);
  for (auto rest = r.blob; rest.size() >= size; rest = rest.subspan(size)) {
    const auto e = hv::load<mediator::trace::StoredEvent>(rest.data());
    if (e.kind != static_cast<uint8_t>(mediator::GpuEventKind::context_complete)) continue;
    ++recorded_completions_;
    completions_changed_ = true;
  }
}

bool OpenPlayer::start(const Record& r) {
  if (mediator_ || !mediator::trace::sane_session(r)) return false;
  if (!driver_.start().ok()) return false;
  live_start_ = model_.now_ns();
  gpu_.after_poll([this](std::span<const mediator::GpuEvent> events) {
    completions_ += static_cast<uint64_t>(std::ranges::count(
        events, mediator::GpuEventKind::context_complete, &mediator::GpuEvent::kind));
  });
  mediator_ = std::make_unique<mediator::Mediator>(gpu_, static_cast<hv::Clock&>(*this),
                                                   mediator::trace::decode_session(r));
  return true;
}

bool OpenPlayer::create(const Record& r) {
  if (r.subject == 0 || guests_.contains(r.subject) || !mediator::trace::sane_create(r))
    return false;
  const mediator::VgpuConfig config = mediator::trace::decode_create(r);
  const auto pages = survey_.pages.find(r.subject);
  const bool none = pages == survey_.pages.end() || pages->second.empty();
  const uint64_t ram = none ? 0 : hv::gpa_of(*pages->second.rbegin()).v + hv::kPageSize;
  Guest& g = guests_[r.subject];
  g.domain = std::make_unique<hv::local::LocalDomain>(
      machine_, hv::DomId{static_cast<uint16_t>(r.args[0])}, config.name, ram);
  g.aperture_bytes = config.aperture_bytes;
  // Contents that the recorded mediator read while it made the vGPU were not known before: it
  // reads none.
  const auto id = mediator_->create_vgpu(*g.domain, config);
  if (!id.ok()) return true;
  g.id = *id;
  g.traps = mediator_->traps(*id);
  g.domain->attach(g.traps);
  return true;
}

void OpenPlayer::wait_for_elsp(const Guest& g, const Record& r) {
  for (const gen9::EngineId e : gen9::kAllEngines) {
    if (r.args[1] != gen9::engine_reg(e, gen9::rel::kElsp)) continue;
    const uint32_t status = gen9::engine_reg(e, gen9::rel::kExeclistStatusLo);
    const bool free = wait(kMaxWaitNs, [&] {
      return (g.traps->on_read(hv::Range::bar0, status, 4) & kQueueFull) == 0;
    });
    if (!free) ++result_.late;
  }
}

bool OpenPlayer::trap(Guest& g, const Record& r) {
  if (!mediator::trace::sane_trap(r, g.aperture_bytes)) return false;
  const auto range = static_cast<hv::Range>(r.args[0]);
  if (r.kind == Kind::page_write) {
    g.traps->on_page_write(hv::Gpa{r.args[0]}, static_cast<unsigned>(r.args[1]));
  } else if (r.kind == Kind::trap_read) {
    (void)g.traps->on_read(range, r.args[1], static_cast<unsigned>(r.args[2]));
  } else {
    if (range == hv::Range::bar0) wait_for_elsp(g, r);
    g.traps->on_write(range, r.args[1], static_cast<unsigned>(r.args[2]), r.args[3]);
  }
  return true;
}

void OpenPlayer::add_stats(hv::VgpuId id) {
  const mediator::VgpuStats s = mediator_->stats(id);
  result_.submissions += s.submissions;
  result_.refused += s.refused_commands;
  result_.gpu_ns += s.gpu_ns;
}

/// False if the input makes no sense where it stands.
bool OpenPlayer::deliver(const Record& r) {
  ++result_.events;
  if (r.kind == kind::session) return start(r);
  if (!mediator_) return false;
  if (r.kind == kind::create) return create(r);
  if (r.kind == kind::poll) {
    mediator_->poll();
    return true;
  }
  const auto found = guests_.find(r.subject);
  if (found == guests_.end()) return false;
  Guest& g = found->second;
  // A vGPU that this mediator did not make, or has given up, hears nothing.
  if (!g.id) return true;
  if (r.kind == kind::pause) {
    mediator_->pause(*g.id, r.args[0] != 0);
  } else if (r.kind == kind::destroy) {
    add_stats(*g.id);
    mediator_->destroy_vgpu(*std::exchange(g.id, std::nullopt));
  } else {
    return trap(g, r);
  }
  return true;
}

/// Delivers the input before this one: everything that belongs to it was seen.
void OpenPlayer::take_input(const Record& r) {
  if (held_) {
    Record before = held_->record;
    before.blob = held_->blob;
    if (!deliver(before))
      result_.error = "record " + std::to_string(before.index) + ": an input that cannot be";
  }
  held_ = Input{r, {r.blob.begin(), r.blob.end()}};
  catch_up();
}

/// Time has passed before what follows: also before the guest's memory became what it is then.
void OpenPlayer::pass_time(uint64_t ns) {
  recorded_now_ += ns;
  if (!recorded_start_) recorded_start_ = recorded_now_;
  const uint64_t passed = recorded_now_ - *recorded_start_;
  if (passed > kMaxSpanNs) {
    result_.error = "the clock jumps";
  } else if (mediator_) {
    advance(live_start_ + passed);
  }
}

void OpenPlayer::take(const Record& r) {
  const bool input = mediator::trace::kVocabulary.find(r.kind)->role == Role::input;
  if (input || r.kind == Kind::end) {
    take_input(r);
  } else if (r.kind == kind::events) {
    count_completions(r);
  } else if (r.kind == Kind::clock) {
    pass_time(r.args[1]);
  } else {
    learn_pages(r);
  }
}

std::string OpenPlayer::digest(uint32_t subject, Guest& g) const {
  guests::Digest d;
  std::array<std::byte, hv::kPageSize> page;
  const auto pages = survey_.pages.find(subject);
  if (pages == survey_.pages.end()) return d.hex();
  for (const hv::Gfn gfn : pages->second) {
    if (!g.domain->read(hv::gpa_of(gfn), page).ok()) continue;
    d.add(gfn.v);
    d.add(std::span<const std::byte>{page});
  }
  return d.hex();
}

void OpenPlayer::finish() {
  (void)wait(kFinishNs, [&] { return mediator_->idle(); });
  result_.recorded_ns = recorded_now_ - recorded_start_.value_or(recorded_now_);
  for (auto& [subject, g] : guests_) {
    if (g.id) add_stats(*g.id);
    result_.memory.push_back(digest(subject, g));
  }
}

OpenReplayResult OpenPlayer::run(hv::trace::Reader& reader) {
  while (const Record* r = reader.next()) {
    take(*r);
    if (!result_.error.empty()) return result_;
  }
  result_.error = reader.error();
  if (result_.error.empty() && !mediator_) result_.error = "the trace has no session";
  if (result_.error.empty()) finish();
  return result_;
}
}  // namespace

OpenReplayResult open_replay(const std::string& path) {
  OpenReplayResult bad;
  const Survey pages = survey(path);
  bad.error = pages.error;
  if (!bad.error.empty()) return bad;
  TraceSource file(path);
  bad.error = file.error();
  if (!bad.error.empty()) return bad;
  hv::trace::Reader reader(file, mediator::trace::kVocabulary);
  return OpenPlayer(pages, reader.header()).run(reader);
}

}  // namespace cli

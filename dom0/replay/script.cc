// SPDX-License-Identifier: MIT
// Which access a piece of memory belongs to. The trace tells when the mediator or the GPU found it;
// it was there when the guest handed over the work that led them to it, and a live mediator may
// look at any time after that.
#include "dom0/replay/script.h"

#include <algorithm>
#include <optional>
#include <set>

#include "dom0/cli/trace_file.h"
#include "hv/bits.h"
#include "mediator/context.h"
#include "mediator/trace/gpu.h"
#include "mediator/trace/inputs.h"
#include "mediator/trace/kinds.h"
#include "shadow/gen9/regs.h"

namespace replay {
namespace {

namespace kind = mediator::trace::kind;
using hv::trace::Kind;
using hv::trace::Record;
using hv::trace::Role;
using mediator::trace::kVocabulary;

constexpr uint64_t kMaxGfn = uint64_t{1} << 21;  // 8 GiB of guest memory
constexpr uint64_t kMaxPatchBytes = uint64_t{1} << 30;
constexpr size_t kMaxActions = size_t{1} << 24;
constexpr unsigned kElspWords = 4;  // of one submission
constexpr uint64_t kSharedFrames = hv::Field64<38, 12>::mask;

using Engines = std::array<std::optional<size_t>, gen9::kEngines>;

class Loader {
 public:
  hv::Result<Scripts, std::string> run(hv::trace::Reader& reader);

 private:
  struct Guest {
    Script script;
    uint64_t vgpu = 0, highest_gfn = 0;
    uint64_t made_ns = 0, aperture_bytes = 0;
    bool alive = false;
    std::array<unsigned, gen9::kEngines> elsp_words{};
    Engines doorbell;   ///< the action that last completed a submission to the engine
    Engines submitted;  ///< the one that the engine's last submission to the GPU came from
    std::vector<Patch> unplaced;  ///< read by the mediator in this input, not known why yet
    Progress progress;
  };
  void take(const Record& r);
  void take_input(const Record& r);
  void create(const Record& r);
  void act(Guest& g, const Record& r);
  void ring_doorbell(Guest& g, const Record& r);
  void submitted(const Record& r);
  void completed(const Record& r);
  void found(Guest& g, const Record& r, uint64_t address);
  void reach(Guest& g, uint64_t address, uint64_t bytes);
  void pinned(Guest& g, const Record& r);
  void place(Guest& g, std::optional<size_t> action, Patch patch);
  void settle(Guest& g);
  Guest* owner(uint64_t vgpu);
  void fail(const Record& r, const char* why) {
    if (error_.empty()) error_ = "record " + std::to_string(r.index) + ": " + why;
  }

  Scripts scripts_;
  std::map<uint32_t, Guest> guests_;
  Guest* acting_ = nullptr;  ///< whose access the records belong to; nullptr: nobody's
  uint64_t now_ns_ = 0, patch_bytes_ = 0;
  std::optional<uint64_t> first_ns_;
  bool session_ = false;
  std::string error_;
};

Loader::Guest* Loader::owner(uint64_t vgpu) {
  for (auto& [n, g] : guests_)
    if (g.alive && g.vgpu == vgpu) return &g;
  return nullptr;
}

void Loader::reach(Guest& g, uint64_t address, uint64_t bytes) {
  const uint64_t last = (address + std::max<uint64_t>(bytes, 1) - 1) >> hv::kPageShift;
  if (last < kMaxGfn) g.highest_gfn = std::max(g.highest_gfn, last);
}

void Loader::pinned(Guest& g, const Record& r) {
  std::span<const std::byte> list = r.blob;
  uint64_t gfn = 0, difference = 0, frame = 0;
  while (hv::trace::take_varint(list, difference) && hv::trace::take_varint(list, frame))
    reach(g, (gfn += hv::trace::unzigzag(difference)) << hv::kPageShift, 1);
}

void Loader::place(Guest& g, std::optional<size_t> action, Patch patch) {
  auto& actions = g.script.actions;
  if (actions.empty()) return;  // nothing of it can be looked at before the first access
  patch_bytes_ += patch.bytes.size();
  if (patch_bytes_ > kMaxPatchBytes && error_.empty())
    error_ = "holds more guest memory than an open replay takes";
  if (!error_.empty()) return;
  actions[action.value_or(actions.size() - 1)].patches.push_back(std::move(patch));
}

/// What the mediator read for no submission belongs to what the guest did last.
void Loader::settle(Guest& g) {
  for (Patch& p : g.unplaced) place(g, std::nullopt, std::move(p));
  g.unplaced.clear();
}

void Loader::found(Guest& g, const Record& r, uint64_t address) {
  reach(g, address, r.blob.size());
  if (address >> hv::kPageShift >= kMaxGfn) return;
  Patch patch{hv::Gpa{address}, {r.blob.begin(), r.blob.end()}};
  if (r.kind == Kind::guest_data && r.args[0] < gen9::kEngines) {
    place(g, g.submitted[r.args[0]], std::move(patch));
  } else if (acting_ == &g) {
    place(g, std::nullopt, std::move(patch));
  } else {
    g.unplaced.push_back(std::move(patch));
  }
}

void Loader::submitted(const Record& r) {
  if (r.args[0] >= gen9::kEngines || r.blob.size() < 8) return;
  const auto id = gen9::descriptor::ContextId::get(hv::load<uint64_t>(r.blob.data()));
  Guest* g = owner(mediator::owner_of_host_id(static_cast<uint32_t>(id)).v);
  if (!g) return;
  const auto from = g->submitted[r.args[0]] = g->doorbell[r.args[0]];
  for (Patch& p : g->unplaced) place(*g, from, std::move(p));
  g->unplaced.clear();
}

void Loader::completed(const Record& r) {
  constexpr size_t size = sizeof(mediator::trace::StoredEvent);
  for (auto rest = r.blob; rest.size() >= size; rest = rest.subspan(size)) {
    const auto e = hv::load<mediator::trace::StoredEvent>(rest.data());
    if (e.kind != static_cast<uint8_t>(mediator::GpuEventKind::context_complete)) continue;
    if (Guest* g = owner(mediator::owner_of_host_id(e.context_id).v)) ++g->progress.completed;
  }
}

void Loader::create(const Record& r) {
  if (r.subject == 0 || guests_.contains(r.subject) || !mediator::trace::sane_create(r))
    return fail(r, "an input that cannot be");
  Guest& g = guests_[r.subject];
  g.script.config = mediator::trace::decode_create(r);
  g.aperture_bytes = g.script.config.aperture_bytes;
  g.made_ns = now_ns_;
}

void Loader::ring_doorbell(Guest& g, const Record& r) {
  const auto range = static_cast<hv::Range>(r.args[0]);
  if (range != hv::Range::bar0) return;
  if (r.args[1] >= gen9::kGttOffset && (r.args[3] & gen9::kPtePresent))
    reach(g, r.args[3] & kSharedFrames, 1);
  for (const gen9::EngineId e : gen9::kAllEngines) {
    if (r.args[1] != gen9::engine_reg(e, gen9::rel::kElsp)) continue;
    unsigned& words = g.elsp_words[gen9::index(e)];
    words = (words + 1) % kElspWords;
    if (words != 0) continue;
    g.doorbell[gen9::index(e)] = g.script.actions.size() - 1;
    ++g.script.submissions;
  }
}

void Loader::act(Guest& g, const Record& r) {
  if (!mediator::trace::sane_trap(r, g.aperture_bytes)) return fail(r, "an input that cannot be");
  if (g.script.actions.size() >= kMaxActions)
    return fail(r, "more accesses than an open replay takes");
  Action a;
  a.at_ns = now_ns_ - g.made_ns;
  a.before = g.progress;
  if (r.kind == Kind::page_write) {
    a.kind = Action::Kind::page_write;
    a.offset = r.args[0];
    a.size = static_cast<unsigned>(r.args[1]);
    reach(g, a.offset, a.size);
  } else {
    a.kind = r.kind == Kind::trap_read ? Action::Kind::read : Action::Kind::write;
    a.range = static_cast<hv::Range>(r.args[0]);
    a.offset = r.args[1];
    a.size = static_cast<unsigned>(r.args[2]);
    a.value = r.kind == Kind::trap_write ? r.args[3] : 0;
  }
  g.script.actions.push_back(std::move(a));
  if (r.kind == Kind::trap_write) ring_doorbell(g, r);
  acting_ = &g;
}

void Loader::take_input(const Record& r) {
  for (auto& [n, g] : guests_) settle(g);
  acting_ = nullptr;
  if (r.kind == kind::session) {
    if (session_ || !mediator::trace::sane_session(r)) return fail(r, "an input that cannot be");
    const mediator::MediatorConfig c = mediator::trace::decode_session(r);
    scripts_.slice_ns = c.slice_ns;
    scripts_.hang_ns = c.hang_ns;
    scripts_.scan_all = c.scan_all;
    session_ = true;
    return;
  }
  if (!session_) return fail(r, "an input that cannot be");
  if (r.kind == kind::create) return create(r);
  if (r.subject == 0) return;
  const auto it = guests_.find(r.subject);
  if (it == guests_.end()) return fail(r, "an input that cannot be");
  if (r.kind == kind::destroy) it->second.alive = false;
  const bool access =
      r.kind == Kind::trap_read || r.kind == Kind::trap_write || r.kind == Kind::page_write;
  if (access) act(it->second, r);
}

void Loader::take(const Record& r) {
  if (r.kind == Kind::clock) {
    now_ns_ += r.args[1];
    if (!first_ns_) first_ns_ = now_ns_;
    return;
  }
  if (kVocabulary.find(r.kind)->role == Role::input) return take_input(r);
  if (r.kind == kind::submit) return submitted(r);
  if (r.kind == kind::events) return completed(r);
  const auto it = guests_.find(r.subject);
  if (it == guests_.end()) return;
  Guest& g = it->second;
  if (r.kind == kind::created) {
    g.alive = r.args[0] == 0;
    g.vgpu = r.args[1];
  }
  switch (r.kind) {
    case Kind::read:
      if (r.args[2] == 0) found(g, r, r.args[0]);
      return;
    case Kind::guest_page: return found(g, r, r.args[0] << hv::kPageShift);
    case Kind::guest_data: return found(g, r, r.args[1]);
    case Kind::gpu_progress:
      if (r.args[0] < gen9::kEngines) g.progress.written[r.args[0]] = r.args[1];
      return;
    case Kind::gpu_page: g.script.written[hv::Gfn{r.args[0]}] = {r.args[1], r.args[2]}; return;
    case Kind::pin: return pinned(g, r);
    default: return;
  }
}

hv::Result<Scripts, std::string> Loader::run(hv::trace::Reader& reader) {
  scripts_.header = reader.header();
  if (reader.error().empty() &&
      !(reader.header().quirks & (hv::trace::kGuestPages | hv::trace::kGuestData)))
    return std::string("recorded without --open, so it does not hold what the GPU found in memory");
  while (const Record* r = reader.next()) {
    take(*r);
    if (!error_.empty()) return error_;
  }
  if (!reader.error().empty()) return reader.error();
  if (!session_) return std::string("the trace has no session");
  scripts_.recorded_ns = now_ns_ - first_ns_.value_or(now_ns_);
  for (auto& [n, g] : guests_) {
    settle(g);
    if (!error_.empty()) return error_;
    g.script.ram_bytes = (g.highest_gfn + 1) << hv::kPageShift;
    g.script.end = g.progress;
    g.script.knows_writes = (reader.header().quirks & hv::trace::kGuestData) != 0;
    scripts_.guests.emplace(n, std::move(g.script));
  }
  return std::move(scripts_);
}

}  // namespace

hv::Result<Scripts, std::string> load_scripts(const std::string& path) {
  cli::TraceSource file(path);
  if (!file.error().empty()) return file.error();
  hv::trace::Reader reader(file, kVocabulary);
  auto scripts = Loader().run(reader);
  if (!scripts.ok() || file.error().empty()) return scripts;
  return file.error();
}

}  // namespace replay

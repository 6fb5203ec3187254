// SPDX-License-Identifier: MIT
#include "dom0/cli/trace_info.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <ostream>
#include <vector>

#include "dom0/cli/table.h"
#include "hv/bits.h"
#include "hv/domain.h"
#include "mediator/context.h"
#include "mediator/register_table.h"
#include "mediator/trace/gpu.h"
#include "mediator/trace/kinds.h"
#include "shadow/gen9/regs.h"

namespace cli {

namespace {
namespace json = boost::json;
namespace kind = mediator::trace::kind;
using hv::trace::Kind;
using hv::trace::Record;
using Pair = GuestAccesses::Pair;

constexpr unsigned kElspWords = 4;  // of one submission
constexpr size_t kShownRegisters = 40;

/// Counts record after record.
class Counter {
 public:
  Counter(TraceInfo& info, uint64_t from_ns, uint64_t to_ns)
      : info_(info), from_ns_(from_ns), to_ns_(to_ns) {}
  void take(const Record& r);

 private:
  void take_time(const Record& r);
  void trap(GuestAccesses& g, const Record& r);
  void register_access(GuestAccesses& g, const Record& r, bool write);
  void events(const Record& r);
  GuestAccesses* made_as(uint64_t vgpu);
  [[nodiscard]] bool counts() const {
    return started_ && info_.last_ns - info_.first_ns >= from_ns_ &&
           info_.last_ns - info_.first_ns <= to_ns_;
  }

  TraceInfo& info_;
  const uint64_t from_ns_, to_ns_;
  bool started_ = false;
  std::map<std::pair<uint32_t, unsigned>, unsigned> elsp_words_;
};

void Counter::take_time(const Record& r) {
  info_.last_ns += r.args[1];
  if (!started_) info_.first_ns = info_.last_ns;
  started_ = true;
}

void Counter::register_access(GuestAccesses& g, const Record& r, bool write) {
  const auto offset = static_cast<uint32_t>(r.args[1]);
  Pair& by = g.by_register[offset & ~uint32_t{3}];
  ++(write ? by.writes : by.reads);
  if (!write) return;
  for (const gen9::EngineId e : gen9::kAllEngines) {
    if (offset != gen9::engine_reg(e, gen9::rel::kElsp)) continue;
    unsigned& words = elsp_words_[{r.subject, gen9::index(e)}];
    words = (words + 1) % kElspWords;
    g.elsp[gen9::index(e)] += words == 0;
  }
}

void Counter::trap(GuestAccesses& g, const Record& r) {
  const bool write = r.kind == Kind::trap_write;
  const auto range = static_cast<hv::Range>(r.args[0]);
  const bool bar0 = range == hv::Range::bar0;
  const bool entry = bar0 && r.args[1] >= gen9::kGttOffset;
  Pair& p = range == hv::Range::config ? g.config
            : entry                    ? g.ggtt
            : bar0                     ? g.registers
                                       : g.aperture;
  ++(write ? p.writes : p.reads);
  if (bar0 && !entry) register_access(g, r, write);
}

GuestAccesses* Counter::made_as(uint64_t vgpu) {
  // The last one made with that number: numbers of dead vGPUs come again.
  GuestAccesses* found = nullptr;
  for (auto& [subject, g] : info_.guests)
    if (g.vgpu == vgpu) found = &g;
  return found;
}

void Counter::events(const Record& r) {
  constexpr size_t size = sizeof(mediator::trace::StoredEvent);
  for (auto rest = r.blob; rest.size() >= size; rest = rest.subspan(size)) {
    const auto e = hv::load<mediator::trace::StoredEvent>(rest.data());
    if (e.kind != static_cast<uint8_t>(mediator::GpuEventKind::context_complete)) continue;
    GuestAccesses* g = made_as(mediator::owner_of_host_id(e.context_id).v);
    if (g && e.engine < gen9::kEngines) ++g->completed[e.engine];
  }
}

void Counter::take(const Record& r) {
  ++info_.records;
  if (r.kind == Kind::clock) take_time(r);
  GuestAccesses* g = r.subject != 0 ? &info_.guests[r.subject] : nullptr;
  if (g && r.kind == kind::create)
    g->name.assign(reinterpret_cast<const char*>(r.blob.data()), r.blob.size());
  if (g && r.kind == kind::created) g->vgpu = r.args[1];
  if (!counts() && r.kind != kind::create) return;
  ++info_.kinds[mediator::trace::kVocabulary.find(r.kind)->name];
  info_.bytes += r.blob.size();
  if (r.kind == kind::poll) ++info_.polls;
  if (r.kind == kind::submit) ++info_.submits;
  if (r.kind == kind::events) events(r);
  if (!g) return;
  if (r.kind == Kind::trap_read || r.kind == Kind::trap_write) trap(*g, r);
  if (r.kind == Kind::page_write) ++g->page_writes;
  if (r.kind == Kind::inject_msi) ++g->interrupts;
}

template <size_t N>
uint64_t sum(const std::array<uint64_t, N>& all) {
  uint64_t n = 0;
  for (const uint64_t v : all) n += v;
  return n;
}

/// Registers by how often they were accessed, most first.
std::vector<std::pair<uint32_t, Pair>> busiest(const GuestAccesses& g) {
  std::vector<std::pair<uint32_t, Pair>> all(g.by_register.begin(), g.by_register.end());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second.reads + a.second.writes > b.second.reads + b.second.writes;
  });
  return all;
}

json::object to_json(const Pair& p) { return {{"reads", p.reads}, {"writes", p.writes}}; }

json::object per_engine(const std::array<uint64_t, gen9::kEngines>& counts) {
  json::object o;
  for (const gen9::EngineId e : gen9::kAllEngines) o[gen9::info(e).name] = counts[gen9::index(e)];
  return o;
}

json::object to_json(uint32_t subject, const GuestAccesses& g) {
  json::array registers;
  for (const auto& [offset, p] : busiest(g))
    registers.push_back({{"offset", offset},
                         {"name", mediator::register_name(offset)},
                         {"reads", p.reads},
                         {"writes", p.writes}});
  return {{"vgpu", subject},
          {"name", g.name},
          {"accesses", g.total()},
          {"config", to_json(g.config)},
          {"registers", to_json(g.registers)},
          {"ggtt", to_json(g.ggtt)},
          {"aperture", to_json(g.aperture)},
          {"page_writes", g.page_writes},
          {"interrupts", g.interrupts},
          {"submissions", per_engine(g.elsp)},
          {"completed", per_engine(g.completed)},
          {"by_register", std::move(registers)}};
}

json::object to_json(const TraceInfo& i) {
  json::array guests;
  for (const auto& [subject, g] : i.guests) guests.push_back(to_json(subject, g));
  json::object kinds;
  for (const auto& [name, n] : i.kinds) kinds[name] = n;
  return {{"version", i.header.version},
          {"quirks", i.header.quirks},
          {"device_id", i.header.device_id},
          {"revision", i.header.revision},
          {"records", i.records},
          {"blob_bytes", i.bytes},
          {"span_ns", i.last_ns - i.first_ns},
          {"polls", i.polls},
          {"gpu_submits", i.submits},
          {"kinds", std::move(kinds)},
          {"guests", std::move(guests)}};
}

std::string per_submission(uint64_t n, uint64_t submissions) {
  if (submissions == 0) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%.2f",
                static_cast<double>(n) / static_cast<double>(submissions));
  return text;
}

void print_guest(uint32_t subject, const GuestAccesses& g, std::ostream& out) {
  const uint64_t n = g.submissions();
  out << "\nvgpu" << subject << ' ' << g.name << ": " << g.total() << " accesses, " << n
      << " submissions, " << sum(g.completed) << " contexts completed, " << g.interrupts
      << " interrupts\n";
  Table kinds({"accesses", "reads", "writes", "per submission"});
  const auto add = [&](const char* name, const Pair& p) {
    kinds.add({name, std::to_string(p.reads), std::to_string(p.writes),
               per_submission(p.reads + p.writes, n)});
  };
  add("config space", g.config);
  add("registers", g.registers);
  add("GGTT entries", g.ggtt);
  add("aperture", g.aperture);
  kinds.add(
      {"protected pages", "", std::to_string(g.page_writes), per_submission(g.page_writes, n)});
  kinds.print(out);
  const auto all = busiest(g);
  if (all.empty()) return;
  Table registers({"register", "offset", "reads", "writes", "per submission"});
  for (size_t i = 0; i < std::min(all.size(), kShownRegisters); ++i) {
    char offset[16];
    std::snprintf(offset, sizeof offset, "%#x", all[i].first);
    const Pair& p = all[i].second;
    registers.add({mediator::register_name(all[i].first), offset, std::to_string(p.reads),
                   std::to_string(p.writes), per_submission(p.reads + p.writes, n)});
  }
  out << '\n';
  registers.print(out);
  if (all.size() > kShownRegisters)
    out << "and " << all.size() - kShownRegisters << " registers more (--json has all)\n";
}
}  // namespace

uint64_t GuestAccesses::total() const {
  uint64_t n = page_writes;
  for (const Pair& p : {config, registers, ggtt, aperture}) n += p.reads + p.writes;
  return n;
}
uint64_t GuestAccesses::submissions() const { return sum(elsp); }

TraceInfo survey_trace(hv::trace::Reader& reader, uint64_t from_ns, uint64_t to_ns) {
  TraceInfo info;
  info.header = reader.header();
  Counter counter(info, from_ns, to_ns);
  while (const Record* r = reader.next()) counter.take(*r);
  return info;
}

void print_info(const TraceInfo& i, bool as_json, std::ostream& out) {
  if (as_json) {
    out << to_json(i) << '\n';
    return;
  }
  out << i.records << " records, " << static_cast<double>(i.last_ns - i.first_ns) / 1e9 << " s, "
      << i.guests.size() << " guests, " << i.polls << " polls, " << i.submits
      << " submissions to the GPU\n";
  for (const auto& [subject, g] : i.guests) print_guest(subject, g, out);
}

}  // namespace cli

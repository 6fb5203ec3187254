// SPDX-License-Identifier: MIT
// xengvt replay: recordings through a fresh mediator, with neither hypervisor nor GPU behind it.
#include "mediator/trace/replay.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <optional>
#include <vector>

#include "dom0/cli/command.h"
#include "dom0/cli/open_replay.h"
#include "dom0/cli/options.h"
#include "dom0/cli/table.h"
#include "dom0/cli/trace_file.h"
#include "mediator/trace/kinds.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;
using mediator::trace::ReplayResult;

struct Timed {
  ReplayResult result;
  double seconds = 0;
};

Timed replay_file(const std::string& path) {
  TraceSource file(path);
  Timed t;
  t.result.error = file.error();
  if (!t.result.error.empty()) return t;
  const auto start = std::chrono::steady_clock::now();
  hv::trace::Reader reader(file, mediator::trace::kVocabulary);
  t.result = mediator::trace::replay(reader);
  t.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!file.error().empty()) t.result.error = file.error();
  return t;
}

double speedup(const Timed& t) {
  return t.seconds > 0 ? static_cast<double>(t.result.recorded_ns) / 1e9 / t.seconds : 0;
}

json::object to_json(const Timed& t) {
  const ReplayResult& r = t.result;
  json::object o{{"events", r.events},
                 {"state", hv::trace::to_hex(r.state)},
                 {"matches", r.matches},
                 {"first_divergence", nullptr}};
  if (r.first_divergence) o["first_divergence"] = *r.first_divergence;
  if (!r.reason.empty()) o["reason"] = r.reason;
  if (r.changed_answers != 0) o["changed_answers"] = r.changed_answers;
  o["recorded_ns"] = r.recorded_ns;
  o["most_owed_ns"] = r.most_owed_ns;
  o["replay_ns"] = static_cast<uint64_t>(t.seconds * 1e9);
  return o;
}

void print(const std::string& path, const Timed& t, std::ostream& out) {
  const ReplayResult& r = t.result;
  out << path << ": " << r.events << " events, ";
  if (r.first_divergence) {
    out << "diverges at " << *r.first_divergence << ": " << r.reason;
  } else {
    out << "matches, state " << hv::trace::to_hex(r.state);
  }
  out << " (" << static_cast<double>(r.recorded_ns) / 1e9 << " s in " << t.seconds << " s, "
      << speedup(t) << " times as fast)\n";
}

json::object to_json(const OpenReplayGuest& g) {
  json::object o{{"name", g.name},
                 {"accesses", g.accesses},
                 {"recorded_submissions", g.recorded_submissions},
                 {"submissions", g.submissions},
                 {"refused", g.refused},
                 {"resets", g.resets},
                 {"faults", g.faults},
                 {"late", g.late},
                 {"gpu_ns", g.gpu_ns}};
  if (!g.compares) return o;
  o["written_pages"] = g.pages;
  o["equal_pages"] = g.pages_equal;
  if (!g.difference.empty()) o["difference"] = g.difference;
  return o;
}

json::object to_json(const OpenReplayResult& r) {
  json::array guests;
  uint64_t accesses = 0, submissions = 0, refused = 0, late = 0, gpu_ns = 0;
  for (const OpenReplayGuest& g : r.guests) {
    accesses += g.accesses;
    submissions += g.submissions;
    refused += g.refused;
    late += g.late;
    gpu_ns += g.gpu_ns;
    guests.push_back(to_json(g));
  }
  return {{"open", true},
          {"same", r.same()},
          {"events", accesses},
          {"submissions", submissions},
          {"refused", refused},
          {"late", late},
          {"gpu_ns", gpu_ns},
          {"recorded_ns", r.recorded_ns},
          {"virtual_ns", r.virtual_ns},
          {"dma_violations", r.dma_violations},
          {"guests", std::move(guests)}};
}

void print(const std::string& path, const OpenReplayResult& r, std::ostream& out) {
  out << path << ": " << r.guests.size() << " guests, " << static_cast<double>(r.recorded_ns) / 1e9
      << " s recorded, " << static_cast<double>(r.virtual_ns) / 1e6 << " ms of virtual time\n";
  Table table({"guest", "accesses", "submissions", "refused", "resets", "late", "GPU ms",
               "pages written", "as recorded"});
  for (const OpenReplayGuest& g : r.guests) {
    char ms[32];
    std::snprintf(ms, sizeof ms, "%.3f", static_cast<double>(g.gpu_ns) / 1e6);
    table.add({g.name, std::to_string(g.accesses), std::to_string(g.recorded_submissions),
               std::to_string(g.refused), std::to_string(g.resets), std::to_string(g.late), ms,
               g.compares ? std::to_string(g.pages) : "",
               g.compares ? std::to_string(g.pages_equal) : ""});
  }
  table.print(out);
  for (const OpenReplayGuest& g : r.guests)
    if (!g.difference.empty()) out << g.name << ": " << g.difference << '\n';
}

/// Opens where an open replay is recorded, plays, and completes the file. The result has the error.
OpenReplayResult play_open(const std::string& path, const std::optional<std::string>& record_to) {
  if (!record_to) return open_replay(path);
  TraceSink sink(*record_to);
  hv::trace::Writer writer(sink, {});
  OpenReplayResult r;
  r.error = sink.error();
  if (r.error.empty()) r = open_replay(path, &writer);
  if (r.error.empty() && !sink.commit()) r.error = sink.error();
  return r;
}

/// Writes the trace anew, with what this mediator puts out.
Timed retell_file(const std::string& path, const std::string& to) {
  TraceSource file(path);
  TraceSink sink(to);
  Timed t;
  t.result.error = file.error().empty() ? sink.error() : file.error();
  if (!t.result.error.empty()) return t;
  hv::trace::Reader reader(file, mediator::trace::kVocabulary);
  hv::trace::FileHeader header;
  header.quirks = reader.header().quirks;
  hv::trace::Writer writer(sink, header);
  t.result = mediator::trace::retell(reader, writer);
  if (t.result.error.empty() && t.result.matches && !sink.commit()) t.result.error = sink.error();
  return t;
}

/// Replays one trace; adds to `all`. The exit code.
int replay_one(const std::string& path, const Parsed& how, json::array& all, std::ostream& out,
               std::ostream& err) {
  const auto tell = [&](const auto& result) {
    if (!how.has("json")) print(path, result, out);
    all.push_back(to_json(result));
  };
  if (how.has("open")) {
    std::optional<std::string> record_to;
    if (how.has("output")) record_to = how.get<std::string>("output");
    const OpenReplayResult r = play_open(path, record_to);
    if (!r.error.empty()) return fail(err, path + ": " + r.error);
    tell(r);
    return r.same() ? kOk : kFailed;
  }
  const Timed t =
      how.has("retell") ? retell_file(path, how.get<std::string>("output")) : replay_file(path);
  if (!t.result.error.empty()) return fail(err, path + ": " + t.result.error);
  tell(t);
  return t.result.matches ? kOk : kFailed;
}

}  // namespace

int replay_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("open", "as a stimulus for a live mediator and model (record --open)")(
      "output,o", po::value<std::string>(), "with --open or --retell: the trace to write")(
      "retell", "same inputs and answers, but what this mediator puts out");
  const Parsed parsed = parse({"replay", "TRACE...", "Replays recordings and compares."}, options,
                              args, out, err, "trace");
  if (parsed.exit) return *parsed.exit;
  if (!parsed.has("trace")) return fail(err, "replay: no trace given");
  const auto& traces = parsed.get<std::vector<std::string>>("trace");
  const bool open = parsed.has("open"), retell = parsed.has("retell");
  if (parsed.has("output") && ((!open && !retell) || traces.size() != 1))
    return fail(err, "replay: -o goes with --open or --retell, and one trace");
  if (retell && (open || !parsed.has("output")))
    return fail(err, "replay: --retell goes with -o TRACE, and not with --open");
  json::array all;
  int code = kOk;
  for (const std::string& path : traces) {
    const int one = replay_one(path, parsed, all, out, err);
    if (one == kBadInput) return one;
    code = std::max(code, one);
  }
  if (parsed.has("json")) {
    const json::value v = all.size() == 1 ? all[0] : json::value(std::move(all));
    out << v << '\n';
  }
  return code;
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// xengvt replay: recordings through a fresh mediator, with neither hypervisor nor GPU behind it.
#include "mediator/trace/replay.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <vector>

#include "dom0/cli/command.h"
#include "dom0/cli/open_replay.h"
#include "dom0/cli/options.h"
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
  o["recorded_ns"] = r.recorded_ns;
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

json::object to_json(const OpenReplayResult& r) {
  return {{"open", true},
          {"events", r.events},
          {"submissions", r.submissions},
          {"refused", r.refused},
          {"late", r.late},
          {"gpu_ns", r.gpu_ns},
          {"recorded_ns", r.recorded_ns},
          {"memory", json::array(r.memory.begin(), r.memory.end())}};
}

void print(const std::string& path, const OpenReplayResult& r, std::ostream& out) {
  out << path << ": " << r.events << " inputs delivered, " << r.submissions << " submissions run, "
      << r.refused << " commands refused, " << r.late << " late, "
      << static_cast<double>(r.gpu_ns) / 1e6 << " ms of GPU time\n";
}

/// Replays one trace; adds to `all`. The exit code.
int replay_one(const std::string& path, bool open, bool text, json::array& all, std::ostream& out,
               std::ostream& err) {
  const auto tell = [&](const auto& result) {
    if (text) print(path, result, out);
    all.push_back(to_json(result));
  };
  if (open) {
    const OpenReplayResult r = open_replay(path);
    if (!r.error.empty()) return fail(err, path + ": " + r.error);
    tell(r);
    return kOk;
  }
  const Timed t = replay_file(path);
  if (!t.result.error.empty()) return fail(err, path + ": " + t.result.error);
  tell(t);
  return t.result.matches ? kOk : kFailed;
}

}  // namespace

int replay_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("open", "as a stimulus for a live mediator and model (record --open)");
  const Parsed parsed = parse({"replay", "TRACE...", "Replays recordings and compares."}, options,
                              args, out, err, "trace");
  if (parsed.exit) return *parsed.exit;
  if (!parsed.has("trace")) return fail(err, "replay: no trace given");
  json::array all;
  int code = kOk;
  for (const std::string& path : parsed.get<std::vector<std::string>>("trace")) {
    const int one = replay_one(path, parsed.has("open"), !parsed.has("json"), all, out, err);
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

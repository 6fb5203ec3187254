// SPDX-License-Identifier: MIT
// xengvt replay: recordings through a fresh mediator, with neither hypervisor nor GPU behind it.
#include "mediator/trace/replay.h"

#include <boost/json.hpp>
#include <chrono>
#include <vector>

#include "dom0/cli/command.h"
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

}  // namespace

int replay_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  const Parsed parsed = parse({"replay", "TRACE...", "Replays recordings and compares."}, options,
                              args, out, err, "trace");
  if (parsed.exit) return *parsed.exit;
  if (!parsed.has("trace")) return fail(err, "replay: no trace given");
  const auto& paths = parsed.get<std::vector<std::string>>("trace");
  json::array all;
  int code = kOk;
  for (const std::string& path : paths) {
    const Timed t = replay_file(path);
    if (!t.result.error.empty()) return fail(err, path + ": " + t.result.error);
    if (!t.result.matches) code = kFailed;
    if (!parsed.has("json")) print(path, t, out);
    all.push_back(to_json(t));
  }
  if (parsed.has("json")) {
    const json::value v = all.size() == 1 ? all[0] : json::value(std::move(all));
    out << v << '\n';
  }
  return code;
}

}  // namespace cli

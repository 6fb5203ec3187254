// SPDX-License-Identifier: MIT
// The time the demo's recording spans against the time its replay takes.
#include <benchmark/benchmark.h>

#include <boost/json.hpp>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "dom0/cli/command.h"

namespace {

namespace fs = std::filesystem;

/// The default demo's trace, recorded once.
const std::string& demo_trace() {
  static const std::string path = [] {
    const fs::path folder = fs::temp_directory_path() / "xengvt-bench";
    const std::string trace = folder / "demo.trace";
    std::ostringstream out, err;
    const std::vector<std::string> args{"demo", "--out", folder, "-o", trace};
    fs::create_directories(folder);
    return cli::record_main(args, out, err) == cli::kOk ? trace : std::string();
  }();
  return path;
}

void replay(benchmark::State& state) {
  const std::vector<std::string> args{demo_trace(), "--json"};
  if (args[0].empty()) return state.SkipWithError("the demo cannot be recorded");
  for (auto _ : state) {
    std::ostringstream out, err;
    if (cli::replay_main(args, out, err) != cli::kOk) {
      state.SkipWithError("the demo's trace does not replay");
      return;
    }
    const auto report = boost::json::parse(out.str());
    state.counters["value"] = report.at("replay_ns").to_number<double>() * 1e-9;
    state.counters["recorded"] = report.at("recorded_ns").to_number<double>() * 1e-9;
  }
}
BENCHMARK(replay)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

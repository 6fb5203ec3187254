// SPDX-License-Identifier: MIT
// Runs every benchmark several times and writes the figures: bench [--out FILE] [--benchmark_...].
// Exit status 1 if a limit does not hold or a figure was not measured.
#include <benchmark/benchmark.h>

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "tests/bench/figures.h"

namespace {

/// Keeps the sample of each repetition beside what the console shows.
class Collector final : public benchmark::ConsoleReporter {
 public:
  Collector() : ConsoleReporter(OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      failed |= run.error_occurred;
      if (run.run_type == Run::RT_Iteration && !run.error_occurred) keep(run);
    }
  }
  bench::Samples samples;
  bool failed = false;

 private:
  void keep(const Run& run) {
    const std::string args = run.run_name.args.empty() ? "" : "/" + run.run_name.args;
    const std::string name = run.run_name.function_name + args;
    samples[name].push_back(sample(run));
    for (const auto& [counter, value] : run.counters)
      samples[name + ":" + counter].push_back(value);
  }
  static double sample(const Run& run) {
    const auto& counters = run.counters;
    if (const auto it = counters.find("value"); it != counters.end()) return it->second;
    if (const auto it = counters.find("items_per_second"); it != counters.end())
      return 1e9 / it->second;
    // CPU time: all of it is one thread, and a busy machine should not show.
    return run.cpu_accumulated_time / static_cast<double>(run.iterations) * 1e9;
  }
};

bool write_file(const std::string& path, const boost::json::object& summary) {
  std::ofstream file(path);
  file << boost::json::serialize(summary) << '\n';
  return static_cast<bool>(file.flush());
}

}  // namespace

int main(int argc, char** argv) {
  std::string out = "build/bench.json";
  std::string repeat = "--benchmark_repetitions=5",
              brief = "--benchmark_report_aggregates_only=false";
  std::vector<char*> args{argv[0], repeat.data(), brief.data()};
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--out" && i + 1 < argc) {
      out = argv[++i];
    } else {
      args.push_back(argv[i]);
    }
  }
  int count = static_cast<int>(args.size());
  benchmark::Initialize(&count, args.data());
  if (benchmark::ReportUnrecognizedArguments(count, args.data())) return 2;
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector);
  const boost::json::object summary = bench::summarise(collector.samples);
  if (!write_file(out, summary)) {
    std::cerr << "bench: cannot write " << out << '\n';
    return 2;
  }
  std::cout << '\n';
  const int broken = bench::print_table(summary, std::cout);
  return broken > 0 || collector.failed ? 1 : 0;
}

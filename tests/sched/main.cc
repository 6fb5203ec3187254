// SPDX-License-Identifier: MIT
// bench-sched [--out BASE] [CASE...]: runs the cases, three seeds each; prints the table and writes
// BASE.json and BASE.svg. Exit status 1 if a figure does not hold, 2 if it cannot run.
#include <algorithm>
#include <fstream>
#include <iostream>

#include "tests/sched/cases.h"

namespace {

constexpr unsigned kSeeds = 3;

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

}  // namespace

int main(int argc, char** argv) {
  std::string out = "build/bench-sched";
  std::vector<std::string> wanted;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--out" && i + 1 < argc)
      out = argv[++i];
    else
      wanted.emplace_back(argv[i]);
  }
  for (const std::string& name : wanted)
    if (std::none_of(sched::kCases.begin(), sched::kCases.end(),
                     [&](const auto& c) { return c.name == name; })) {
      std::cerr << "bench-sched: there is no case '" << name << "'\n";
      return 2;
    }
  std::vector<sched::Row> rows;
  std::cout << "case        seed  holds  asked / measured\n";
  for (const sched::Case& c : sched::kCases) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), c.name) == wanted.end())
      continue;
    for (unsigned seed = 1; seed <= kSeeds; ++seed) {
      rows.push_back(c.run(seed));
      sched::print_row(rows.back(), std::cout);
    }
  }
  if (!write_file(out + ".json", sched::to_json(rows)) ||
      !write_file(out + ".svg", sched::to_svg(rows))) {
    std::cerr << "bench-sched: cannot write " << out << ".json and .svg\n";
    return 2;
  }
  const auto broken =
      std::count_if(rows.begin(), rows.end(), [](const auto& r) { return !r.holds(); });
  std::cout << rows.size() - static_cast<size_t>(broken) << " hold, " << broken << " do not\n";
  return broken > 0 ? 1 : 0;
}

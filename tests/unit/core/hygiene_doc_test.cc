// SPDX-License-Identifier: MIT
// docs/HYGIENE.md shows the table as it is.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "mediator/engine_state.h"

namespace {
using mediator::EngineState;

std::string engines(const EngineState& s) {
  if (s.engines == gen9::kAllEngineMask) return "all";
  std::string names;
  for (const gen9::EngineId e : gen9::kAllEngines)
    if (s.engines & gen9::engine_bit(e))
      names += (names.empty() ? "" : " ") + std::string(gen9::info(e).name);
  return names;
}

std::string registers(const EngineState& s) {
  if (s.last == 0) return "";
  char text[40];
  std::snprintf(text, sizeof text, s.first == s.last ? "%s%x" : "%s%x-%x", s.relative ? "+" : "",
                s.first, s.last);
  return text;
}

std::string row(const EngineState& s) {
  return std::string("| ") + s.name + " | " + engines(s) + " | " + registers(s) + " | " +
         mediator::keeping_name(s.keeping) + " | " + s.how + " |\n";
}

TEST(HygieneDocument, ShowsTheTable) {
  std::ifstream file("docs/HYGIENE.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::string table;
  for (const EngineState& s : mediator::engine_state_table()) table += row(s);
  EXPECT_NE(text.find(table), std::string::npos) << "It has to hold:\n" << table;
}

}  // namespace

// SPDX-License-Identifier: MIT
// Command-line options of one sub-command, on Boost.Program_options, with one way to fail.
#pragma once

#include <boost/program_options.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "dom0/cli/command.h"

namespace cli {

/// How a sub-command introduces itself.
struct Usage {
  std::string_view name;      ///< "run"
  std::string_view operands;  ///< "FILE...", or empty
  std::string_view summary;   ///< one sentence
};

/// What parse() leaves: either values, or the exit code to return at once.
struct Parsed {
  boost::program_options::variables_map values;
  std::optional<int> exit;

  [[nodiscard]] bool has(const char* name) const { return values.count(name) != 0; }
  template <class T>
  [[nodiscard]] const T& get(const char* name) const {
    return values[name].as<T>();
  }
};

/// Adds --help and --json to `options`, parses, and answers --help on `out`. Operands are collected
/// under `operand_key` (a vector of strings; declare it in `options` only if you have operands).
Parsed parse(const Usage& usage, boost::program_options::options_description& visible, Args args,
             std::ostream& out, std::ostream& err, const char* operand_key = nullptr);

/// Writes the one line that explains a failure; returns kBadInput.
int fail(std::ostream& err, std::string_view message);

}  // namespace cli

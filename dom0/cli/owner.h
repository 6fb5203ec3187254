// SPDX-License-Identifier: MIT
// What the sub-commands that speak with xengvtd share.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "dom0/cli/options.h"
#include "dom0/daemon/client.h"

namespace cli {

/// Adds --socket.
void add_socket_option(boost::program_options::options_description& options);

/// One request and its answer; on a failure, the line on `err` and the exit code.
struct Asked {
  xengvtd::Answer answer;
  std::optional<int> exit;
};
Asked ask(const Parsed& parsed, const boost::json::object& request, std::ostream& err);
/// The line that says cause and cure; returns kFailed.
int tell(std::ostream& err, const xengvtd::Problem& problem);

/// Exactly one operand, or the exit code.
struct Operands {
  std::vector<std::string> words;
  std::optional<int> exit;
};
Operands operands(const Parsed& parsed, const char* command, size_t least, size_t most,
                  const char* wanted, std::ostream& err);

/// Values of replies; zero or empty where the daemon did not say.
uint64_t number_of(const boost::json::value& v, std::string_view key);
std::string text_of(const boost::json::value& v, std::string_view key);
/// "12.3 ms", "4.5 s": for people.
std::string duration(uint64_t ns);

}  // namespace cli

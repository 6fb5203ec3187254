// SPDX-License-Identifier: MIT
// Parsing and the one-line failures of the command line.
#include "dom0/cli/options.h"

#include <vector>

namespace cli {
namespace po = boost::program_options;

namespace {

// No abbreviations: a script that relies on a prefix would break when an option is added.
constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

void print_help(const Usage& usage, const po::options_description& visible, std::ostream& out) {
  out << "usage: xengvt " << usage.name << " [options]";
  if (!usage.operands.empty()) out << ' ' << usage.operands;
  out << '\n' << usage.summary << "\n\n" << visible;
}

po::variables_map parse_values(const po::options_description& visible, Args args,
                               const char* operand_key) {
  po::options_description all;
  all.add(visible);
  po::positional_options_description positions;
  if (operand_key != nullptr) {
    all.add_options()(operand_key, po::value<std::vector<std::string>>());
    positions.add(operand_key, -1);
  }
  po::command_line_parser parser(std::vector<std::string>(args.begin(), args.end()));
  po::variables_map values;
  po::store(parser.options(all).positional(positions).style(kStyle).run(), values);
  po::notify(values);
  return values;
}

}  // namespace

Parsed parse(const Usage& usage, po::options_description& visible, Args args, std::ostream& out,
             std::ostream& err, const char* operand_key) {
  visible.add_options()("json", "print JSON")("help,h", "print this");
  Parsed parsed;
  try {
    parsed.values = parse_values(visible, args, operand_key);
  } catch (const po::error& e) {
    parsed.exit = fail(err, std::string(usage.name) + ": " + e.what());
    return parsed;
  }
  if (parsed.has("help")) {
    print_help(usage, visible, out);
    parsed.exit = kOk;
  }
  return parsed;
}

int fail(std::ostream& err, std::string_view message) {
  // Messages may quote what the user typed; a newline there must not make two lines.
  std::string line(message);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  err << "xengvt: " << line << '\n';
  return kBadInput;
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// xengvt check: what on this host, or in a guest's file, is missing or wrong, with the cure for
// each.
#include <cstdio>
#include <fstream>

#include "dom0/cli/owner.h"
#include "dom0/daemon/guest_check.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;
using xengvtd::Check;
using xengvtd::Verdict;

/// What `xl info` prints; empty if it fails.
std::string xl_info() {
  std::string text;
  FILE* pipe = ::popen("xl info 2>/dev/null", "r");
  if (!pipe) return text;
  char buffer[4096];
  for (size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
  return ::pclose(pipe) == 0 ? text : std::string();
}

std::vector<Check> check_all(const Parsed& p) {
  const auto& root = p.get<std::string>("root");
  std::vector<Check> checks = xengvtd::check_host(root, root == "/" ? xl_info() : std::string());
  const auto client = xengvtd::Client::connect(p.get<std::string>("socket"), 5);
  checks.push_back({"daemon", client.ok() ? Verdict::good : Verdict::bad,
                    client.ok() ? "xengvtd is running" : client.error().cause,
                    client.ok() ? "" : client.error().cure});
  return checks;
}

int print(const std::vector<Check>& checks, bool as_json, std::ostream& out) {
  bool good = true;
  json::array all;
  for (const Check& c : checks) {
    good &= c.verdict != Verdict::bad;
    all.push_back({{"name", c.name},
                   {"verdict", xengvtd::verdict_name(c.verdict)},
                   {"found", c.found},
                   {"cure", c.cure}});
    if (as_json) continue;
    out << xengvtd::verdict_name(c.verdict) << "  " << c.name << ": " << c.found;
    if (!c.cure.empty()) out << "; cure: " << c.cure;
    out << '\n';
  }
  if (as_json) out << json::object{{"good", good}, {"checks", all}} << '\n';
  return good ? kOk : kFailed;
}

}  // namespace

int check_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("root", po::value<std::string>()->default_value("/"),
                        "look below this folder (for tests)");
  add_socket_option(options);
  const Parsed p =
      parse({"check", "[FILE]",
             "Tells what on this host, or in a guest's xl.cfg file, is missing or wrong."},
            options, args, out, err, "operand");
  if (p.exit) return *p.exit;
  const Operands o = operands(p, "check", 0, 1, "at most one xl.cfg FILE", err);
  if (o.exit) return *o.exit;
  if (o.words.empty()) return print(check_all(p), p.has("json"), out);
  std::ifstream file(o.words[0]);
  if (!file) return fail(err, "check: " + o.words[0] + " cannot be read");
  return print(xengvtd::check_guest_file(file), p.has("json"), out);
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// xengvt check: what on this host is missing or wrong, with the cure for each.
#include "dom0/cli/owner.h"
#include "dom0/daemon/host_check.h"

namespace cli {

namespace po = boost::program_options;
namespace json = boost::json;

int check_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("root", po::value<std::string>()->default_value("/"),
                        "look below this folder (for tests)");
  add_socket_option(options);
  const Parsed p =
      parse({"check", "", "Tells what on this host is missing or wrong."}, options, args, out, err);
  if (p.exit) return *p.exit;
  std::vector<xengvtd::Check> checks = xengvtd::check_host(p.get<std::string>("root"));
  const auto client = xengvtd::Client::connect(p.get<std::string>("socket"), 5);
  checks.push_back({"daemon", client.ok() ? xengvtd::Verdict::good : xengvtd::Verdict::bad,
                    client.ok() ? "xengvtd is running" : client.error().cause,
                    client.ok() ? "" : client.error().cure});
  bool good = true;
  json::array all;
  for (const xengvtd::Check& c : checks) {
    good &= c.verdict != xengvtd::Verdict::bad;
    all.push_back({{"name", c.name},
                   {"verdict", xengvtd::verdict_name(c.verdict)},
                   {"found", c.found},
                   {"cure", c.cure}});
    if (p.has("json")) continue;
    out << xengvtd::verdict_name(c.verdict) << "  " << c.name << ": " << c.found;
    if (!c.cure.empty()) out << "; cure: " << c.cure;
    out << '\n';
  }
  if (p.has("json")) out << json::object{{"good", good}, {"checks", all}} << '\n';
  return good ? kOk : kFailed;
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// xengvt trace start, stop: recording real guests at the daemon's ports.
#include "dom0/cli/owner_trace.h"

#include <filesystem>

namespace cli {
namespace json = boost::json;

int trace_control(const std::vector<std::string>& words, const Parsed& p, std::ostream& out,
                  std::ostream& err) {
  json::object request;
  if (words[0] == "start") {
    if (words.size() != 1 || !p.has("output"))
      return fail(err, "trace start: expected -o TRACE and nothing else");
    request = {{"request", "trace-start"},
               {"path", std::filesystem::absolute(p.get<std::string>("output")).string()},
               {"open", p.has("open")}};
  } else {
    if (words.size() != 1) return fail(err, "trace stop: expected nothing else");
    request = {{"request", "trace-stop"}};
  }
  const Asked asked = ask(p, request, err);
  if (asked.exit) return *asked.exit;
  if (p.has("json"))
    out << asked.answer.result << '\n';
  else
    out << (words[0] == "start" ? "recording\n" : "recorded\n");
  return kOk;
}

}  // namespace cli

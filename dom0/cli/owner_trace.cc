// SPDX-License-Identifier: MIT
// xengvt trace start, stop: recording real guests at the daemon's ports.
#include "dom0/cli/owner_trace.h"

#include <filesystem>

namespace cli {
namespace json = boost::json;

int trace_control(const std::vector<std::string>& words, const Parsed& p, std::ostream& out,
                  std::ostream& err) {
  const bool start = words[0] == "start";
  if (words.size() > 2) return fail(err, "trace " + words[0] + ": expected one domain or none");
  if (start && !p.has("output")) return fail(err, "trace start: no -o TRACE given");
  if (words.size() == 2 && p.has("open"))
    return fail(err, "trace start: a recording of one guest is always --open");
  json::object request{{"request", start ? "trace-start" : "trace-stop"}};
  if (words.size() == 2) request["domain"] = words[1];
  if (start) {
    request["path"] = std::filesystem::absolute(p.get<std::string>("output")).string();
    request["open"] = p.has("open");
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

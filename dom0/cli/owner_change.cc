// SPDX-License-Identifier: MIT
// xengvt attach, detach, set: what changes a guest's vGPU.
#include "dom0/cli/owner.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;

int finish(const Parsed& p, const json::object& request, const std::string& said, std::ostream& out,
           std::ostream& err) {
  const Asked asked = ask(p, request, err);
  if (asked.exit) return *asked.exit;
  if (p.has("json"))
    out << asked.answer.result << '\n';
  else
    out << said << '\n';
  return kOk;
}

/// "key=value"; false if there is no key.
bool split(const std::string& word, std::string& key, std::string& value) {
  const size_t at = word.find('=');
  if (at == std::string::npos || at == 0) return false;
  key = word.substr(0, at);
  value = word.substr(at + 1);
  return true;
}

}  // namespace

int attach_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("type", po::value<std::string>(), "the vGPU type; see xengvt list --types");
  add_socket_option(options);
  const Parsed p = parse({"attach", "DOMAIN [resolution=WIDTHxHEIGHT]",
                          "Gives a vGPU to a domain that was created paused (xl create -p)."},
                         options, args, out, err, "operand");
  if (p.exit) return *p.exit;
  const Operands o = operands(p, "attach", 1, 16, "one DOMAIN (name or number)", err);
  if (o.exit) return *o.exit;
  if (!p.has("type")) return fail(err, "attach: no --type given; see xengvt list --types");
  json::object wanted;
  for (size_t i = 1; i < o.words.size(); ++i) {
    std::string key, value;
    if (!split(o.words[i], key, value))
      return fail(err, "attach: expected KEY=VALUE, not '" + o.words[i] + "'");
    wanted[key] = value;
  }
  return finish(p,
                {{"request", "attach"},
                 {"domain", o.words[0]},
                 {"type", p.get<std::string>("type")},
                 {"options", wanted}},
                "vGPU attached to " + o.words[0], out, err);
}

int detach_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  add_socket_option(options);
  const Parsed p =
      parse({"detach", "DOMAIN", "Takes a guest's vGPU away; the guest runs on without it."},
            options, args, out, err, "operand");
  if (p.exit) return *p.exit;
  const Operands o = operands(p, "detach", 1, 1, "one DOMAIN (name or number)", err);
  if (o.exit) return *o.exit;
  return finish(p, {{"request", "detach"}, {"domain", o.words[0]}},
                "vGPU detached from " + o.words[0], out, err);
}

int set_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("gpu", "set the GPU's policy, not a guest's share");
  add_socket_option(options);
  const Parsed p = parse(
      {"set", "DOMAIN KEY=VALUE... | --gpu KEY=VALUE...",
       "Changes a guest's share of the GPU, or how the GPU is shared, while all runs.\n"
       "Of a guest: paused=yes|no direct-reads=yes|no weight=N|follow cap=PERCENT|none|follow\n"
       "  share=PERCENT|none latency=normal|interactive slice=MS|default boost=yes|no\n"
       "Of the GPU: policy=best-effort|equal-share|fixed-share|exclusive holder=DOMAIN\n"
       "  slice=MS window=MS"},
      options, args, out, err, "operand");
  if (p.exit) return *p.exit;
  const bool gpu = p.has("gpu");
  const Operands o = operands(p, "set", gpu ? 1 : 2, 16,
                              gpu ? "KEY=VALUE" : "DOMAIN and KEY=VALUE, such as paused=yes", err);
  if (o.exit) return *o.exit;
  json::object request{{"request", gpu ? "set-gpu" : "set"}}, wanted;
  if (!gpu) request["domain"] = o.words[0];
  std::string said;
  for (size_t i = gpu ? 0 : 1; i < o.words.size(); ++i) {
    std::string key, value;
    if (!split(o.words[i], key, value))
      return fail(err, "set: expected KEY=VALUE, not '" + o.words[i] + "'");
    said += (said.empty() ? "" : " ") + o.words[i];
    const bool flag = !gpu && (key == "paused" || key == "direct-reads");
    if (!flag) {
      wanted[key] = value;
      continue;
    }
    if (value != "yes" && value != "no")
      return fail(err, "set: expected " + key + "=yes or " + key + "=no, not '" + o.words[i] + "'");
    request[key == "paused" ? "paused" : "direct_reads"] = value == "yes";
  }
  if (!wanted.empty()) request["options"] = std::move(wanted);
  return finish(p, request, (gpu ? "the GPU" : o.words[0]) + ": " + said, out, err);
}

}  // namespace cli

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
  add_socket_option(options);
  const Parsed p = parse(
      {"set", "DOMAIN paused=yes|no", "Stops scheduling a guest's GPU work, or goes on with it."},
      options, args, out, err, "operand");
  if (p.exit) return *p.exit;
  const Operands o = operands(p, "set", 2, 2, "DOMAIN and paused=yes|no", err);
  if (o.exit) return *o.exit;
  const bool yes = o.words[1] == "paused=yes";
  if (!yes && o.words[1] != "paused=no")
    return fail(err, "set: expected paused=yes or paused=no, not '" + o.words[1] + "'");
  return finish(p, {{"request", "set"}, {"domain", o.words[0]}, {"paused", yes}},
                o.words[0] + (yes ? ": paused" : ": runs"), out, err);
}

}  // namespace cli

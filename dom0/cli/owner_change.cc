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
  const Parsed p =
      parse({"set", "DOMAIN KEY=yes|no",
             "Changes a guest's vGPU. paused: its work is not scheduled; direct-reads: "
             "it reads registers without exits where it can."},
            options, args, out, err, "operand");
  if (p.exit) return *p.exit;
  const Operands o = operands(p, "set", 2, 2, "DOMAIN and KEY=yes|no", err);
  if (o.exit) return *o.exit;
  const std::string& word = o.words[1];
  const size_t equals = word.find('=');
  const std::string key = word.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
  const bool known = key == "paused" || key == "direct-reads";
  if (!known || (value != "yes" && value != "no"))
    return fail(err, "set: expected paused=yes|no or direct-reads=yes|no, not '" + word + "'");
  const char* name = key == "paused" ? "paused" : "direct_reads";
  return finish(p, {{"request", "set"}, {"domain", o.words[0]}, {name, value == "yes"}},
                o.words[0] + ": " + word, out, err);
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// xengvt list, info: which guests have a vGPU, and everything about one.
#include "dom0/cli/owner.h"
#include "dom0/cli/table.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;

const json::value& member(const json::value& v, std::string_view key) {
  static const json::value none;
  const json::value* m = v.is_object() ? v.get_object().if_contains(key) : nullptr;
  return m ? *m : none;
}

void print_guests(const json::value& guests, std::ostream& out) {
  Table table({"name", "domid", "type", "state", "GPU", "submissions", "exits"});
  if (guests.is_array())
    for (const json::value& g : guests.get_array())
      table.add({text_of(g, "name"), std::to_string(number_of(g, "domid")),
                 text_of(member(g, "type"), "name"), text_of(g, "state"),
                 duration(number_of(g, "gpu_ns")), std::to_string(number_of(g, "submissions")),
                 std::to_string(number_of(member(g, "traps"), "exits"))});
  table.print(out);
}

void print_types(const json::value& types, std::ostream& out) {
  Table table(
      {"type", "low MiB", "high MiB", "fences", "resolution", "weight", "in use", "maximum"});
  if (types.is_array())
    for (const json::value& t : types.get_array())
      table.add(
          {text_of(t, "name"), std::to_string(number_of(t, "low_mib")),
           std::to_string(number_of(t, "high_mib")), std::to_string(number_of(t, "fences")),
           std::to_string(number_of(t, "width")) + "x" + std::to_string(number_of(t, "height")),
           std::to_string(number_of(t, "weight")), std::to_string(number_of(t, "in_use")),
           std::to_string(number_of(t, "maximum"))});
  table.print(out);
}

/// One "key value" line each; nested objects as key.key.
void print_flat(const json::value& v, const std::string& name, std::ostream& out) {
  if (v.is_object()) {
    for (const auto& [key, value] : v.get_object())
      print_flat(value, name.empty() ? std::string(key) : name + "." + std::string(key), out);
    return;
  }
  out << name << std::string(name.size() < 28 ? 28 - name.size() : 1, ' ');
  if (v.is_string())
    out << std::string_view(v.get_string()) << '\n';
  else
    out << v << '\n';
}

}  // namespace

int list_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("types", "the vGPU types, and how many of each are in use");
  add_socket_option(options);
  const Parsed p =
      parse({"list", "", "Lists the guests that have a vGPU."}, options, args, out, err);
  if (p.exit) return *p.exit;
  const bool types = p.has("types");
  const Asked asked = ask(p, {{"request", types ? "types" : "list"}}, err);
  if (asked.exit) return *asked.exit;
  if (p.has("json"))
    out << asked.answer.result << '\n';
  else if (types)
    print_types(asked.answer.result, out);
  else
    print_guests(member(asked.answer.result, "guests"), out);
  return kOk;
}

int info_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  add_socket_option(options);
  const Parsed p = parse({"info", "DOMAIN", "Prints everything about one guest's vGPU."}, options,
                         args, out, err, "operand");
  if (p.exit) return *p.exit;
  const Operands o = operands(p, "info", 1, 1, "one DOMAIN (name or number)", err);
  if (o.exit) return *o.exit;
  const Asked asked = ask(p, {{"request", "info"}, {"domain", o.words[0]}}, err);
  if (asked.exit) return *asked.exit;
  if (p.has("json"))
    out << asked.answer.result << '\n';
  else
    print_flat(asked.answer.result, "", out);
  return kOk;
}

}  // namespace cli

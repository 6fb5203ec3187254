// SPDX-License-Identifier: MIT
// xengvt top: what every vGPU does, live: rates between two answers of the daemon.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

#include "dom0/cli/owner.h"
#include "dom0/cli/table.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;

constexpr const char* kTraps[] = {"config_reads",    "config_writes",  "register_reads",
                                  "register_writes", "aperture_reads", "aperture_writes",
                                  "page_writes"};

/// The part of each engine that the guest is to get when all are busy.
double asked_of(const json::value& guest) {
  const json::value* shares =
      guest.is_object() ? guest.get_object().if_contains("shares") : nullptr;
  const json::value* asked =
      shares && shares->is_object() ? shares->get_object().if_contains("asked_percent") : nullptr;
  return asked && asked->is_number() ? asked->to_number<double>() : 0;
}

/// The part it got of the engine that it used most.
double given_of(const json::value& now, const json::value* before, double seconds) {
  const auto engines = [](const json::value* g) -> const json::object* {
    const json::value* e = g && g->is_object() ? g->get_object().if_contains("engine_ns") : nullptr;
    return e && e->is_object() ? &e->get_object() : nullptr;
  };
  const json::object* a = engines(&now);
  const json::object* b = engines(before);
  double most = 0;
  if (a)
    for (const auto& [engine, ns] : *a) {
      const uint64_t x = number_of(now.at("engine_ns"), engine);
      const uint64_t y = b ? number_of(before->at("engine_ns"), engine) : 0;
      if (x > y) most = std::max(most, static_cast<double>(x - y) / seconds / 1e7);
    }
  return most;
}

/// What changed of one guest, per second.
json::object rates(const json::value& now, const json::value* before, double seconds) {
  const auto rate = [&](const json::value& a, const json::value* b, std::string_view key) {
    const uint64_t x = number_of(a, key), y = b ? number_of(*b, key) : 0;
    return x > y ? static_cast<double>(x - y) / seconds : 0.0;
  };
  json::object o{{"domid", number_of(now, "domid")},
                 {"name", text_of(now, "name")},
                 {"state", text_of(now, "state")},
                 {"gpu_percent", rate(now, before, "gpu_ns") / 1e7},
                 {"asked_percent", asked_of(now)},
                 {"given_percent", given_of(now, before, seconds)},
                 {"submissions_per_second", rate(now, before, "submissions")},
                 {"latency_median_us", number_of(now, "latency_median_us")},
                 {"latency_p99_us", number_of(now, "latency_p99_us")}};
  const json::value none;
  const auto traps_of = [&](const json::value& g) -> const json::value& {
    const json::value* t = g.is_object() ? g.get_object().if_contains("traps") : nullptr;
    return t ? *t : none;
  };
  json::object traps;
  for (const char* kind : kTraps)
    traps[kind] = rate(traps_of(now), before ? &traps_of(*before) : nullptr, kind);
  o["traps_per_second"] = std::move(traps);
  return o;
}

struct Sample {
  uint64_t now_ns = 0;
  std::map<uint64_t, json::value> guests;  ///< by domain number
};

Sample to_sample(const json::value& list) {
  Sample s;
  if (!list.is_object()) return s;
  if (const json::value* host = list.get_object().if_contains("host"))
    s.now_ns = number_of(*host, "now_ns");
  const json::value* guests = list.get_object().if_contains("guests");
  if (guests && guests->is_array())
    for (const json::value& g : guests->get_array()) s.guests[number_of(g, "domid")] = g;
  return s;
}

json::array compare(const Sample& before, const Sample& now) {
  const double seconds =
      std::max(1e-3, static_cast<double>(now.now_ns - std::min(before.now_ns, now.now_ns)) / 1e9);
  json::array all;
  for (const auto& [id, g] : now.guests) {
    const auto b = before.guests.find(id);
    // A number that was used again counts from zero.
    const bool same = b != before.guests.end() &&
                      number_of(b->second, "attached_ns") == number_of(g, "attached_ns");
    all.emplace_back(rates(g, same ? &b->second : nullptr, seconds));
  }
  return all;
}

std::string with_point(const json::value& v) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f", v.to_number<double>());
  return buffer;
}

void print(const json::array& guests, std::ostream& out) {
  Table table({"name", "state", "asked %", "given %", "GPU %", "subm/s", "config/s", "reg rd/s",
               "reg wr/s", "bar2/s", "pages/s", "median us", "p99 us"});
  for (const json::value& g : guests) {
    const json::object& t = g.at("traps_per_second").as_object();
    const auto sum = [&](const char* a, const char* b) {
      return with_point(t.at(a).to_number<double>() + t.at(b).to_number<double>());
    };
    table.add({text_of(g, "name"), text_of(g, "state"), with_point(g.at("asked_percent")),
               with_point(g.at("given_percent")), with_point(g.at("gpu_percent")),
               with_point(g.at("submissions_per_second")), sum("config_reads", "config_writes"),
               with_point(t.at("register_reads")), with_point(t.at("register_writes")),
               sum("aperture_reads", "aperture_writes"), with_point(t.at("page_writes")),
               std::to_string(number_of(g, "latency_median_us")),
               std::to_string(number_of(g, "latency_p99_us"))});
  }
  table.print(out);
}

}  // namespace

int top_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("interval", po::value<double>()->default_value(2),
                        "seconds between two looks, 0.1 to 3600")(
      "count,n", po::value<uint64_t>()->default_value(0), "end after so many; 0: never");
  add_socket_option(options);
  const Parsed p =
      parse({"top", "", "Shows what every vGPU does, again and again."}, options, args, out, err);
  if (p.exit) return *p.exit;
  const double interval = p.get<double>("interval");
  if (!(interval >= 0.1 && interval <= 3600)) return fail(err, "top: 0.1 to 3600 seconds");
  const bool screen = !p.has("json") && ::isatty(STDOUT_FILENO) == 1;
  const auto look = [&](Sample& to) -> std::optional<int> {
    const Asked asked = ask(p, {{"request", "list"}}, err);
    if (!asked.exit) to = to_sample(asked.answer.result);
    return asked.exit;
  };
  Sample before, now;
  if (const auto exit = look(before)) return *exit;
  const auto most = p.get<uint64_t>("count");
  for (uint64_t n = 0; (most == 0 || n < most) && out; ++n) {
    std::this_thread::sleep_for(std::chrono::duration<double>(interval));
    if (const auto exit = look(now)) return *exit;
    const json::array guests = compare(before, now);
    if (screen) out << "\033[H\033[J";
    if (p.has("json"))
      out << guests << '\n';
    else
      print(guests, out);
    out.flush();
    before = std::move(now);
  }
  return kOk;
}

}  // namespace cli

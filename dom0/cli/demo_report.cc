// SPDX-License-Identifier: MIT
// One row per guest, and the total.
#include "dom0/cli/demo_report.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "dom0/cli/table.h"

namespace cli {
namespace {

namespace json = boost::json;
using embedded::DemoGuest;
using embedded::DemoResult;
using embedded::DemoTotal;

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}
std::string ms(uint64_t ns) { return fixed(static_cast<double>(ns) / 1e6, 1); }

uint64_t guests_gpu_ns(const DemoResult& r) {
  uint64_t ns = 0;
  for (const DemoGuest& g : r.guests) ns += g.stats.gpu_ns;
  return ns;
}

double share(const DemoGuest& g, uint64_t all_ns) {
  return all_ns ? static_cast<double>(g.stats.gpu_ns) / static_cast<double>(all_ns) : 0;
}

json::value recorded_json(const DemoGuest& g) {
  if (!g.recorded) return nullptr;
  return json::object{{"accesses", g.recorded->delivered},
                      {"late", g.recorded->late},
                      {"written_pages", g.recorded->pages},
                      {"equal_pages", g.recorded->pages_equal}};
}

json::object guest_json(const DemoGuest& g, uint64_t all_ns) {
  const auto& t = g.traps;
  return {{"name", g.name},
          {"work", g.work},
          {"frames", g.frames},
          {"requests", g.requests},
          {"submissions", g.stats.submissions},
          {"gpu_ns", g.stats.gpu_ns},
          {"share", share(g, all_ns)},
          {"weight", g.stats.share.weight},
          {"asked_percent", g.stats.asked / 100.0},
          {"latency_median_us", g.latency_median_us},
          {"latency_p99_us", g.latency_p99_us},
          {"traps", json::object{{"config", t.config_reads + t.config_writes},
                                 {"register_reads", t.register_reads},
                                 {"register_writes", t.register_writes},
                                 {"aperture", t.aperture_reads + t.aperture_writes},
                                 {"page_writes", t.page_writes}}},
          {"direct_reads", t.direct_reads},
          {"interrupts", t.interrupts},
          {"mediator_ns", g.mediator_ns},
          {"native_gpu_ns", g.native_gpu_ns},
          {"preemptions", g.stats.preemptions},
          {"resets", g.stats.resets},
          {"faults", g.stats.faults},
          {"refused", g.stats.refused_commands},
          {"recorded", recorded_json(g)},
          {"error", g.error}};
}

void add_row(Table& table, const DemoGuest& g, uint64_t all_ns) {
  const auto& t = g.traps;
  table.add({g.name, g.work, std::to_string(g.frames), std::to_string(g.stats.submissions),
             ms(g.stats.gpu_ns), fixed(100 * share(g, all_ns), 1) + "%",
             std::to_string(g.latency_median_us), std::to_string(g.latency_p99_us),
             std::to_string(t.register_writes), std::to_string(t.register_reads),
             std::to_string(t.page_writes), std::to_string(t.config_reads + t.config_writes),
             std::to_string(g.stats.refused_commands)});
}

}  // namespace

json::object demo_json(const DemoResult& r) {
  json::array rows;
  const uint64_t all_ns = guests_gpu_ns(r);
  for (const DemoGuest& g : r.guests) rows.push_back(guest_json(g, all_ns));
  const DemoTotal& t = r.total;
  return {{"guests", std::move(rows)},
          {"total", json::object{{"virtual_ns", t.virtual_ns},
                                 {"submissions", t.submissions},
                                 {"requests", t.requests},
                                 {"gpu_ns", t.gpu_ns},
                                 {"native_gpu_ns", t.native_gpu_ns},
                                 {"recorded_gpu_ns", t.recorded_gpu_ns},
                                 {"mediator_ns", t.mediator_ns},
                                 {"mediator_idle_ns", t.mediator_idle_ns},
                                 {"mediated_over_native", t.mediated_over_native},
                                 {"mediated_over_native_unhidden", t.mediated_over_native_unhidden},
                                 {"traps", t.traps},
                                 {"refused", t.refused},
                                 {"dma_accesses", t.dma_accesses},
                                 {"dma_violations", t.dma_violations},
                                 {"leaks", t.leaks}}}};
}

namespace {

/// The engine a guest used most.
size_t busiest(const DemoGuest& g) {
  const auto& ns = g.stats.engine_ns;
  return static_cast<size_t>(std::max_element(ns.begin(), ns.end()) - ns.begin());
}

}  // namespace

void print_schedule(const DemoResult& r, std::ostream& out) {
  Table table({"guest", "weight", "engine", "asked", "given", "of used", "slices", "overshot ms",
               "longest wait ms"});
  std::array<uint64_t, gen9::kEngines> used{};
  for (const DemoGuest& g : r.guests)
    for (size_t e = 0; e < used.size(); ++e) used[e] += g.stats.served[e].used_ns;
  for (const DemoGuest& g : r.guests) {
    const size_t e = busiest(g);
    const mediator::Served& s = g.stats.served[e];
    const auto ns = static_cast<double>(s.used_ns);
    const auto part = [&](uint64_t of) {
      return fixed(of ? 100 * ns / static_cast<double>(of) : 0, 1) + "%";
    };
    table.add({g.name, std::to_string(g.stats.share.weight), gen9::kEngineInfo[e].name,
               fixed(g.stats.asked / 100.0, 1) + "%", part(r.total.virtual_ns), part(used[e]),
               std::to_string(s.slices), ms(s.overshoot_ns), ms(s.max_wait_ns)});
  }
  out << "\nshares of each guest's busiest engine: asked if all are busy, given of the time, and "
         "of "
         "what was used\n";
  table.print(out);
}

void print_demo(const DemoResult& r, std::ostream& out) {
  const DemoTotal& t = r.total;
  const uint64_t all_ns = guests_gpu_ns(r);
  Table table({"guest", "work", "frames", "submitted", "GPU ms", "share", "median us", "p99 us",
               "reg writes", "reg reads", "PTE writes", "config", "refused"});
  for (const DemoGuest& g : r.guests) add_row(table, g, all_ns);
  table.add({"total", "", "", std::to_string(t.submissions), ms(t.gpu_ns), "", "", "", "", "", "",
             std::to_string(t.traps) + " traps", std::to_string(t.refused)});
  table.print(out);
  for (const DemoGuest& g : r.guests)
    if (g.recorded)
      out << g.name << " did what a guest of the recording " << g.work << " had done, "
          << g.recorded->delivered << " accesses; of " << g.recorded->pages
          << " pages that the GPU wrote then, " << g.recorded->pages_equal << " are the same now\n";
  out << ms(t.virtual_ns) << " ms of virtual time; mediator " << ms(t.mediator_ns)
      << " ms of real time, " << ms(t.mediator_idle_ns) << " of it while no engine ran\n"
      << "mediated over native throughput " << fixed(t.mediated_over_native, 3) << " ("
      << fixed(t.mediated_over_native_unhidden, 3) << " with no mediator time hidden); "
      << t.dma_accesses << " DMA accesses watched, " << t.dma_violations << " violations, "
      << t.leaks << " leaks between guests\n";
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// The table of figures with their limits.
#include "tests/bench/figures.h"

#include <algorithm>
#include <array>
#include <iomanip>
#include <ostream>
#include <sstream>

namespace bench {
namespace json = boost::json;

namespace {

constexpr double kMicro = 1e-3, kMilli = 1e-6;

constexpr std::array<Figure, 8> kFigures{{
    {"mediated_over_native", "us", "mediated/200", "native/200", 1, Limit::ratio_at_least, 0.95},
    {"mediator_us_per_submission", "us", "mediator_us_per_submission", nullptr, 1,
     Limit::value_at_most, 10},
    {"copy_scan_over_memcpy", "ms", "copy_scan", "copy_only", kMilli, Limit::ratio_at_least, 0.2},
    {"plain_register_write_ns", "ns", "plain_register_write_ns", nullptr, 1, Limit::value_at_most,
     30},
    {"pte_write_ns", "ns", "pte_write", nullptr, 1, Limit::value_at_most, 120},
    {"shadow_1gib_ms", "ms", "shadow_1gib", nullptr, kMilli, Limit::value_at_most, 20},
    {"idle_vgpu_mib", "MiB", "idle_vgpu_mib", nullptr, 1, Limit::value_at_most, 16},
    {"replay_speedup", "s", "replay", "replay:recorded", 1, Limit::ratio_at_least, 5},
}};

// Benchmarks "native/N" and "mediated/N": N us of GPU time per submission.
json::array curve(const Samples& samples) {
  std::map<int, json::object> rows;
  for (const auto& [name, values] : samples) {
    if (name.rfind("mediated/", 0) != 0 || name.find(':') != std::string::npos) continue;
    const std::string gpu_us = name.substr(9);
    const auto native = samples.find("native/" + gpu_us);
    const auto cost = samples.find(name + ":mediator_us");
    if (native == samples.end() || cost == samples.end()) continue;
    const double base = median(native->second), mediated = median(values);
    const double mediator = median(cost->second);
    rows[std::stoi(gpu_us)] = {
        {"gpu_us", std::stoi(gpu_us)}, {"native_us", base},
        {"mediated_us", mediated},     {"mediator_us", mediator},
        {"ratio", base / mediated},    {"ratio_nothing_hidden", base / (base + mediator)}};
  }
  json::array out;
  for (auto& [gpu_us, row] : rows) out.push_back(std::move(row));
  return out;
}

std::string fixed(double v, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << v;
  return out.str();
}
std::string ratio_text(const json::object& figure) {
  const json::value& ratio = figure.at("ratio");
  return ratio.is_double() ? fixed(ratio.as_double(), 3) : "-";
}
std::string limit_text(const Figure& f) {
  return (f.limit == Limit::ratio_at_least ? ">= " : "<= ") + fixed(f.bound, 2);
}

json::object summarise_one(const Figure& f, const Samples& samples) {
  const double value = median(samples.at(f.benchmark)) * f.unit_per_ns;
  json::object o{{"value", value}, {"unit", f.unit}, {"baseline", nullptr}, {"ratio", nullptr}};
  double judged = value;
  if (f.against != nullptr && samples.count(f.against)) {
    const double baseline = median(samples.at(f.against)) * f.unit_per_ns;
    o["baseline"] = baseline;
    o["ratio"] = judged = baseline / value;
  }
  if (f.limit == Limit::value_at_most) judged = value;
  o["limit"] = f.bound;
  o["holds"] = f.limit == Limit::ratio_at_least ? judged >= f.bound : judged <= f.bound;
  return o;
}

}  // namespace

std::span<const Figure> figures() { return kFigures; }

double median(std::vector<double> samples) {
  if (samples.empty()) return 0;
  std::sort(samples.begin(), samples.end());
  const size_t half = samples.size() / 2;
  return samples.size() % 2 ? samples[half] : (samples[half - 1] + samples[half]) / 2;
}

json::object summarise(const Samples& samples) {
  json::object out;
  for (const Figure& f : kFigures)
    if (samples.count(f.benchmark)) out[f.name] = summarise_one(f, samples);
  if (auto* figure = out.if_contains("mediated_over_native"))
    figure->as_object()["points"] = curve(samples);
  return out;
}

int print_table(const json::object& summary, std::ostream& out) {
  int broken = 0;
  out << std::left << std::setw(28) << "figure" << std::right << std::setw(12) << "value"
      << "  " << std::left << std::setw(4) << "unit" << std::right << std::setw(12) << "ratio"
      << std::setw(12) << "limit"
      << "  holds\n"
      << std::fixed << std::setprecision(3);
  for (const Figure& f : kFigures) {
    out << std::left << std::setw(28) << f.name << std::right;
    const auto* entry = summary.if_contains(f.name);
    if (entry == nullptr) {
      out << "  not measured\n";
      ++broken;
      continue;
    }
    const json::object& o = entry->as_object();
    const bool holds = o.at("holds").as_bool();
    broken += !holds;
    out << std::setw(12) << o.at("value").as_double() << "  " << std::left << std::setw(4) << f.unit
        << std::right << std::setw(12) << ratio_text(o) << std::setw(12) << limit_text(f)
        << (holds ? "  yes\n" : "  NO\n");
  }
  const auto* figure = summary.if_contains("mediated_over_native");
  if (figure == nullptr) return broken;
  out << "\nGPU time per submission: mediated over native, with hidden work not counted, and "
         "counted\n";
  for (const json::value& row : figure->at("points").as_array())
    out << std::setw(8) << row.at("gpu_us").as_int64() << " us" << std::setw(12)
        << row.at("ratio").as_double() << std::setw(12)
        << row.at("ratio_nothing_hidden").as_double() << '\n';
  return broken;
}

}  // namespace bench

// SPDX-License-Identifier: MIT
#include "dom0/cli/timeline.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <sstream>

namespace cli {
namespace {

namespace json = boost::json;

std::string fixed(double v, int digits = 2) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, v);
  return text;
}

std::string escaped(const std::string& s) {
  std::string out;
  for (const char c : s) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

/// Colours far apart for neighbouring numbers: the golden angle.
std::string colour(hv::VgpuId id) {
  return "hsl(" + std::to_string(id.v * 137 % 360) + ",60%,55%)";
}

constexpr int kLeft = 60, kWidth = 1100, kLane = 34, kTop = 44;

/// Stays next to each other that are too narrow to be told apart are drawn as one, if they are the
/// same vGPU's.
class Lines {
 public:
  explicit Lines(const Timeline& t) : t_(t) {
    scale_ = kWidth / std::max(1.0, static_cast<double>(t.length_ns()));
  }
  void add(const Stay& s) {
    Bar& last = bars_[gen9::index(s.engine)];
    const double from = x(s.from_ns), to = x(s.to_ns);
    if (last.width > 0 && last.vgpu == s.vgpu && from - last.from - last.width < kNarrow) {
      last.width = to - last.from;
      last.stays += 1;
      return;
    }
    flush(s.engine);
    last = {s.vgpu, from, to - from, 1, s.end};
  }
  std::string finish() {
    for (const gen9::EngineId e : gen9::kAllEngines) flush(e);
    return out_.str();
  }

 private:
  static constexpr double kNarrow = 0.25;
  struct Bar {
    hv::VgpuId vgpu{};
    double from = 0, width = 0;
    uint64_t stays = 0;
    Stay::End end{};
  };
  [[nodiscard]] double x(uint64_t ns) const {
    return kLeft + static_cast<double>(ns - t_.begin_ns()) * scale_;
  }
  void flush(gen9::EngineId e) {
    const Bar& b = bars_[gen9::index(e)];
    if (b.width <= 0) return;
    out_ << "<rect x=\"" << fixed(b.from) << "\" y=\""
         << kTop + kLane * static_cast<int>(gen9::index(e)) << "\" width=\""
         << fixed(std::max(b.width, 0.05)) << "\" height=\"" << kLane - 8 << "\" fill=\""
         << colour(b.vgpu) << "\"" << (b.end == Stay::End::reset ? " stroke=\"red\"" : "")
         << "><title>" << escaped(t_.name(b.vgpu)) << ", " << fixed(b.width / scale_ / 1000, 1)
         << " us, " << b.stays << " stays, " << end_name(b.end) << "</title></rect>\n";
  }
  const Timeline& t_;
  double scale_ = 1;
  std::array<Bar, gen9::kEngines> bars_{};
  std::ostringstream out_;
};

std::map<hv::VgpuId, uint64_t> totals(const Timeline& t) {
  std::map<hv::VgpuId, uint64_t> ns;
  for (const Stay& s : t.stays()) ns[s.vgpu] += s.to_ns - s.from_ns;
  return ns;
}

}  // namespace

const char* end_name(Stay::End end) {
  switch (end) {
    case Stay::End::complete: return "complete";
    case Stay::End::preempted: return "preempted";
    case Stay::End::reset: return "reset";
    case Stay::End::open: return "under way";
  }
  return "?";
}

void Timeline::created(hv::VgpuId vgpu, const std::string& name) { names_[vgpu] = name; }

const std::string& Timeline::name(hv::VgpuId vgpu) const {
  static const std::string kNobody = "?";
  const auto it = names_.find(vgpu);
  return it == names_.end() ? kNobody : it->second;
}

void Timeline::submitted(gen9::EngineId engine, hv::VgpuId owner,
                         std::span<const uint64_t> descriptors, uint64_t now_ns) {
  last_ns_ = std::max(last_ns_, now_ns);
  Lane& lane = lanes_[gen9::index(engine)];
  if (descriptors.empty()) return close(lane, now_ns, Stay::End::reset);
  if (lane.busy && lane.stay.vgpu != owner) close(lane, now_ns, Stay::End::complete);
  if (!lane.busy) lane.stay = {engine, owner, now_ns, now_ns, Stay::End::open};
  lane.busy = true;
  lane.contexts.clear();
  for (const uint64_t d : descriptors) lane.contexts.push_back(static_cast<uint32_t>(d >> 32));
}

void Timeline::happened(const mediator::GpuEvent& e) {
  last_ns_ = std::max(last_ns_, e.time_ns);
  const bool complete = e.kind == mediator::GpuEventKind::context_complete;
  if (!complete && e.kind != mediator::GpuEventKind::context_preempted) return;
  Lane& lane = lanes_[gen9::index(e.engine)];
  std::erase(lane.contexts, e.context_id);
  if (lane.busy && lane.contexts.empty())
    close(lane, e.time_ns, complete ? Stay::End::complete : Stay::End::preempted);
}

void Timeline::close(Lane& lane, uint64_t at, Stay::End end) {
  if (!lane.busy) return;
  lane.busy = false;
  lane.contexts.clear();
  lane.stay.to_ns = std::max(at, lane.stay.from_ns);
  lane.stay.end = end;
  stays_.push_back(lane.stay);
}

void Timeline::finish(uint64_t from_ns, uint64_t to_ns) {
  for (Lane& lane : lanes_) close(lane, last_ns_, Stay::End::open);
  std::stable_sort(stays_.begin(), stays_.end(),
                   [](const Stay& a, const Stay& b) { return a.from_ns < b.from_ns; });
  const uint64_t first = stays_.empty() ? 0 : stays_.front().from_ns;
  const uint64_t from = first + std::min(from_ns, UINT64_MAX - first);
  const uint64_t to = first + std::min(to_ns, UINT64_MAX - first);
  std::erase_if(stays_, [&](const Stay& s) { return s.to_ns <= from || s.from_ns >= to; });
  for (Stay& s : stays_) {
    s.from_ns = std::max(s.from_ns, from);
    s.to_ns = std::min(s.to_ns, to);
  }
  begin_ns_ = from;
}

uint64_t Timeline::length_ns() const {
  uint64_t end = begin_ns_;
  for (const Stay& s : stays_) end = std::max(end, s.to_ns);
  return end - begin_ns_;
}

std::string timeline_svg(const Timeline& t) {
  Lines lines(t);
  for (const Stay& s : t.stays()) lines.add(s);
  const auto ns = totals(t);
  const int key_top = kTop + kLane * static_cast<int>(gen9::kEngines) + 24;
  const int height = key_top + 18 * static_cast<int>(ns.size()) + 12;
  std::ostringstream out;
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << kLeft + kWidth + 40
      << "\" height=\"" << height << "\" font-family=\"sans-serif\" font-size=\"12\">\n"
      << "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"" << kLeft
      << "\" y=\"20\">" << fixed(static_cast<double>(t.length_ns()) / 1e6)
      << " ms of the GPU</text>\n";
  for (const gen9::EngineId e : gen9::kAllEngines)
    out << "<text x=\"8\" y=\"" << kTop + kLane * static_cast<int>(gen9::index(e)) + 18 << "\">"
        << gen9::info(e).name << "</text>\n";
  for (int i = 0; i <= 10; ++i)
    out << "<text x=\"" << kLeft + kWidth * i / 10 << "\" y=\"" << kTop - 6 << "\" font-size=\"9\">"
        << fixed(static_cast<double>(t.length_ns()) / 1e7 * i, 1) << "</text>\n";
  out << lines.finish();
  int y = key_top;
  for (const auto& [vgpu, total] : ns) {
    out << "<rect x=\"" << kLeft << "\" y=\"" << y - 10 << "\" width=\"12\" height=\"12\" fill=\""
        << colour(vgpu) << "\"/><text x=\"" << kLeft + 20 << "\" y=\"" << y << "\">"
        << escaped(t.name(vgpu)) << ": " << fixed(static_cast<double>(total) / 1e6)
        << " ms</text>\n";
    y += 18;
  }
  out << "</svg>\n";
  return out.str();
}

std::string timeline_json(const Timeline& t) {
  json::array events;
  for (const gen9::EngineId e : gen9::kAllEngines)
    events.emplace_back(json::object{{"name", "thread_name"},
                                     {"ph", "M"},
                                     {"pid", 1},
                                     {"tid", gen9::index(e) + 1},
                                     {"args", {{"name", gen9::info(e).name}}}});
  for (const Stay& s : t.stays())
    events.emplace_back(json::object{{"name", t.name(s.vgpu)},
                                     {"cat", "gpu"},
                                     {"ph", "X"},
                                     {"pid", 1},
                                     {"tid", gen9::index(s.engine) + 1},
                                     {"ts", static_cast<double>(s.from_ns - t.begin_ns()) / 1000},
                                     {"dur", static_cast<double>(s.to_ns - s.from_ns) / 1000},
                                     {"args", {{"vgpu", s.vgpu.v}, {"end", end_name(s.end)}}}});
  return json::serialize(
             json::object{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}}) +
         "\n";
}

}  // namespace cli

// SPDX-License-Identifier: MIT
#include "tests/sched/cases.h"

#include <algorithm>
#include <cmath>

#include "tests/sched/rig.h"

namespace sched {
namespace {

using mediator::GpuShares;
using mediator::LatencyClass;
using mediator::Policy;
using mediator::Share;
using Kind = Plan::Kind;

constexpr uint64_t kSlice = 2 * kMs;

struct GuestPlan {
  Plan plan;
  Share share;
};

Plan busy(unsigned seed, size_t guest) {
  Plan p;
  p.kind = Kind::busy;
  p.seed = seed * 1000 + guest;
  return p;
}
std::vector<GuestPlan> all_busy(unsigned seed, size_t n) {
  std::vector<GuestPlan> all;
  for (size_t i = 0; i < n; ++i) all.push_back({busy(seed, i), {}});
  return all;
}

/// Guests, run for so long; what went wrong, if anything, stands in the row.
std::unique_ptr<Rig> run(Row& row, const GpuShares& gpu, const std::vector<GuestPlan>& guests,
                         uint64_t ns) {
  RigConfig config;
  config.gpu = gpu;
  auto rig = std::make_unique<Rig>(config);
  std::string error = rig->start();
  for (const GuestPlan& g : guests)
    if (error.empty()) error = rig->add(g.plan, g.share);
  if (error.empty()) rig->run(ns);
  for (size_t i = 0; i < guests.size() && error.empty(); ++i)
    if (guests[i].plan.kind != Kind::hang && rig->client(i).driver().counts().resets > 0)
      error = "a guest reset its engine";
  if (!error.empty()) row.error = error;
  return rig;
}

double total_given(const Rig& rig) {
  double sum = 0;
  for (size_t i = 0; i < rig.guests(); ++i) sum += static_cast<double>(rig.given(i));
  return sum;
}

/// Per cent of the part asked by which the worst is off over the whole run.
double worst_share(const Rig& rig, const std::vector<double>& parts) {
  const double sum = total_given(rig);
  double worst = 0;
  for (size_t i = 0; i < rig.guests(); ++i) {
    const double asked = parts[i] * sum;
    worst = std::max(worst, std::abs(static_cast<double>(rig.given(i)) - asked) / asked * 100);
  }
  return worst;
}

/// Slices by which any guest is off in any aligned window of `windows` bins.
double worst_window(const Rig& rig, const std::vector<double>& parts, uint64_t windows,
                    double slice_ns) {
  double worst = 0;
  const uint64_t first = rig.began_ns() / (100 * kMs), bins = rig.ran_ns() / (100 * kMs);
  for (uint64_t w = first; w + windows <= first + bins; w += windows) {
    double sum = 0;
    for (size_t i = 0; i < rig.guests(); ++i)
      sum += static_cast<double>(rig.seen().between(rig.vgpu(i), w, w + windows));
    for (size_t i = 0; i < rig.guests(); ++i) {
      const auto got = static_cast<double>(rig.seen().between(rig.vgpu(i), w, w + windows));
      worst = std::max(worst, std::abs(got - parts[i] * sum) / slice_ns);
    }
  }
  return worst;
}

double jain(const Rig& rig) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < rig.guests(); ++i) {
    const auto x = static_cast<double>(rig.given(i));
    sum += x;
    squares += x * x;
  }
  return sum * sum / (squares * static_cast<double>(rig.guests()));
}

/// Nanoseconds of work a second on the GPU without a mediator.
double native_pace(unsigned seed) {
  Alone alone(busy(seed, 0));
  if (!alone.start().empty()) return 0;
  alone.run(5 * kSec);
  return static_cast<double>(alone.work().all()) / static_cast<double>(alone.ran_ns());
}
double pace(const Rig& rig) {
  return static_cast<double>(rig.work().all()) / static_cast<double>(rig.ran_ns());
}

Row equal16(unsigned seed) {
  Row row{"equal16", seed, {}, {}};
  const auto rig = run(row, {.slice_ns = kMs}, all_busy(seed, 16), 10 * kSec);
  const std::vector<double> parts(16, 1.0 / 16);
  row.figures = {{"each off over 10 s", " %", 1, worst_share(*rig, parts)},
                 {"off over any 100 ms", " slices", 1, worst_window(*rig, parts, 1, 1e6)}};
  return row;
}

Row weights1248(unsigned seed) {
  Row row{"weights1248", seed, {}, {}};
  auto guests = all_busy(seed, 4);
  std::vector<double> parts;
  for (size_t i = 0; i < 4; ++i) {
    guests[i].share.weight = 1u << i;
    parts.push_back(static_cast<double>(1u << i) / 15);
  }
  const auto rig = run(row, {.slice_ns = kSlice}, guests, 10 * kSec);
  row.figures = {{"each off over 10 s", " %", 1, worst_share(*rig, parts)},
                 {"off over any 1 s", " slices", 1, worst_window(*rig, parts, 10, 2e6)}};
  return row;
}

double most_in_a_second(const Rig& rig, size_t guest) {
  uint64_t most = 0;
  const uint64_t first = rig.began_ns() / (100 * kMs);
  for (uint64_t w = first; w < first + 100; w += 10)
    most = std::max(most, rig.seen().between(rig.vgpu(guest), w, w + 10));
  return static_cast<double>(most) / 1e7;
}

Row cap25(unsigned seed) {
  Row row{"cap25", seed, {}, {}};
  for (const bool neighbour : {false, true}) {
    auto guests = all_busy(seed, 2);
    guests[0].share.cap = 2500;
    if (!neighbour) guests[1].plan.kind = Kind::idle;
    const auto rig = run(row, {.slice_ns = kSlice}, guests, 10 * kSec);
    row.figures.push_back({neighbour ? "any 1 s, greedy neighbour busy" : "any 1 s, neighbour idle",
                           " %", 25.5, most_in_a_second(*rig, 0)});
  }
  return row;
}

Row fixed(unsigned seed) {
  Row row{"fixed", seed, {}, {}};
  auto guests = all_busy(seed, 4);
  for (size_t i = 0; i < 4; ++i) {
    guests[i].share.fixed = static_cast<uint32_t>(i + 1) * 1000;
    if (i != 1) guests[i].plan.kind = Kind::idle;
  }
  const auto rig = run(row, {.policy = Policy::fixed_share, .slice_ns = kSlice}, guests, 10 * kSec);
  const double got = static_cast<double>(rig->given(1)) / static_cast<double>(rig->ran_ns()) * 100;
  row.figures = {{"20 %, neighbours idle: not more than", " %", 20.1, got},
                 {"nor less than", " %", 19.8, got, false}};
  return row;
}

Row many256(unsigned seed) {
  Row row{"many256", seed, {}, {}};
  const auto fast = run(row, {.slice_ns = kMs}, all_busy(seed, 256), 4 * kSec);
  row.figures = {{"Jain, 4 s at 1 ms", "", 0.999, jain(*fast), false}};
  const auto slow = run(row, {.slice_ns = 5 * kMs}, all_busy(seed, 256), 25 * kSec);
  const double native = native_pace(seed);
  row.figures.push_back({"Jain, 25 s at 5 ms", "", 0.999, jain(*slow), false});
  row.figures.push_back(
      {"throughput at 5 ms", " of native", 0.95, native > 0 ? pace(*slow) / native : 0, false});
  return row;
}

Row idle252(unsigned seed) {
  Row row{"idle252", seed, {}, {}};
  auto guests = all_busy(seed, 4);
  const auto four = run(row, {.slice_ns = kSlice}, guests, 5 * kSec);
  Plan idle;
  for (size_t i = 4; i < 256; ++i) guests.push_back({idle, {}});
  const auto many = run(row, {.slice_ns = kSlice}, guests, 5 * kSec);
  double worst = 2;
  for (size_t i = 0; i < 4; ++i)
    worst = std::min(worst, static_cast<double>(many->work().done(many->vgpu(i))) /
                                static_cast<double>(four->work().done(four->vgpu(i))));
  row.figures = {{"each of the 4", " of its work on a 4-vGPU host", 0.97, worst, false}};
  return row;
}

Row exclusive(unsigned seed) {
  Row row{"exclusive", seed, {}, {}};
  for (const uint64_t us : {100, 200, 500, 1000, 2000, 8000}) {
    Plan p = busy(seed, 0);
    p.shortest_ns = p.longest_ns = us * kUs;
    p.requests = std::max<uint64_t>(100, 500'000 / us);
    const auto rig =
        run(row, {.policy = Policy::exclusive, .slice_ns = kSlice}, {{p, {}}}, 100 * kSec);
    Alone alone(p);
    if (const std::string e = alone.start(); !e.empty()) row.error = e;
    alone.run(100 * kSec);
    row.figures.push_back({std::to_string(us) + " us", " of native's pace", 0.97,
                           static_cast<double>(alone.ran_ns()) / static_cast<double>(rig->ran_ns()),
                           false});
  }
  return row;
}

Row interactive(unsigned seed) {
  Row row{"interactive", seed, {}, {}};
  auto guests = all_busy(seed, 8);
  Plan& shell = guests[0].plan;
  shell.kind = Kind::periodic;
  shell.period_ns = 16 * kMs;
  shell.shortest_ns = shell.longest_ns = 2 * kMs;
  guests[0].share.latency = LatencyClass::interactive;
  for (size_t i = 1; i < 8; ++i) guests[i].plan.shortest_ns = guests[i].plan.longest_ns = 8 * kMs;
  const auto rig = run(row, {.slice_ns = kSlice}, guests, 20 * kSec);
  std::vector<uint64_t> waits = rig->client(0).waits();
  if (waits.size() < 1000) {
    row.error = "only " + std::to_string(waits.size()) + " frames";
    return row;
  }
  std::sort(waits.begin(), waits.end());
  row.figures = {{"p99 of response over its work", " slices", 1.5,
                  static_cast<double>(waits[waits.size() * 99 / 100]) / 2e6}};
  return row;
}

Row hang(unsigned seed) {
  Row row{"hang", seed, {}, {}};
  auto guests = all_busy(seed, 7);
  const auto seven = run(row, {.slice_ns = kSlice}, guests, 30 * kSec);
  guests.push_back({busy(seed, 7), {}});
  guests.back().plan.kind = Kind::hang;
  guests.back().plan.depth = 1;
  const auto rig = run(row, {.slice_ns = kSlice}, guests, 30 * kSec);
  const uint64_t hangs = rig->mediator().stats(rig->vgpu(7)).hangs;
  if (hangs < 2) row.error = "it hung " + std::to_string(hangs) + " times";
  double worst = 2;
  for (size_t i = 0; i < 7; ++i)
    worst = std::min(worst, static_cast<double>(rig->work().done(rig->vgpu(i))) /
                                static_cast<double>(seven->work().done(seven->vgpu(i))));
  row.figures = {{"each of the 7", " of its work without it", 0.98, worst, false}};
  return row;
}

/// Nanoseconds from the end of a slice until it is known whose the next is.
Row decision(unsigned seed) {
  Row row{"decision", seed, {}, {}};
  mediator::Scheduler s({.slice_ns = kMs});
  std::mt19937_64 random(seed);
  for (uint16_t i = 1; i <= 256; ++i) {
    s.add(hv::VgpuId{i}, {.weight = static_cast<uint32_t>(1 + random() % 1024)}, 0);
    s.ready(hv::VgpuId{i}, 0);
  }
  uint64_t now = 0;
  std::vector<double> took;
  bench::CoTime time;
  (void)s.next(now);
  for (unsigned i = 0; i < 20'000; ++i) {
    s.began(now);
    now = std::max(now + kMs / 2, std::min(s.wake_ns(), now + 2 * kMs)) + random() % (100 * kUs);
    const auto begin = __rdtsc();
    if (s.must_leave(now)) {
      s.ended(now);
      s.yield(true, now);
      (void)s.next(now);
    }
    took.push_back(static_cast<double>(__rdtsc() - begin));
  }
  std::nth_element(took.begin(), took.begin() + 10'000, took.end());
  static const double kNsPerTick = [] {
    const auto t0 = std::chrono::steady_clock::now();
    const uint64_t c0 = __rdtsc();
    while (std::chrono::steady_clock::now() - t0 < std::chrono::milliseconds(20)) {
    }
    const std::chrono::duration<double, std::nano> ns = std::chrono::steady_clock::now() - t0;
    return ns.count() / static_cast<double>(__rdtsc() - c0);
  }();
  row.figures = {{"median", " us", 1, took[10'000] * kNsPerTick / 1000}};
  return row;
}

Row quarters(unsigned seed) {
  Row row{"quarters", seed, {}, {}};
  // 0.91 ms of work on average and 3.64 ms without any: a duty cycle of 20 %.
  Plan p;
  p.kind = Kind::duty;
  p.shortest_ns = kMs / 2;
  p.longest_ns = 3 * kMs / 2;
  p.think_ns = 3640 * kUs;
  p.requests = 2000;
  std::vector<GuestPlan> four;
  double one_by_one = 0, slowest = 0;
  std::vector<double> alone;
  for (unsigned i = 0; i < 4; ++i) {
    p.seed = seed * 1000 + i;
    const auto rig = run(row, {.slice_ns = kSlice}, {{p, {}}}, 60 * kSec);
    alone.push_back(static_cast<double>(rig->client(0).finished_ns() - rig->client(0).began_ns()));
    one_by_one += alone.back();
    four.push_back({p, {}});
  }
  const auto rig = run(row, {.slice_ns = kSlice}, four, 60 * kSec);
  for (unsigned i = 0; i < 4; ++i) {
    const Client& c = rig->client(i);
    if (!c.finished()) row.error = "a job did not finish";
    slowest = std::max(slowest, static_cast<double>(c.finished_ns() - c.began_ns()) / alone[i]);
  }
  row.figures = {{"d = 20 %: one after another over together", "", 3,
                  one_by_one / static_cast<double>(rig->ran_ns()), false},
                 {"longest over alone", "", 1.17, slowest}};
  return row;
}

}  // namespace

const std::vector<Case> kCases{
    {"equal16", equal16},     {"weights1248", weights1248}, {"cap25", cap25},
    {"fixed", fixed},         {"many256", many256},         {"idle252", idle252},
    {"exclusive", exclusive}, {"interactive", interactive}, {"hang", hang},
    {"decision", decision},   {"quarters", quarters},
};

}  // namespace sched

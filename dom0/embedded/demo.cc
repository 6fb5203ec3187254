// SPDX-License-Identifier: MIT
// Sets the demo's guests up, runs them, and measures the same work without the mediator.
#include "dom0/embedded/demo.h"

#include <algorithm>

#include "dom0/embedded/host.h"
#include "dom0/embedded/native.h"
#include "dom0/embedded/recorded_guest.h"
#include "dom0/guests/aub/stream_guest.h"
#include "dom0/guests/painter/painter.h"

namespace embedded {
namespace {

constexpr uint64_t kProgressStepNs = 20'000'000;
// A baseline that never gets through its work ends here, in virtual time over the demo's.
constexpr uint64_t kBaselineFactor = 4;
// Recorded time is shortened so that a recorded guest is done when so much of the demo's time is
// over.
constexpr double kRecordedShare = 0.8;

/// How to make one guest's software, here and again for the baseline.
struct Recipe {
  std::string name, work;
  uint64_t ram_bytes = 0;
  uint32_t width = 0, height = 0;
  /// `frames`: stop after so many.
  std::function<std::unique_ptr<guests::Actor>(guests::GuestPort&, uint64_t frames)> make;
  std::function<uint64_t(const guests::Actor&)> frames;
  std::function<const guests::Driver&(const guests::Actor&)> driver;
};

Recipe painter(const DemoConfig& c, unsigned i) {
  guests::PainterConfig p;
  p.scene = i;
  p.seed = i + 1;
  p.width = c.width;
  p.height = c.height;
  const auto as = [](const guests::Actor& a) -> const guests::Painter& {
    return static_cast<const guests::Painter&>(a);
  };
  return {"draw" + std::to_string(i + 1),
          std::string(guests::make_scene(i, 1)->name()),
          guests::painter_ram_bytes(p),
          c.width,
          c.height,
          [p](guests::GuestPort& port, uint64_t frames) {
            guests::PainterConfig limited = p;
            limited.frames = frames;
            return std::make_unique<guests::Painter>(port, limited);
          },
          [as](const guests::Actor& a) { return as(a).frames(); },
          [as](const guests::Actor& a) -> const guests::Driver& { return as(a).driver(); }};
}

Recipe stream(const DemoConfig& c, unsigned i) {
  const size_t which = i % c.scripts.size();
  const guests::AubScript& script = c.scripts[which];
  const auto as = [](const guests::Actor& a) -> const guests::StreamGuest& {
    return static_cast<const guests::StreamGuest&>(a);
  };
  return {"stream" + std::to_string(i + 1),
          c.script_names[which],
          guests::stream_ram_bytes(script),
          1024,
          768,
          [&script](guests::GuestPort& port, uint64_t frames) {
            guests::StreamConfig limited;
            limited.rounds = frames;
            return std::make_unique<guests::StreamGuest>(port, script, limited);
          },
          [as](const guests::Actor& a) { return as(a).rounds(); },
          [as](const guests::Actor& a) -> const guests::Driver& { return as(a).driver(); }};
}

std::vector<Recipe> recipes(const DemoConfig& c) {
  std::vector<Recipe> all;
  for (unsigned i = 0; i < c.painters; ++i) all.push_back(painter(c, i));
  for (unsigned i = 0; i < c.stream_guests; ++i) all.push_back(stream(c, i));
  return all;
}

uint64_t requests_of(const guests::Driver& driver) {
  uint64_t n = 0;
  for (const gen9::EngineId e : gen9::kAllEngines) n += driver.engine_counts(e).completed;
  return n;
}

uint64_t percentile(std::vector<uint32_t> v, unsigned percent) {
  if (v.empty()) return 0;
  const size_t at = std::min(v.size() - 1, v.size() * percent / 100);
  std::nth_element(v.begin(), v.begin() + static_cast<ptrdiff_t>(at), v.end());
  return v[at];
}

/// GPU time of the same work, from boot to the same frame, without a mediator.
uint64_t native_gpu_ns(const Recipe& recipe, const DemoConfig& c, uint64_t frames) {
  if (frames == 0) return 0;
  NativeHost host({}, recipe.ram_bytes);
  if (!host.boot(recipe.make(host.port(), frames)).empty()) return 0;
  host.run(c.virtual_ns * kBaselineFactor);
  return host.gpu_ns();
}

DemoGuest collect(Host& host, Guest& guest, const Recipe& recipe, const DemoConfig& c) {
  DemoGuest g;
  g.name = recipe.name;
  g.work = recipe.work;
  g.frames = recipe.frames(*guest.actor());
  g.requests = requests_of(recipe.driver(*guest.actor()));
  g.stats = host.mediator().stats(guest.vgpu());
  g.traps = guest.domain().counts();
  g.mediator_ns = guest.mediator_time().ns;
  g.latency_median_us = percentile(g.stats.latency_us, 50);
  g.latency_p99_us = percentile(g.stats.latency_us, 99);
  if (guest.actor()->finished()) g.error = "stopped early";
  if (g.stats.failsafe != mediator::FailsafeReason::none)
    g.error = mediator::failsafe_name(g.stats.failsafe);
  if (auto screen = host.session().read_screen(guest.vgpu()); screen.ok())
    g.screen = std::move(*screen);
  if (c.baseline) g.native_gpu_ns = native_gpu_ns(recipe, c, g.frames);
  return g;
}

replay::Pace recorded_pace(const replay::Script& script, const DemoConfig& c) {
  const uint64_t span = script.actions.empty() ? 0 : script.actions.back().at_ns;
  const double wanted = kRecordedShare * static_cast<double>(c.virtual_ns);
  return {.scale = span == 0 ? 1 : std::min(1.0, wanted / static_cast<double>(span))};
}

DemoGuest collect_recorded(Host& host, Guest& guest, size_t i, const DemoConfig& c) {
  auto& player = static_cast<replay::Player&>(*guest.actor());
  DemoGuest g;
  g.name = "real" + std::to_string(i + 1);
  g.work = c.recorded_names[i];
  g.stats = host.mediator().stats(guest.vgpu());
  g.requests = g.stats.submissions;
  g.traps = player.counts();
  g.mediator_ns = guest.mediator_time().ns;
  g.latency_median_us = percentile(g.stats.latency_us, 50);
  g.latency_p99_us = percentile(g.stats.latency_us, 99);
  g.recorded = player.outcome();
  if (!player.finished()) {
    g.error = "did not come to its end";
  } else if (g.recorded->pages != g.recorded->pages_equal) {
    g.error = "not as recorded: " + g.recorded->difference;
  }
  return g;
}

DemoTotal total(const Host& host, const std::vector<DemoGuest>& guests) {
  DemoTotal t;
  const MediatorTime m = host.mediator_time();
  t.gpu_ns = host.gpu_ns();
  t.mediator_ns = m.ns;
  t.mediator_idle_ns = m.idle_ns;
  t.dma_accesses = host.guard().accesses();
  t.dma_violations = host.guard().violations();
  t.leaks = host.hygiene().leaks();
  for (const DemoGuest& g : guests) {
    t.native_gpu_ns += g.native_gpu_ns;
    if (g.recorded) t.recorded_gpu_ns += g.stats.gpu_ns;
    t.submissions += g.stats.submissions;
    t.requests += g.requests;
    t.traps += g.traps.exits();
    t.refused += g.stats.refused_commands;
  }
  const auto over = [&](uint64_t mediator_ns) {
    const auto here =
        static_cast<double>(t.gpu_ns - std::min(t.gpu_ns, t.recorded_gpu_ns) + mediator_ns);
    return here > 0 ? static_cast<double>(t.native_gpu_ns) / here : 0.0;
  };
  t.mediated_over_native = over(t.mediator_idle_ns);
  t.mediated_over_native_unhidden = over(t.mediator_ns);
  return t;
}

void run_with_progress(Host& host, const DemoConfig& c) {
  for (uint64_t t = 0; t < c.virtual_ns;) {
    t = std::min(c.virtual_ns, t + kProgressStepNs);
    const Host::Stop stop = host.run(t);
    if (c.progress) c.progress(t, c.virtual_ns);
    if (stop == Host::Stop::finished) break;
  }
}

HostConfig host_config(const DemoConfig& c) {
  HostConfig h;
  h.mediator.slice_ns = c.slice_ns;
  h.recorder = c.recorder;
  h.record_guest_memory = c.record_guest_memory;
  return h;
}

}  // namespace

bool DemoResult::ok() const {
  return total.dma_violations == 0 && total.leaks == 0 && total.refused == 0 &&
         std::all_of(guests.begin(), guests.end(), [](const auto& g) { return g.error.empty(); });
}

hv::Result<DemoResult, std::string> run_demo(const DemoConfig& config) {
  Host host(host_config(config));
  if (std::string why = host.start(); !why.empty()) return why;
  const std::vector<Recipe> all = recipes(config);
  for (const Recipe& r : all) {
    mediator::VgpuConfig v;
    v.name = r.name;
    v.width = r.width;
    v.height = r.height;
    Guest* g = host.add_guest(r.name, r.ram_bytes, v);
    if (!g) return "no room for guest " + r.name;
    if (!config.weights.empty()) {
      const size_t turn = host.guests().size() - 1;
      (void)host.session().set_share(g->vgpu(),
                                     {.weight = config.weights[turn % config.weights.size()]});
    }
    if (std::string why = host.boot(*g, r.make(g->port(), UINT64_MAX)); !why.empty())
      return r.name + ": " + why;
  }
  for (const replay::Script& script : config.recorded)
    if (std::string why = add_recorded_guest(host, script, recorded_pace(script, config));
        !why.empty())
      return why;
  run_with_progress(host, config);
  DemoResult result;
  result.total.virtual_ns = host.now_ns();
  if (const auto s = host.finish_recording(); !s.ok())
    return std::string("recording failed: ") + hv::error_name(s.error());
  for (size_t i = 0; i < all.size(); ++i)
    result.guests.push_back(collect(host, *host.guests()[i], all[i], config));
  for (size_t i = 0; i < config.recorded.size(); ++i)
    result.guests.push_back(collect_recorded(host, *host.guests()[all.size() + i], i, config));
  const uint64_t virtual_ns = result.total.virtual_ns;
  result.total = total(host, result.guests);
  result.total.virtual_ns = virtual_ns;
  result.violations = host.guard().described();
  for (const std::string& leak : host.hygiene().described()) result.violations.push_back(leak);
  return result;
}

}  // namespace embedded

// SPDX-License-Identifier: MIT
#include "dom0/daemon/report_json.h"

#include <algorithm>

namespace xengvtd {
namespace {

namespace json = boost::json;

json::object traps_json(const hv::local::TrapCounts& t) {
  return {{"exits", t.exits()},
          {"config_reads", t.config_reads},
          {"config_writes", t.config_writes},
          {"register_reads", t.register_reads},
          {"register_writes", t.register_writes},
          {"aperture_reads", t.aperture_reads},
          {"aperture_writes", t.aperture_writes},
          {"page_writes", t.page_writes}};
}

uint64_t percentile(std::vector<uint32_t> v, unsigned percent) {
  if (v.empty()) return 0;
  const size_t at = std::min(v.size() - 1, v.size() * percent / 100);
  std::nth_element(v.begin(), v.begin() + static_cast<ptrdiff_t>(at), v.end());
  return v[at];
}

std::string state_of(const GuestReport& g) {
  if (g.stats.failsafe != mediator::FailsafeReason::none) return "failsafe";
  return g.paused ? "paused" : g.gives_up ? "stopped" : "running";
}

}  // namespace

json::object to_json(const VgpuType& t) {
  return {{"name", t.name},     {"low_mib", t.low_mib}, {"high_mib", t.high_mib},
          {"fences", t.fences}, {"width", t.width},     {"height", t.height},
          {"weight", t.weight}, {"maximum", t.maximum}};
}

namespace {

json::object shares_json(const GuestReport& g) {
  const mediator::Share& s = g.stats.share;
  json::object o{{"weight", s.weight},
                 {"weight_follows_cpu", g.shares.follow_weight && g.cpu},
                 {"cap_percent", s.cap / 100.0},
                 {"cap_follows_cpu", g.shares.follow_cap && g.cpu},
                 {"fixed_percent", s.fixed / 100.0},
                 {"latency", mediator::latency_name(s.latency)},
                 {"slice_ms", s.slice_ns / 1'000'000},
                 {"asked_percent", g.stats.asked / 100.0},
                 {"boost", g.shares.boost},
                 {"boosted", g.boosted}};
  uint64_t slices = 0, overshoot = 0, wait = 0;
  for (const mediator::Served& e : g.stats.served) {
    slices += e.slices;
    overshoot += e.overshoot_ns;
    wait = std::max(wait, e.max_wait_ns);
  }
  o["slices"] = slices;
  o["overshoot_ns"] = overshoot;
  o["longest_wait_ns"] = wait;
  if (g.cpu) o["cpu"] = {{"weight", g.cpu->weight}, {"cap_percent", g.cpu->cap}};
  return o;
}

}  // namespace

json::object to_json(const GuestReport& g) {
  const mediator::VgpuStats& s = g.stats;
  json::object engines;
  for (const gen9::EngineId e : gen9::kAllEngines)
    engines[gen9::info(e).name] = s.engine_ns[gen9::index(e)];
  json::object o{{"domid", g.domid.v},
                 {"name", s.name},
                 {"type", to_json(g.type)},
                 {"state", state_of(g)},
                 {"direct_reads", g.direct_reads},
                 {"attached_ns", g.attached_ns},
                 {"gpu_ns", s.gpu_ns},
                 {"engine_ns", std::move(engines)},
                 {"submissions", s.submissions},
                 {"latency_median_us", percentile(s.latency_us, 50)},
                 {"latency_p99_us", percentile(s.latency_us, 99)},
                 {"preemptions", s.preemptions},
                 {"resets", s.resets},
                 {"faults", s.faults},
                 {"refused_commands", s.refused_commands},
                 {"interrupts", s.device.interrupts},
                 {"unknown_register_reads", s.device.unknown_reads},
                 {"unknown_register_writes", s.device.unknown_writes},
                 {"refused_register_writes", s.device.refused_writes},
                 {"flips", s.device.flips},
                 {"mediator_ns", s.work_ns},
                 {"mediator_most_owed_ns", s.work_most_ns},
                 {"put_off", s.put_off},
                 {"hangs", s.hangs},
                 {"command_errors", s.errors},
                 {"shares", shares_json(g)},
                 {"traps", traps_json(g.traps)}};
  if (s.failsafe != mediator::FailsafeReason::none)
    o["failsafe"] = mediator::failsafe_name(s.failsafe);
  if (s.refused_commands != 0)
    o["last_refusal"] = {{"reason", mediator::reject_name(s.last_refusal.reason)},
                         {"command", s.last_refusal.command ? s.last_refusal.command : "unknown"},
                         {"detail", s.last_refusal.detail}};
  return o;
}

json::object to_json(const HostReport& h) {
  return {{"backend", h.backend},
          {"now_ns", h.now_ns},
          {"gpu_ns", h.gpu_ns},
          {"lag_ns", h.lag_ns},
          {"trace", h.trace},
          {"longest_step_ns", h.longest_step_ns},
          {"gpu", h.gpu},
          {"bar_accesses", h.bar_accesses},
          {"ggtt_writes", h.ggtt_writes},
          {"tiled_regions_shown", h.tiled},
          {"gpu_submissions", h.asked.submissions},
          {"register_loads", h.asked.loads},
          {"registers_loaded", h.asked.loaded_registers},
          {"vgpu_switches", h.asked.switches},
          {"vgpu_switch_accesses", h.asked.switch_accesses},
          {"policy", mediator::policy_name(h.shares.policy)},
          {"holder", h.holder},
          {"slice_ms", h.shares.slice_ns / 1'000'000},
          {"window_ms", h.shares.window_ns / 1'000'000}};
}

json::object to_json(const LogLine& l) {
  return {{"number", l.number},
          {"unix_ms", l.unix_ms},
          {"level", level_name(l.level)},
          {"guest", l.guest},
          {"text", l.text}};
}

}  // namespace xengvtd

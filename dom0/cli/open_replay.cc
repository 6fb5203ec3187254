// SPDX-License-Identifier: MIT
#include "dom0/cli/open_replay.h"

#include <algorithm>

#include "dom0/embedded/host.h"
#include "dom0/embedded/recorded_guest.h"

namespace cli {

namespace {
constexpr uint64_t kMachineBytes = uint64_t{32} << 30;
// Guests wait for the GPU, hardly for each other: what lies between is shortened.
constexpr uint64_t kLongestGapNs = 50'000;
constexpr uint64_t kFinishNs = 2'000'000'000;  // for the last work to end
constexpr size_t kMaxGuests = 128;
constexpr uint64_t kForever = uint64_t{1} << 62;

embedded::HostConfig host_config(const replay::Scripts& scripts, hv::trace::RecordSink* recorder) {
  embedded::HostConfig c;
  c.machine_bytes = kMachineBytes;
  if (scripts.header.device_id != 0) {
    c.model.device_id = scripts.header.device_id;
    c.model.revision = scripts.header.revision;
  }
  c.mediator.slice_ns = scripts.slice_ns;
  c.mediator.hang_ns = scripts.hang_ns;
  c.mediator.scan_all = scripts.scan_all;
  c.recorder = recorder;
  return c;
}

OpenReplayGuest report(embedded::Host& host, embedded::Guest& g, const replay::Script& script) {
  auto& player = static_cast<replay::Player&>(*g.actor());
  const replay::Outcome o = player.outcome();
  const mediator::VgpuStats s = host.mediator().stats(g.vgpu());
  return {script.config.name,
          o.delivered,
          s.submissions,
          script.submissions,
          s.refused_commands,
          s.resets,
          s.faults,
          o.late,
          s.gpu_ns,
          script.knows_writes,
          o.pages,
          o.pages_equal,
          o.difference};
}

OpenReplayResult play(const replay::Scripts& scripts, hv::trace::RecordSink* recorder) {
  OpenReplayResult result;
  result.recorded_ns = scripts.recorded_ns;
  if (scripts.guests.size() > kMaxGuests) {
    result.error = "more guests than an open replay takes";
    return result;
  }
  embedded::Host host(host_config(scripts, recorder));
  result.error = host.start();
  for (const auto& [n, script] : scripts.guests)
    if (result.error.empty())
      result.error = embedded::add_recorded_guest(host, script, {.longest_ns = kLongestGapNs});
  if (!result.error.empty()) return result;
  (void)host.run(kForever, [&, end = kForever]() mutable {
    const bool over =
        std::ranges::all_of(host.guests(), [](const auto& g) { return g->actor()->finished(); });
    if (over) end = std::min(end, host.now_ns() + kFinishNs);
    return host.now_ns() < end;
  });
  size_t i = 0;
  for (const auto& [n, script] : scripts.guests)
    result.guests.push_back(report(host, *host.guests()[i++], script));
  result.virtual_ns = host.now_ns();
  result.dma_violations = host.guard().violations();
  if (const auto s = host.finish_recording(); !s.ok())
    result.error = std::string("cannot be recorded: ") + hv::error_name(s.error());
  return result;
}
}  // namespace

bool OpenReplayResult::same() const {
  return dma_violations == 0 && std::ranges::all_of(guests, [](const OpenReplayGuest& g) {
           return g.late == 0 && g.pages == g.pages_equal;
         });
}

OpenReplayResult open_replay(const std::string& path, hv::trace::RecordSink* recorder) {
  const auto scripts = replay::load_scripts(path);
  if (scripts.ok()) return play(*scripts, recorder);
  OpenReplayResult bad;
  bad.error = scripts.error();
  return bad;
}

}  // namespace cli

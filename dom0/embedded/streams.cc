// SPDX-License-Identifier: MIT
// Native and mediated execution of AUB streams.
#include "dom0/embedded/streams.h"

#include <algorithm>
#include <functional>

#include "dom0/embedded/command_log.h"
#include "dom0/embedded/host.h"
#include "dom0/embedded/native.h"
#include "dom0/guests/aub/player.h"

namespace embedded {
namespace {

// A run is given up when nothing was executed for so long (a hang), a stream when it has executed
// far more commands than its file holds dwords (a loop).
constexpr uint64_t kHangNs = 1'000'000'000;
constexpr uint64_t kLoopCommands = 2'000'000, kLoopRepeats = 4;
constexpr uint64_t kForever = uint64_t{3600} * 1'000'000'000;

gpu::model::Config model_config(const guests::AubScript& script) {
  gpu::model::Config c;
  if (script.device_id()) c.device_id = script.device_id();
  c.context_time = true;
  return c;
}

uint64_t command_limit(const guests::AubScript& script, const StreamRun& how) {
  if (how.max_commands != 0) return how.max_commands;
  uint64_t bytes = 0;
  for (const guests::AubStep& step : script.steps()) bytes += step.bytes;
  return kLoopCommands + kLoopRepeats * (bytes / 4);
}

/// Says no when a run has stopped making progress.
class Watch {
 public:
  Watch(const CommandLog& log, gpu::model::Model& model, std::function<bool()> worth_waiting)
      : log_(log), model_(model), worth_waiting_(std::move(worth_waiting)) {}
  bool operator()() {
    const uint64_t now = model_.now_ns();
    if (log_.commands() != commands_) {
      commands_ = log_.commands();
      since_ = now;
    }
    return now - since_ < kHangNs && worth_waiting_();
  }

 private:
  const CommandLog& log_;
  gpu::model::Model& model_;
  std::function<bool()> worth_waiting_;
  uint64_t commands_ = 0, since_ = 0;
};

void collect(StreamResult& r, guests::GuestPort& port, const guests::AubScript& script,
             const guests::AubPlayer& player, const ExecutedStream& executed) {
  r.memory = guests::memory_hash(port, script.mapped());
  r.executed = executed.counts();
  r.stream = executed.hash();
  r.error = player.error();
  if (r.error.empty() && !player.finished()) r.error = "did not finish";
}

StreamResult run_native(const guests::AubScript& script, const StreamRun& how, uint64_t& gpu_ns) {
  NativeHost host(model_config(script), script.ram_bytes());
  CommandLog log(1, [](uint32_t) { return size_t{0}; }, {});
  host.model().set_command_observer(&log);
  auto owned = std::make_unique<guests::AubPlayer>(host.port(), script);
  const guests::AubPlayer& player = *owned;
  StreamResult r;
  (void)host.boot(std::move(owned));
  Watch watch(log, host.model(),
              [&, limit = command_limit(script, how)] { return log.stream(0).commands() < limit; });
  host.run(kForever, [&] { return watch(); });
  host.model().set_command_observer(nullptr);
  collect(r, host.port(), script, player, log.stream(0));
  gpu_ns += host.gpu_ns();
  return r;
}

/// Windows as large as they can be: a file's GGTT addresses are its own.
mediator::VgpuConfig vgpu_config(const guests::AubScript& script) {
  mediator::VgpuConfig c;
  c.windows = {0, 256u << 20, 256u << 20, (uint64_t{4} << 30) - (256u << 20)};
  if (script.device_id()) c.device_id = script.device_id();
  return c;
}

class MediatedRun {
 public:
  MediatedRun(const std::vector<guests::AubScript>& scripts, const StreamRun& how)
      : scripts_(scripts),
        how_(how),
        host_(config(scripts, how)),
        log_(
            scripts.size(), [this](uint32_t lrca) { return stream_of(lrca); },
            [this](uint64_t address, uint32_t dword) {
              return host_.mediator().original_dword(hv::GmAddr{address}, dword);
            }) {}

  std::string start() {
    if (std::string why = host_.start(); !why.empty()) return why;
    for (const guests::AubScript& s : scripts_) {
      Guest* g = host_.add_guest("stream" + std::to_string(host_.guests().size() + 1),
                                 s.ram_bytes(), vgpu_config(s));
      if (!g) return "no room for another guest";
      auto player = std::make_unique<guests::AubPlayer>(g->port(), s);
      players_.push_back(player.get());
      limits_.push_back(command_limit(s, how_));
      (void)host_.boot(*g, std::move(player));
    }
    host_.model().set_command_observer(&log_);
    return {};
  }

  StreamResults run() {
    Watch watch(log_, host_.model(), [this] { return any_within_limit(); });
    host_.run(kForever, [&] { return watch(); });
    StreamResults all;
    for (size_t i = 0; i < scripts_.size(); ++i) {
      Guest& g = *host_.guests()[i];
      StreamResult r;
      collect(r, g.port(), scripts_[i], *players_[i], log_.stream(i));
      r.refused = host_.mediator().stats(g.vgpu()).refused_commands;
      all.traps += g.domain().counts().exits();
      all.streams.push_back(std::move(r));
    }
    all.gpu_ns = host_.gpu_ns();
    all.host_ns = host_.mediator_time().ns;
    all.dma_violations = host_.guard().violations();
    all.violations = host_.guard().described();
    all.leaks = host_.hygiene().leaks();
    for (const std::string& leak : host_.hygiene().described()) all.violations.push_back(leak);
    return all;
  }
  std::string finish() {
    const auto s = host_.finish_recording();
    return s.ok() ? std::string() : std::string("recording failed: ") + hv::error_name(s.error());
  }

 private:
  static HostConfig config(const std::vector<guests::AubScript>& scripts, const StreamRun& how) {
    HostConfig c;
    c.model = model_config(scripts.front());
    c.mediator.slice_ns = how.slice_ns;
    c.mediator.scan_all = how.scan_all;
    c.mediator.keep_originals = true;
    c.recorder = how.recorder;
    c.record_guest_memory = how.record_guest_memory;
    return c;
  }
  bool any_within_limit() const {
    for (size_t i = 0; i < scripts_.size(); ++i)
      if (!players_[i]->finished() && log_.stream(i).commands() < limits_[i]) return true;
    // All that are left loop; or all are done, and the GPU is about to be.
    return std::all_of(players_.begin(), players_.end(), [](auto* p) { return p->finished(); });
  }
  std::optional<size_t> stream_of(uint32_t lrca) const {
    const hv::VgpuId id = host_.owner_of_context(lrca);
    for (size_t i = 0; i < host_.guests().size(); ++i)
      if (host_.guests()[i]->vgpu() == id) return i;
    return std::nullopt;
  }

  const std::vector<guests::AubScript>& scripts_;
  const StreamRun& how_;
  Host host_;
  CommandLog log_;
  std::vector<const guests::AubPlayer*> players_;
  std::vector<uint64_t> limits_;  // commands after which a stream counts as looping
};

}  // namespace

bool StreamResults::ok() const {
  return dma_violations == 0 && leaks == 0 &&
         std::all_of(streams.begin(), streams.end(),
                     [](const auto& s) { return s.error.empty() && s.refused == 0; });
}

hv::Result<StreamResults, std::string> run_streams(const std::vector<guests::AubScript>& scripts,
                                                   const StreamRun& how) {
  if (scripts.empty()) return std::string("no streams");
  if (!how.mediated) {
    StreamResults all;
    for (const guests::AubScript& s : scripts)
      all.streams.push_back(run_native(s, how, all.gpu_ns));
    return all;
  }
  MediatedRun run(scripts, how);
  if (std::string why = run.start(); !why.empty()) return why;
  StreamResults all = run.run();
  if (std::string why = run.finish(); !why.empty()) return why;
  return all;
}

}  // namespace embedded

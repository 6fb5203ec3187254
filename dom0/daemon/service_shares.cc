// SPDX-License-Identifier: MIT
// Shares: what the owner sets, and what follows from the CPU scheduler.
#include "dom0/daemon/service.h"
#include "dom0/daemon/service_guest.h"

namespace xengvtd {

/// What the CPU hooks see comes here, with the GPU's lock held.
struct Service::CpuSink final : CpuHookSink {
  explicit CpuSink(Service& s) : service(s) {}
  Guest* find(hv::DomId domain) {
    const auto it = service.guests_.find(domain);
    return it == service.guests_.end() ? nullptr : it->second.get();
  }
  void give_up(hv::DomId domain, bool gives_up) override {
    if (Guest* g = find(domain)) {
      g->gives_up = gives_up;
      service.apply_pause(*g);
    }
  }
  void cpu_share(hv::DomId domain, const std::optional<CpuShare>& share) override {
    if (Guest* g = find(domain)) {
      g->cpu = share;
      if (const char* rule = service.apply_share(*g)) complain(domain, rule);
    }
  }
  void starved(hv::DomId domain, bool starved) override {
    if (Guest* g = find(domain)) service.session_->set_starved(g->vgpu, starved);
  }
  bool waits_for_cpu(hv::DomId domain) override {
    const Guest* g = find(domain);
    return g != nullptr && g->shares.share.latency == mediator::LatencyClass::interactive &&
           service.session_->mediator().waits_for_cpu(g->vgpu);
  }
  void complain(hv::DomId domain, const std::string& what) override {
    const Guest* g = find(domain);
    service.log_.add(LogLevel::warning, g ? g->name : std::to_string(domain.v), what);
  }
  Service& service;
};

mediator::GpuShares Service::configured_shares() const {
  return {.policy = config_.policy,
          .slice_ns = config_.slice_ms * 1'000'000,
          .window_ns = config_.window_ms * 1'000'000,
          .holder = {}};
}

void Service::start_shares() {
  CpuPort* port = backend_.cpu();
  if (port == nullptr) return;
  ledger_ = std::make_unique<WeightLedger>(config_.state + "/raised-weights");
  for (const std::string& why : ledger_->restore(*port)) log_.error(why);
  cpu_sink_ = std::make_unique<CpuSink>(*this);
  cpu_ = std::make_unique<CpuHooks>(*port, *cpu_sink_, *ledger_, config_.boost_most);
}

void Service::stop_shares() { cpu_.reset(); }

/// Under fixed shares a vGPU comes only with a share that is left.
hv::Result<void, Problem> Service::share_fits(const VgpuType& type) {
  if (session_->mediator().gpu_shares().policy != mediator::Policy::fixed_share) return {};
  uint64_t sum = type.shares.share.fixed;
  for (const auto& [id, g] : guests_) sum += g->shares.share.fixed;
  if (type.shares.share.fixed == 0)
    return Problem{
        "under fixed-share every vGPU needs a share, and type " + type.name + " has none",
        "set 'share' in [type " + type.name + "], or another policy"};
  if (sum <= mediator::kWholeGpu) return {};
  return Problem{std::string(mediator::kOvercommitted) + ", this would make " +
                     percent_text(static_cast<uint32_t>(sum)),
                 "lower the shares of others with xengvt set, or set another policy"};
}

/// One more guest, and all of them busy: would their drivers still see their heartbeats?
hv::Result<void, Problem> Service::heartbeats_fit() {
  const std::string why =
      too_many(guests_.size(), config_.max_busy, session_->mediator().heartbeat_capacity());
  if (why.empty()) return {};
  return Problem{why, config_.max_busy != 0
                          ? "stop a guest, or raise 'max-busy' in [gpu] of xengvtd.conf"
                          : "stop a guest, make slices shorter, or set 'max-busy' in [gpu] of "
                            "xengvtd.conf"};
}

void Service::warn_of_heartbeats(const std::string& who) {
  const size_t fit = session_->mediator().heartbeat_capacity();
  if (guests_.size() <= fit) return;
  log_.add(LogLevel::warning, who,
           "more than " + std::to_string(fit) +
               " guests: if all were busy, their drivers would miss heartbeats and reset engines");
}

/// What its type says, before it is made.
void Service::init_shares(Guest& g) {
  g.shares = g.type.shares;
  g.shares.share.weight = g.type.weight;
  g.shares.follow_weight = config_.follow_cpu;
  g.shares.follow_cap = config_.follow_cpu && g.type.shares.follow_cap;
}

void Service::begin_shares(hv::DomId domid, Guest& g) {
  if (const char* rule = apply_share(g)) log_.add(LogLevel::warning, g.name, rule);
  if (!cpu_) return;
  cpu_->add(domid);
  cpu_->set_boost(domid, g.shares.boost);
}

const char* Service::apply_share(Guest& g) {
  mediator::Share share = g.shares.share;
  if (g.shares.follow_weight && g.cpu) share.weight = g.cpu->weight;
  if (g.shares.follow_cap) share.cap = g.cpu ? gpu_cap(*g.cpu) : 0;
  if (share == session_->mediator().share(g.vgpu)) return nullptr;
  return session_->set_share(g.vgpu, share);
}

void Service::apply_pause(Guest& g) { session_->pause(g.vgpu, g.paused || g.gives_up); }

Service::Done Service::set_shares(const std::string& domain, const Options& options) {
  const GpuUnit::Entry entry(*gpu_);
  const auto found = find(domain);
  if (!found.ok()) return found.error();
  Guest& g = **found;
  const ShareSettings before = g.shares;
  std::string rule;
  for (const auto& [key, value] : options)
    if (rule.empty()) rule = set_share_option(g.shares, key, value);
  if (rule.empty())
    if (const char* broken = apply_share(g)) rule = broken;
  if (!rule.empty()) {
    g.shares = before;
    return Problem{rule, "nothing was changed; see xengvt-set(1)"};
  }
  if (cpu_) cpu_->set_boost(g.backend->domain().id(), g.shares.boost);
  keep(g);  // so that the next daemon goes on with it
  warn_of_heartbeats(g.name);
  arm_timer();
  return {};
}

Service::Done Service::set_gpu(const Options& options) {
  const GpuUnit::Entry entry(*gpu_);
  mediator::GpuShares gpu = session_->mediator().gpu_shares();
  for (const auto& [key, value] : options) {
    if (key == "holder") {
      const auto g = find(value);
      if (!g.ok()) return g.error();
      gpu.holder = (*g)->vgpu;
    } else if (const std::string rule = set_gpu_option(gpu, key, value); !rule.empty()) {
      return Problem{rule, "nothing was changed; see xengvt-set(1)"};
    }
  }
  if (const char* rule = session_->set_gpu_shares(gpu))
    return Problem{rule, "nothing was changed; see xengvt-set(1)"};
  log_.info(std::string("policy of the GPU: ") + mediator::policy_name(gpu.policy));
  keep_gpu();
  warn_of_heartbeats("");
  arm_timer();
  return {};
}

}  // namespace xengvtd

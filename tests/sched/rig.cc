// SPDX-License-Identifier: MIT
#include "tests/sched/rig.h"

#include <algorithm>

namespace sched {
namespace {

constexpr uint64_t kGuestRam = 64u << 20, kMachine = uint64_t{32} << 30;
constexpr unsigned kBootSteps = 200'000;

/// A guest that hangs looks for it itself, sooner than i915 would.
guests::DriverConfig driver_config(const Plan& plan) {
  guests::DriverConfig c;
  c.engines = gen9::engine_bit(gen9::EngineId::rcs);
  if (plan.kind == Plan::Kind::hang) {
    c.mid_thread = true;
    c.heartbeat_ns = 75 * kMs;
  }
  return c;
}

}  // namespace

struct Rig::Guest {
  Guest(Rig& r, uint16_t id, const Plan& plan)
      : domain(r.machine_, hv::DomId{id}, "guest", kGuestRam),
        shared(domain, r.model_, r.time_),
        port(domain, r.time_),
        client(port, driver_config(plan), plan) {}
  hv::local::LocalDomain domain;
  bench::CoDomain shared;
  std::optional<bench::CoTraps> traps;
  guests::TrapPort port;
  Client client;
  hv::VgpuId vgpu{};
};

Rig::Rig(const RigConfig& config)
    : config_(config),
      machine_(kMachine),
      bus_(machine_),
      model_(bus_, {}),
      device_(model_, time_),
      driver_(device_),
      co_(driver_, model_, time_),
      seen_(config.window_ns),
      gpu_(co_, time_, seen_, [this](uint32_t lrca) { return owner(lrca); }),
      work_([this](uint32_t lrca) { return owner(lrca); }) {}

Rig::~Rig() {
  model_.set_command_observer(nullptr);
  mediator_.reset();
}

Client& Rig::client(size_t i) { return guests_[i]->client; }
hv::VgpuId Rig::vgpu(size_t i) const { return guests_[i]->vgpu; }
hv::VgpuId Rig::owner(uint32_t lrca) const {
  return mediator_ ? mediator_->owner_of_context(lrca) : hv::kHostOwner;
}

std::string Rig::start() {
  if (!driver_.start().ok()) return "the host driver does not start";
  mediator_ = std::make_unique<mediator::Mediator>(
      gpu_, time_, mediator::MediatorConfig{.slice_ns = config_.gpu.slice_ns});
  return {};
}

std::string Rig::add(const Plan& plan, const mediator::Share& share) {
  const auto number = static_cast<uint16_t>(guests_.size() + 1);
  auto g = std::make_unique<Guest>(*this, number, plan);
  mediator::VgpuConfig config;
  config.windows = {0, 8u << 20, 256u << 20, 8u << 20};
  const auto id = mediator_->create_vgpu(g->shared, config);
  if (!id.ok()) return "no vGPU";
  g->vgpu = *id;
  g->traps.emplace(*mediator_->traps(*id), time_);
  g->domain.attach(&*g->traps);
  if (!g->port.power_on()) return "the vGPU's BARs are wrong";
  std::string error = g->client.start();
  guests_.push_back(std::move(g));
  Client& client = guests_.back()->client;
  for (unsigned n = 0; error.empty() && !client.driver().ready() && n < kBootSteps; ++n)
    step(time_.now_ns() + kMs);
  if (error.empty() && !client.driver().ready()) error = "the guest does not get ready";
  if (error.empty()) error = client.prepare();
  if (const char* rule = mediator_->set_share(*id, share); rule && error.empty()) error = rule;
  return error;
}

void Rig::run(uint64_t ns) {
  if (config_.gpu.policy == mediator::Policy::exclusive) config_.gpu.holder = vgpu(0);
  (void)mediator_->set_gpu_shares(config_.gpu);
  const uint64_t begin = (time_.now_ns() / kSec + 1) * kSec;
  while (time_.now_ns() < begin) step(begin);
  model_.set_command_observer(&work_);
  began_ns_ = time_.now_ns();
  for (const auto& g : guests_) g->client.begin(began_ns_);
  const uint64_t end = begin + ns;
  const auto working = [](const auto& g) { return !g->client.finished(); };
  while (time_.now_ns() < end && std::any_of(guests_.begin(), guests_.end(), working)) {
    bool served = false;
    for (const auto& g : guests_) {
      g->client.pump(time_.now_ns());
      served |= serve();
    }
    // What was told meanwhile has to be heard before anybody sleeps.
    step(served ? time_.now_ns() : end);
  }
  ran_ns_ = time_.now_ns() - began_ns_;
  seen_.settle(time_.now_ns());
}

/// What the GPU or a deadline asks for now, if anything: the daemon looks between guests' accesses.
bool Rig::serve() {
  model_.advance_to(time_.now_ns());
  if (!model_.interrupt_pending() && mediator_->next_deadline_ns() > time_.now_ns()) return false;
  const bench::CoTime::Running running(time_);
  mediator_->poll();
  return true;
}

void Rig::step(uint64_t until) {
  if (!serve()) {
    uint64_t wake = std::min(until, mediator_->next_deadline_ns());
    for (const auto& g : guests_) wake = std::min(wake, g->client.wake_ns(time_.now_ns()));
    time_.advance_to(model_.advance_until_interrupt(std::max(wake, time_.now_ns())));
  }
  for (const auto& g : guests_) g->client.on_events();
}

uint64_t Rig::given(size_t i) const {
  const uint64_t from = began_ns_ / config_.window_ns;
  return seen_.between(vgpu(i), from, (began_ns_ + ran_ns_) / config_.window_ns + 1);
}

uint64_t Rig::resets() {
  uint64_t n = 0;
  for (const auto& g : guests_) n += g->client.driver().counts().resets;
  return n;
}

Alone::Alone(const Plan& plan)
    : memory_(kGuestRam),
      model_(memory_, {}),
      port_(model_, memory_),
      work_([](uint32_t) { return hv::VgpuId{1}; }),
      client_(port_, driver_config(plan), plan) {}

std::string Alone::start() {
  std::string error = client_.start();
  for (unsigned n = 0; error.empty() && !client_.driver().ready() && n < kBootSteps; ++n)
    step(model_.now_ns() + kMs);
  return error.empty() ? client_.prepare() : error;
}

void Alone::run(uint64_t ns) {
  const uint64_t begin = model_.now_ns();
  client_.begin(begin);
  model_.set_command_observer(&work_);
  while (model_.now_ns() < begin + ns && !client_.finished()) {
    client_.pump(model_.now_ns());
    step(begin + ns);
  }
  model_.set_command_observer(nullptr);
  ran_ns_ = model_.now_ns() - begin;
}

void Alone::step(uint64_t until) {
  if (!model_.interrupt_pending()) {
    const uint64_t now = model_.now_ns();
    model_.advance_until_interrupt(std::max(now, std::min(until, client_.wake_ns(now))));
  }
  client_.on_events();
}

}  // namespace sched

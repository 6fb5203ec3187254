// SPDX-License-Identifier: MIT
#include "mediator/mediator.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "mediator/encode.h"
#include "mediator/engine_queue.h"
#include "mediator/vgpu.h"
#include "shadow/gen9/regs.h"

namespace mediator {
namespace {

constexpr uint32_t kMaxVgpus = 0xfffe;  // ids have 16 bits, and the host has one
constexpr size_t kEventBatch = 64;
constexpr unsigned kMaxEventBatches = 64;  // per poll; the rest waits for the next one

}  // namespace

struct Mediator::Impl final : VgpuHost {
  Impl(HostGpu& g, hv::Clock& c, const MediatorConfig& cfg)
      : gpu(g),
        clock(c),
        config(cfg),
        info(g.gpu_info()),
        defaults(g),
        space(info.ggtt_free_base, info.ggtt_free_bytes),
        retired(g, space) {
    set_clock();
    read_host_values();
    for (const EngineId e : gen9::kAllEngines)
      queues.emplace_back(e, gpu, clock, config, [this](hv::VgpuId id) { return find(id); });
  }

  Vgpu* find(hv::VgpuId id) const {
    const auto it = vgpus.find(id);
    return it == vgpus.end() ? nullptr : it->second.get();
  }
  EngineQueue& queue(EngineId e) { return queues[gen9::index(e)]; }

  // VgpuHost.
  void work_arrived(Vgpu& vgpu, EngineId engine, bool lite) override {
    queue(engine).work_arrived(vgpu, lite);
  }
  void preempt_wanted(Vgpu& vgpu, EngineId engine) override { queue(engine).preempt_for(vgpu); }
  void reset_wanted(Vgpu& vgpu, gen9::EngineMask engines) override {
    for (const EngineId e : gen9::kAllEngines)
      if (engines & gen9::engine_bit(e)) queue(e).remove(vgpu);
  }
  uint32_t live_register(Vgpu& vgpu, uint32_t offset) override {
    for (const EngineId e : gen9::kAllEngines) {
      const uint32_t rel = offset - gen9::info(e).mmio_base;
      if (offset < gen9::info(e).mmio_base || rel >= 0x1000) continue;
      // Clocks are everybody's and cost no access to the GPU; anything else tells of another guest
      // unless this one has the engine.
      if (rel == gen9::rel::kTimestamp) return static_cast<uint32_t>(timestamp());
      if (rel == gen9::rel::kTimestampUdw) return static_cast<uint32_t>(timestamp() >> 32);
      if (queue(e).on_engine() != &vgpu) break;
      if (rel == gen9::rel::kActhd || rel == gen9::rel::kActhdUdw) return active_head(vgpu, e, rel);
      return gpu.read_register(offset);
    }
    return vgpu.device().registers().get(offset & ~uint32_t{3});
  }
  /// The engine works from the host's copies: the guest is told where its own stand.
  uint32_t active_head(Vgpu& vgpu, EngineId e, uint32_t rel) {
    const uint64_t low = gpu.read_register(gen9::engine_reg(e, gen9::rel::kActhd));
    const uint64_t high = gpu.read_register(gen9::engine_reg(e, gen9::rel::kActhdUdw));
    const uint64_t guests = vgpu.contexts().guest_address(e, high << 32 | low);
    return static_cast<uint32_t>(rel == gen9::rel::kActhd ? guests : guests >> 32);
  }
  // The GPU's timestamp by the mediator's clock, set against the real one at start.
  uint64_t timestamp() override { return ticks(clock.now_ns()) + timestamp_offset; }
  static uint64_t ticks(uint64_t ns) {
    return ns / 1000 * gen9::kTimestampMhz + ns % 1000 * gen9::kTimestampMhz / 1000;
  }
  void set_clock() {
    const uint32_t low = gen9::engine_reg(EngineId::rcs, gen9::rel::kTimestamp);
    const uint32_t high = gen9::engine_reg(EngineId::rcs, gen9::rel::kTimestampUdw);
    const uint64_t now = uint64_t{gpu.read_register(high)} << 32 | gpu.read_register(low);
    timestamp_offset = now - ticks(clock.now_ns());
  }
  void refresh_clocks() {
    if (clocks.empty()) return;
    next_refresh_ns = clock.now_ns() + config.clock_refresh_ns;
    const uint64_t now = timestamp();
    for (const hv::VgpuId id : clocks) vgpus.at(id)->clock_page().refresh(now);
  }
  /// What the GPU has in the registers that are loaded for each vGPU, workarounds of the host
  /// driver included, is what a vGPU's driver finds there. Tables every driver writes whole are
  /// left out.
  void read_host_values() {
    for (const EngineId e : gen9::kAllEngines)
      for (const LoadedRegister& r : loaded_registers(e)) {
        using Form = LoadedRegister::Form;
        if (r.table || (r.form != Form::plain && r.form != Form::masked)) continue;
        const uint32_t value = gpu.read_register(r.offset);
        if (value != 0)
          host_values.push_back({r.offset, r.form == Form::masked ? value & 0xffff : value});
      }
  }
  uint64_t now_ns() override { return clock.now_ns(); }
  void deadline_moved(Vgpu& v, uint64_t was) override {
    if (was != UINT64_MAX) deadlines.erase({was, v.id()});
    if (v.next_deadline_ns() != UINT64_MAX) deadlines.insert({v.next_deadline_ns(), v.id()});
    if (v.clock_page().shown())
      clocks.insert(v.id());
    else
      clocks.erase(v.id());
  }
  bool reclaim_ggtt() override {
    const uint64_t before = space.free_pages();
    for (auto& [id, v] : vgpus) v->give_up_idle();
    (void)retired.flush();
    return space.free_pages() > before;
  }
  /// Timers that are due, each once. Idle vGPUs have none.
  void run_timers(uint64_t now) {
    due.clear();
    for (auto it = deadlines.begin(); it != deadlines.end() && it->first <= now; ++it)
      due.push_back(it->second);
    for (const hv::VgpuId id : due)
      if (Vgpu* v = find(id)) v->run_timers(now);
  }

  hv::Result<hv::VgpuId> create(hv::Domain& domain, const VgpuConfig& vconfig) {
    if (vgpus.size() >= std::min(config.max_vgpus, kMaxVgpus)) return hv::Error::no_memory;
    while (next_id == 0 || vgpus.contains(hv::VgpuId{next_id})) ++next_id;
    const hv::VgpuId id{next_id++};
    const Vgpu::Shared shared{
        gpu,    defaults, owners, host_values,
        space,  retired,  *this,  config.keep_originals ? &originals : nullptr,
        stamps, config};
    auto vgpu = Vgpu::create(id, domain, vconfig, shared);
    if (!vgpu.ok()) return vgpu.error();
    Vgpu& v = *vgpus.emplace(id, std::move(vgpu.value())).first->second;
    const Share share{.weight = std::clamp(vconfig.weight, 1u, kMaxWeight)};
    shares[id] = share;
    for (EngineQueue& q : queues) q.add(v, share);
    return id;
  }

  std::vector<Share> all_shares() const {
    std::vector<Share> all;
    for (const auto& [id, share] : shares) all.push_back(share);
    return all;
  }

  /// Nobody is left without the GPU because of one that is no more.
  void free_gpu_of(hv::VgpuId id) {
    if (gpu_shares.policy != Policy::exclusive || gpu_shares.holder != id) return;
    gpu_shares.policy = Policy::best_effort;
    for (EngineQueue& q : queues) q.set_gpu(gpu_shares);
  }

  void take_events() {
    std::array<GpuEvent, kEventBatch> events;
    for (unsigned i = 0; i < kMaxEventBatches; ++i) {
      const size_t n = gpu.poll(events);
      for (size_t k = 0; k < n; ++k) queue(events[k].engine).on_event(events[k]);
      if (n < events.size()) return;
    }
  }

  HostGpu& gpu;
  hv::Clock& clock;
  MediatorConfig config;
  GpuInfo info;
  DefaultImages defaults;
  shadow::GgttSpace space;
  shadow::Retired retired;
  Originals originals;
  uint64_t stamps = 0, timestamp_offset = 0, next_refresh_ns = 0;
  uint16_t next_id = 1;
  std::vector<RegisterValue> host_values;
  ContextOwnerMap owners;  // before the vGPUs, whose contexts stand in it
  std::set<std::pair<uint64_t, hv::VgpuId>> deadlines;
  std::set<hv::VgpuId> clocks;  ///< of those whose clock page is shown
  std::vector<hv::VgpuId> due;
  std::map<hv::VgpuId, std::unique_ptr<Vgpu>> vgpus;
  GpuShares gpu_shares{.slice_ns = config.slice_ns};
  std::map<hv::VgpuId, Share> shares;
  std::deque<EngineQueue> queues;
};

Mediator::Mediator(HostGpu& gpu, hv::Clock& clock, const MediatorConfig& config)
    : impl_(std::make_unique<Impl>(gpu, clock, config)) {}

Mediator::~Mediator() {
  for (const hv::VgpuId id : vgpus()) destroy_vgpu(id);
}

hv::Result<hv::VgpuId> Mediator::create_vgpu(hv::Domain& domain, const VgpuConfig& config) {
  return impl_->create(domain, config);
}

void Mediator::destroy_vgpu(hv::VgpuId id) {
  Vgpu* v = impl_->find(id);
  if (v == nullptr) return;
  impl_->reset_wanted(*v, gen9::kAllEngineMask);
  impl_->deadlines.erase({v->next_deadline_ns(), id});
  impl_->clocks.erase(id);
  for (EngineQueue& q : impl_->queues) q.drop(id);
  impl_->free_gpu_of(id);
  impl_->shares.erase(id);
  impl_->vgpus.erase(id);
  // Without the flush frames would stay referenced; a GPU that cannot flush keeps them on purpose.
  (void)impl_->retired.flush();
}

void Mediator::dismiss(hv::VgpuId id) {
  Vgpu* v = impl_->find(id);
  if (v == nullptr) return;
  v->enter_failsafe(FailsafeReason::dismissed);
  pause(id, true);
  impl_->free_gpu_of(id);
  Share none = impl_->shares.at(id);
  none.fixed = 0;  // another may have it
  (void)set_share(id, none);
}

bool Mediator::tidy(hv::VgpuId id) const {
  Vgpu* v = impl_->find(id);
  return v == nullptr || !v->ppgtt().untidy();
}

hv::TrapHandler* Mediator::traps(hv::VgpuId id) { return impl_->find(id); }

Vgpu* Mediator::find(hv::VgpuId id) { return impl_->find(id); }

void Mediator::resume(hv::VgpuId id, std::span<const std::byte> registers,
                      FailsafeReason failsafe) {
  Vgpu* v = impl_->find(id);
  if (v != nullptr && registers.size() == gen9::kMmioBytes) v->resume(registers, failsafe);
}

void Mediator::pause(hv::VgpuId id, bool paused) {
  Vgpu* v = impl_->find(id);
  if (v == nullptr || v->paused() == paused) return;
  v->set_paused(paused);
  for (EngineQueue& q : impl_->queues) q.set_paused(*v, paused);
}

const char* Mediator::set_gpu_shares(const GpuShares& gpu) {
  const bool holder_exists = impl_->vgpus.contains(gpu.holder);
  if (const char* rule = broken_rule(gpu, impl_->all_shares(), holder_exists)) return rule;
  impl_->gpu_shares = gpu;
  for (EngineQueue& q : impl_->queues) q.set_gpu(gpu);
  return nullptr;
}

const char* Mediator::set_share(hv::VgpuId id, const Share& share) {
  const auto it = impl_->shares.find(id);
  if (it == impl_->shares.end()) return "there is no such vGPU";
  if (const char* rule = broken_rule(share)) return rule;
  const Share before = std::exchange(it->second, share);
  // Others may be without a share; that is not what is asked now.
  if (impl_->gpu_shares.policy == Policy::fixed_share &&
      fixed_sum(impl_->all_shares()) > kWholeGpu) {
    it->second = before;
    return kOvercommitted;
  }
  for (EngineQueue& q : impl_->queues) q.set_share(id, share);
  return nullptr;
}

const GpuShares& Mediator::gpu_shares() const { return impl_->gpu_shares; }

bool Mediator::waits_for_cpu(hv::VgpuId id) const {
  const Vgpu* v = impl_->find(id);
  return v != nullptr && v->waits_for_cpu();
}

Share Mediator::share(hv::VgpuId id) const {
  const auto it = impl_->shares.find(id);
  return it == impl_->shares.end() ? Share{} : it->second;
}

void Mediator::set_starved(hv::VgpuId id, bool starved) {
  for (EngineQueue& q : impl_->queues) q.set_starved(id, starved);
}

void Mediator::poll() {
  impl_->take_events();
  const uint64_t now = impl_->clock.now_ns();
  impl_->run_timers(now);
  for (EngineQueue& q : impl_->queues) q.tick();
  impl_->refresh_clocks();
}

uint64_t Mediator::next_deadline_ns() const {
  uint64_t t = UINT64_MAX;
  for (const EngineQueue& q : impl_->queues) t = std::min(t, q.next_deadline_ns());
  if (!impl_->deadlines.empty()) t = std::min(t, impl_->deadlines.begin()->first);
  return impl_->clocks.empty() ? t : std::min(t, impl_->next_refresh_ns);
}

uint64_t Mediator::ready_ns(hv::VgpuId id, uint64_t now) const {
  const Vgpu* v = impl_->find(id);
  return v == nullptr ? 0 : v->work().ready_ns(now);
}

size_t Mediator::heartbeat_capacity() const {
  uint64_t slice = impl_->gpu_shares.slice_ns;
  for (const auto& [id, share] : impl_->shares) slice = std::max(slice, share.slice_ns);
  // A slice for what its driver queued before the pulse, and the next one for the pulse.
  return kHeartbeatLimitNs / (2 * (slice + kSwitchNs));
}

bool Mediator::idle() const {
  return std::all_of(impl_->queues.begin(), impl_->queues.end(),
                     [](const EngineQueue& q) { return q.idle(); });
}

bool Mediator::occupied() const {
  return std::any_of(impl_->queues.begin(), impl_->queues.end(),
                     [](const EngineQueue& q) { return q.occupied(); });
}

std::vector<hv::VgpuId> Mediator::vgpus() const {
  std::vector<hv::VgpuId> out;
  for (const auto& [id, v] : impl_->vgpus) out.push_back(id);
  return out;
}

VgpuStats Mediator::stats(hv::VgpuId id) const {
  const Vgpu* v = impl_->find(id);
  if (v == nullptr) return {};
  VgpuStats s = v->stats();
  s.share = impl_->shares.at(id);
  for (const EngineId e : gen9::kAllEngines) {
    const Scheduler& scheduler = impl_->queues[gen9::index(e)].scheduler();
    s.asked = scheduler.asked(id);
    s.served[gen9::index(e)] = scheduler.served(id);
  }
  return s;
}

uint32_t Mediator::original_dword(hv::GmAddr host, uint32_t executed) const {
  return impl_->originals.find(host.v, executed);
}

hv::VgpuId Mediator::owner_of_context(uint32_t lrca) const {
  return impl_->owners.find(lrca & ~uint32_t{0xfff});
}

void Mediator::encode(std::vector<std::byte>& out) const {
  put(out, uint32_t{2});
  put(out, static_cast<uint32_t>(impl_->vgpus.size()));
  for (const auto& [id, v] : impl_->vgpus) v->encode(out);
  for (const EngineQueue& q : impl_->queues) q.scheduler().encode(out);
}

}  // namespace mediator

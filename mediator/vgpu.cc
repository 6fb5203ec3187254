// SPDX-License-Identifier: MIT
#include "mediator/vgpu.h"

#include <algorithm>

#include "mediator/encode.h"
#include "shadow/gen9/context_image.h"
#include "shadow/gen9/regs.h"

namespace mediator {
namespace descriptor = gen9::descriptor;
namespace rel = gen9::rel;
using gen9::engine_reg;
using gen9::index;
using hv::GmAddr;
namespace {

// PVINFO g2v notifications, facts 1.3.
constexpr uint32_t kG2vL4Create = 4, kG2vL4Destroy = 5;
constexpr unsigned kHangsToFailsafe = 16;
// A context that does not choose its own gets GPGPU preemption at command level (as i915 does), so
// that arbitration may be enabled around its batches. SKL PRM vol 2c CS_CHICKEN1, masked.
constexpr uint32_t kCsChicken1 = 0x2580, kCommandLevelPreemption = 6u << 16 | 4;

}  // namespace

Vgpu::Vgpu(hv::VgpuId id, hv::Domain& domain, const VgpuConfig& config, const Shared& shared)
    : id_(id), domain_(domain), config_(config), shared_(shared) {
  for (const EngineId e : gen9::kAllEngines) engines_.push_back({VirtualExeclist(e, *this)});
  stats_.id = id;
  stats_.name = config.name;
}

Vgpu::~Vgpu() = default;

hv::Result<std::unique_ptr<Vgpu>> Vgpu::create(hv::VgpuId id, hv::Domain& domain,
                                               const VgpuConfig& config, const Shared& shared) {
  std::unique_ptr<Vgpu> v(new Vgpu(id, domain, config, shared));
  if (const auto s = v->build(); !s.ok()) return s.error();
  return v;
}

hv::Status Vgpu::build() {
  auto registers = domain_.register_pages(hv::Range::bar0, 0, gen9::kMmioBytes);
  if (!registers.ok()) return registers.error();
  auto entries = domain_.register_pages(hv::Range::bar0, gen9::kGttOffset, gen9::kGttBytes);
  if (!entries.ok()) return entries.error();
  ggtt_ = std::make_unique<shadow::Ggtt>(domain_, shared_.gpu, shared_.space, shared_.retired, id_,
                                         entries.value(), config_.windows);
  ppgtt_ = std::make_unique<shadow::PpgttSet>(domain_, shared_.gpu, shared_.retired, id_,
                                              shadow::PpgttLimits{});
  device_ =
      std::make_unique<DeviceModel>(config_, registers.value(), static_cast<DeviceSink&>(*this));
  contexts_ = std::make_unique<ContextSet>(
      ShadowEnv{shared_.gpu, shared_.space, shared_.retired, id_, *ggtt_, *ppgtt_, *device_,
                shared_.originals, shared_.config.scan_all},
      shared_.stamps);
  if (auto s = domain_.set_direct_read(hv::Range::bar0, 0, gen9::kMmioBytes, true); !s.ok())
    return s;
  for (const auto& [offset, bytes] : device_->trapped_pages())
    if (auto s = domain_.set_direct_read(hv::Range::bar0, offset, bytes, false); !s.ok()) return s;
  return domain_.set_direct_read(hv::Range::bar0, gen9::kGttOffset, gen9::kGttBytes, true);
}

// ---- traps

uint64_t Vgpu::on_read(hv::Range range, uint64_t offset, unsigned size) {
  switch (range) {
    case hv::Range::config: return device_->config_read(offset, size);
    case hv::Range::bar2: return aperture_read(offset, size);
    case hv::Range::bar0: break;
  }
  if (offset >= gen9::kGttOffset) return ggtt_->read_entry(offset - gen9::kGttOffset, size);
  return offset + size <= gen9::kMmioBytes ? device_->mmio_read(offset, size) : 0;
}

void Vgpu::on_write(hv::Range range, uint64_t offset, unsigned size, uint64_t value) {
  switch (range) {
    case hv::Range::config: device_->config_write(offset, size, value); return;
    case hv::Range::bar2: aperture_write(offset, size, value); return;
    case hv::Range::bar0: break;
  }
  if (offset < gen9::kMmioBytes) {
    if (offset + size <= gen9::kMmioBytes) device_->mmio_write(offset, size, value);
    return;
  }
  if (offset >= gen9::kGttOffset && stats_.failsafe == FailsafeReason::none)
    ggtt_->write_entry(offset - gen9::kGttOffset, size, value);
}

void Vgpu::on_page_write(hv::Gpa address, unsigned size) { ppgtt_->on_page_write(address, size); }

// ---- submission

void Vgpu::elsp_write(EngineId engine, uint32_t value) {
  const auto list = engines_[index(engine)].execlist.write(value);
  if (list && stats_.failsafe == FailsafeReason::none) submit(engine, *list);
}

bool Vgpu::acceptable(const Execlist& list) const {
  for (unsigned i = 0; i < list.count; ++i) {
    const uint64_t mode = descriptor::AddressingMode::get(list.descriptor[i]);
    if (mode != 1 && mode != 3) return false;
  }
  // The same context in both ports is undefined in hardware.
  const bool twice = list.count == 2 && descriptor::Lrca::get(list.descriptor[0]) ==
                                            descriptor::Lrca::get(list.descriptor[1]);
  return list.count != 0 && !twice;
}

void Vgpu::submit(EngineId engine, const Execlist& list) {
  if (!acceptable(list)) {
    refuse({Reject::forbidden_command, 0, "ELSP", static_cast<uint32_t>(list.descriptor[0])});
    return;
  }
  Engine& e = engines_[index(engine)];
  const uint64_t now = now_ns();
  for (unsigned i = 0; i < list.count; ++i) {
    const auto context = contexts_->get(engine, list.descriptor[i], now);
    if (!context.ok()) {
      refuse({context.error(), 0, "logical ring context", 0});
      return;
    }
    if (!context.value()->in_progress) context.value()->queued_ns = now;
    contexts_->note_tail(*context.value());
  }
  device_->refresh_clocks();
  const auto accepted = e.execlist.accept(list);
  update_status_register(engine);
  if (e.stalled) return;
  if (accepted != VirtualExeclist::Accepted::queued)
    shared_.host.work_arrived(*this, engine, accepted == VirtualExeclist::Accepted::lite_restore);
  else if (e.on_gpu)
    shared_.host.preempt_wanted(*this, engine);
  else
    engine_left(engine);
}

void Vgpu::engine_left(EngineId engine) {
  Engine& e = engines_[index(engine)];
  e.on_gpu = false;
  if (e.stalled || !e.execlist.active() || !e.execlist.has_pending()) return;
  // Its image is shown to the guest, but the shadow goes on counting: it may stand inside a batch.
  if (const auto head = contexts_->get(engine, e.execlist.head(), now_ns());
      head.ok() && head.value()->in_progress)
    contexts_->copy_back(*head.value(), false);
  e.execlist.head_preempted();
  update_status_register(engine);
  shared_.host.work_arrived(*this, engine, false);
}

bool Vgpu::runnable(EngineId engine) const {
  const Engine& e = engines_[index(engine)];
  return !paused_ && !e.stalled && e.execlist.active() && stats_.failsafe == FailsafeReason::none;
}

std::vector<ShadowContext*> Vgpu::prepare(EngineId engine) {
  std::vector<ShadowContext*> out;
  for (const uint64_t d : engines_[index(engine)].execlist.remaining()) {
    const auto context = contexts_->get(engine, d, now_ns());
    const Refusal refusal = context.ok() ? contexts_->prepare(*context.value())
                                         : Refusal{context.error(), 0, "logical ring context", 0};
    if (refusal.reason != Reject::none) {
      // What stands before it still runs; then the engine stands still, as after an error.
      if (!out.empty()) break;
      refuse(refusal);
      stall(engine);
      return {};
    }
    out.push_back(context.value());
    if (context.value()->tail_ready != context.value()->tail_wanted) break;
  }
  return out;
}

hv::Status Vgpu::make_current(ShadowContext& c) {
  if (const auto s = contexts_->make_current(c); !s.ok()) return s;
  c.on_gpu = true;
  engines_[index(c.engine)].on_gpu = true;
  return {};
}

bool Vgpu::reached_tail(ShadowContext& c) {
  contexts_->saved(c);
  return c.head == c.tail_on_gpu;
}

bool Vgpu::context_done(ShadowContext& c, bool preempted, uint64_t gpu_ns) {
  stats_.gpu_ns += gpu_ns;
  stats_.engine_ns[index(c.engine)] += gpu_ns;
  c.on_gpu = false;
  if (preempted) {
    contexts_->saved(c);
    return false;
  }
  Engine& e = engines_[index(c.engine)];
  const bool whole = c.tail_on_gpu == c.tail_wanted;
  contexts_->copy_back(c, true);
  auto& regs = device_->registers();
  regs.set(engine_reg(c.engine, rel::kRingHead), c.head);
  regs.set(engine_reg(c.engine, rel::kRingTail), c.head);
  if (!contexts_->any_in_progress()) ggtt_->release_operands();
  if (c.user_interrupt) engine_event(c.engine, gen9::irq::kUser);
  if (!whole) return false;
  ++stats_.submissions;
  add_latency(now_ns() - c.queued_ns);
  e.execlist.head_complete();
  update_status_register(c.engine);
  return true;
}

void Vgpu::add_latency(uint64_t ns) {
  const auto us = static_cast<uint32_t>(std::min<uint64_t>(ns / 1000, UINT32_MAX));
  if (stats_.latency_us.size() < kLatencySamples)
    stats_.latency_us.push_back(us);
  else
    stats_.latency_us[next_sample_++ % kLatencySamples] = us;
}

void Vgpu::engine_event(EngineId engine, uint32_t irq_bit) {
  device_->interrupts().engine_event(engine, irq_bit);
}

void Vgpu::context_status(EngineId engine, uint32_t event, uint32_t context_id, bool interrupt) {
  Engine& e = engines_[index(engine)];
  auto& regs = device_->registers();
  const uint32_t pointer = engine_reg(engine, rel::kCsbPtr);
  const uint32_t last = regs.get(pointer) & 7;
  const uint32_t next = last + 1 >= gen9::kCsbEntries ? 0 : last + 1;
  regs.set(engine_reg(engine, rel::kCsb) + next * 8, event);
  regs.set(engine_reg(engine, rel::kCsb) + next * 8 + 4, context_id);
  regs.set(pointer, (regs.get(pointer) & ~uint32_t{7}) | next);
  if (e.status_page != 0) {
    // Entry first, index after: the guest polls the index. A page it unmapped is its own loss.
    const std::array<uint32_t, 2> entry{event, context_id};
    (void)ggtt_->write(GmAddr{e.status_page + (0x10 + 2 * next) * 4},
                       std::as_bytes(std::span{entry}));
    (void)ggtt_->write(GmAddr{e.status_page + 0x1f * 4}, std::as_bytes(std::span{&next, 1}));
  }
  if (interrupt) engine_event(engine, gen9::irq::kContextSwitch);
}

void Vgpu::update_status_register(EngineId engine) {
  const uint64_t status = engines_[index(engine)].execlist.status();
  device_->registers().set(engine_reg(engine, rel::kExeclistStatusLo),
                           static_cast<uint32_t>(status));
  device_->registers().set(engine_reg(engine, rel::kExeclistStatusHi),
                           static_cast<uint32_t>(status >> 32));
}

// ---- trouble

void Vgpu::stall(EngineId engine) { engines_[index(engine)].stalled = true; }

void Vgpu::refuse(const Refusal& refusal) {
  ++stats_.refused_commands;
  stats_.last_refusal = refusal;
  if (++refusals_ >= shared_.config.refusals_to_failsafe)
    enter_failsafe(FailsafeReason::scan_refused);
}

void Vgpu::note_hang() {
  if (++hangs_ >= kHangsToFailsafe) enter_failsafe(FailsafeReason::repeated_hangs);
}

void Vgpu::note_fault(EngineId engine, uint64_t detail) {
  ++stats_.faults;
  // Valid, engine id; the address goes where a driver looks for it. SKL PRM vol 2c RING_FAULT_REG.
  auto& regs = device_->registers();
  regs.set(gen9::kRingFault, 1u | gen9::info(engine).fault_id << 12);
  regs.set(gen9::kFaultTlbData0, static_cast<uint32_t>(detail >> 12));
  regs.set(gen9::kFaultTlbData1, static_cast<uint32_t>(detail >> 44));
}

void Vgpu::enter_failsafe(FailsafeReason reason) {
  if (stats_.failsafe != FailsafeReason::none) return;
  stats_.failsafe = reason;
  device_->set_failsafe(true);
  shared_.host.reset_wanted(*this, gen9::kAllEngineMask);
  for (const EngineId e : gen9::kAllEngines) reset_engine_state(e);
  contexts_->drop(gen9::kAllEngineMask);
  ppgtt_->reset();
}

void Vgpu::reset_engines(gen9::EngineMask engines, bool full) {
  shared_.host.reset_wanted(*this, engines);
  ++stats_.resets;
  for (const EngineId e : gen9::kAllEngines)
    if (engines & gen9::engine_bit(e)) reset_engine_state(e);
  contexts_->drop(engines);
  if (full) ggtt_->release_operands();
}

void Vgpu::reset_engine_state(EngineId engine) {
  Engine& e = engines_[index(engine)];
  e.execlist.reset();
  e.stalled = e.on_gpu = false;
  e.status_page = device_->registers().get(engine_reg(engine, rel::kHwsPga));
  update_status_register(engine);
}

// ---- what the device model asks

void Vgpu::ring_mode_changed(EngineId engine, bool run_list) {
  if (!run_list) reset_engines(gen9::engine_bit(engine), false);
}

void Vgpu::status_page_changed(EngineId engine, uint32_t address) {
  engines_[index(engine)].status_page = address;
}

void Vgpu::g2v_notify(uint32_t value, std::span<const uint64_t, 4> pdps) {
  // Errors show up again, and are answered, when a context of that PPGTT is submitted.
  if (value == kG2vL4Create) (void)ppgtt_->create(hv::Gpa{pdps[0]});
  if (value == kG2vL4Destroy) (void)ppgtt_->destroy(hv::Gpa{pdps[0]});
}

void Vgpu::tlb_invalidate(EngineId) { shared_.retired.mark_stale(); }

uint32_t Vgpu::live_register(uint32_t offset) { return shared_.host.live_register(*this, offset); }

void Vgpu::bar_changed(hv::Range range, bool enabled, uint64_t base, uint64_t bytes) {
  // A placement the hypervisor refuses leaves the BAR undecoded, as an address clash would.
  if (enabled)
    (void)domain_.place(range, hv::Gpa{base}, bytes);
  else
    (void)domain_.remove(range);
}

void Vgpu::raise_msi(uint64_t address, uint32_t data) {
  (void)domain_.inject_msi(address, data);  // a domain that is going away needs no interrupt
}

uint64_t Vgpu::now_ns() { return shared_.host.now_ns(); }

VgpuStats Vgpu::stats() const {
  VgpuStats s = stats_;
  s.device = device_->counts();
  return s;
}

std::vector<RegisterValue> Vgpu::switch_registers(EngineId engine) {
  std::vector<RegisterValue> out;
  const auto& regs = device_->registers();
  const auto add = [&](uint32_t first, unsigned dwords) {
    for (uint32_t o = first; o < first + dwords * 4; o += 4) out.push_back({o, regs.get(o)});
  };
  add(gen9::kMocs[index(engine)], 64);
  if (engine == EngineId::rcs) {
    add(gen9::kL3cc, 32);
    out.push_back({kCsChicken1, kCommandLevelPreemption});
  }
  return out;
}

void Vgpu::encode(std::vector<std::byte>& out) const {
  put(out, uint32_t{1});
  put(out, id_.v);
  put_string(out, config_.name);
  put(out, stats_.submissions);
  put(out, stats_.gpu_ns);
  put(out, stats_.refused_commands);
  put(out, stats_.preemptions);
  put(out, stats_.failsafe);
  for (const Engine& e : engines_) {
    e.execlist.encode(out);
    put(out, e.stalled);
    put(out, e.status_page);
  }
  contexts_->encode(out);
  device_->encode(out);
}

}  // namespace mediator

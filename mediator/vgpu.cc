// SPDX-License-Identifier: MIT
#include "mediator/vgpu.h"

#include <algorithm>
#include <utility>

#include "mediator/encode.h"
#include "mediator/engine_state.h"
#include "mediator/opregion.h"
#include "mediator/register_access.h"
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
constexpr uint32_t kNonprivAddress = 0x3fffffc;  // of a FORCE_TO_NONPRIV slot

}  // namespace

Vgpu::Vgpu(hv::VgpuId id, hv::Domain& domain, const VgpuConfig& config, const Shared& shared)
    : id_(id), domain_(domain), config_(config), shared_(shared), work_(shared.config.work) {
  for (const EngineId e : gen9::kAllEngines) engines_.push_back({VirtualExeclist(e, *this)});
  stats_.id = id;
  stats_.name = config.name;
}

Vgpu::~Vgpu() {
  if (aperture_) aperture_->stop();
}

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
  ppgtt_ = std::make_unique<shadow::PpgttSet>(
      domain_, shared_.gpu, shared_.retired, id_,
      shadow::PpgttLimits{.kept_open = shared_.config.open_leaves}, &work_);
  device_ =
      std::make_unique<DeviceModel>(config_, registers.value(), static_cast<DeviceSink&>(*this));
  clock_page_ = std::make_unique<ClockPage>(domain_, device_->registers());
  contexts_ = std::make_unique<ContextSet>(
      ShadowEnv{shared_.gpu, shared_.space, shared_.retired, id_, *ggtt_, *ppgtt_, *device_,
                shared_.defaults, shared_.owners, work_,
                [this] { return shared_.host.reclaim_ggtt(); }, shared_.originals,
                shared_.config.scan_all, shared_.config.batch_copy_pages},
      shared_.stamps);
  aperture_ = std::make_unique<Aperture>(domain_, *ggtt_, *device_, config_.fences,
                                         config_.windows.low_base + config_.windows.low_bytes);
  ggtt_->on_change([this](uint64_t page) { aperture_->entry_changed(page); });
  if (auto s = domain_.set_direct_read(hv::Range::bar0, 0, gen9::kMmioBytes, true); !s.ok())
    return s;
  for (const auto& [offset, bytes] : device_->trapped_pages())
    if (auto s = domain_.set_direct_read(hv::Range::bar0, offset, bytes, false); !s.ok()) return s;
  return domain_.set_direct_read(hv::Range::bar0, gen9::kGttOffset, gen9::kGttBytes, true);
}

uint64_t Vgpu::on_read(hv::Range range, uint64_t offset, unsigned size) {
  switch (range) {
    case hv::Range::config: return device_->config_read(offset, size);
    case hv::Range::bar2: return aperture_->read(offset, size);
    case hv::Range::bar0: break;
  }
  if (offset >= gen9::kGttOffset) return ggtt_->read_entry(offset - gen9::kGttOffset, size);
  return offset + size <= gen9::kMmioBytes ? device_->mmio_read(offset, size) : 0;
}

void Vgpu::on_write(hv::Range range, uint64_t offset, unsigned size, uint64_t value) {
  switch (range) {
    case hv::Range::config:
      device_->config_write(offset, size, value);
      note_deadline();
      return;
    case hv::Range::bar2:
      aperture_->write(offset, size, value,
                       [this](hv::Gpa at, unsigned n) { ppgtt_->on_page_write(at, n); });
      return;
    case hv::Range::bar0: break;
  }
  if (offset < gen9::kMmioBytes) {
    if (offset + size <= gen9::kMmioBytes) device_->mmio_write(offset, size, value);
    show_awaited();
    note_deadline();
    return;
  }
  if (offset >= gen9::kGttOffset && stats_.failsafe == FailsafeReason::none)
    ggtt_->write_entry(offset - gen9::kGttOffset, size, value);
}

void Vgpu::on_page_write(hv::Gpa address, unsigned size) {
  ppgtt_->on_page_write(address, size);
  if (ppgtt_->untidy()) note_deadline();
}

void Vgpu::note_deadline() {
  if (clock_page_ == nullptr) return;
  uint64_t next = std::min(device_->next_deadline_ns(), clock_page_->next_deadline_ns());
  for (const Engine& e : engines_) next = std::min(next, e.status_due_ns);
  if (ppgtt_->untidy()) next = std::min(next, work_.ready_ns());
  const bool showed = std::exchange(clock_shown_, clock_page_->shown());
  if (next == deadline_ns_ && showed == clock_shown_) return;
  shared_.host.deadline_moved(*this, std::exchange(deadline_ns_, next));
}

void Vgpu::stall(EngineId engine) { engines_[index(engine)].stalled = true; }

void Vgpu::refuse(const Refusal& refusal) {
  ++stats_.refused_commands;
  stats_.last_refusal = refusal;
  if (++refusals_ >= shared_.config.refusals_to_failsafe)
    enter_failsafe(FailsafeReason::scan_refused);
}

uint64_t Vgpu::note_trouble(Trouble trouble) {
  const uint64_t held_ns = trouble_.note(trouble, now_ns());
  ++(trouble == Trouble::hang ? stats_.hangs : stats_.errors);
  if (trouble_.hopeless()) enter_failsafe(FailsafeReason::repeated_hangs);
  return held_ns;
}

bool Vgpu::waits_for_cpu() const {
  constexpr uint32_t kEngines = 0x4f;  // RCS, BCS, VCS, VCS2, VECS in the master register
  return (device_->registers().get(gen9::kMasterIrq) & kEngines) != 0;
}

void Vgpu::charge(EngineId engine, uint64_t gpu_ns) {
  stats_.gpu_ns += gpu_ns;
  stats_.engine_ns[index(engine)] += gpu_ns;
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
  aperture_->stop();
  shared_.host.reset_wanted(*this, gen9::kAllEngineMask);
  for (const EngineId e : gen9::kAllEngines) reset_engine_state(e);
  contexts_->forget();
  ppgtt_->reset();
  note_deadline();
}

void Vgpu::reset_engines(gen9::EngineMask engines, bool full) {
  shared_.host.reset_wanted(*this, engines);
  work_.charge(shadow::cost::kReset);
  ++stats_.resets;
  for (const EngineId e : gen9::kAllEngines)
    if (engines & gen9::engine_bit(e)) reset_engine_state(e);
  contexts_->drop(engines);
  if (!full) return;
  contexts_->forget();
  ggtt_->release_operands();
}

void Vgpu::resume(std::span<const std::byte> registers, FailsafeReason failsafe) {
  device_->resume(registers);
  ggtt_->resume();
  for (const EngineId e : gen9::kAllEngines) update_status_register(e);
  if (failsafe != FailsafeReason::none) enter_failsafe(failsafe);
  note_deadline();
}

void Vgpu::reset_engine_state(EngineId engine) {
  Engine& e = engines_[index(engine)];
  e.execlist.reset();
  e.stalled = e.on_gpu = false;
  e.status_due_ns = UINT64_MAX;
  e.status_held = e.withheld = e.told_done = false;
  e.quick = 0;
  e.held_status.clear();
  note_deadline();
  e.status_page = device_->registers().get(engine_reg(engine, rel::kHwsPga));
  update_status_register(engine);
}

void Vgpu::ring_mode_changed(EngineId engine, bool run_list) {
  if (!run_list) reset_engines(gen9::engine_bit(engine), false);
}

void Vgpu::status_page_changed(EngineId engine, uint32_t address) {
  engines_[index(engine)].status_page = address;
}

void Vgpu::g2v_notify(uint32_t value, std::span<const uint64_t, 4> pdps) {
  // Errors show up again, and are answered, when a context of that PPGTT is submitted.
  if (value == kG2vL4Create) (void)ppgtt_->create(hv::Gpa{pdps[0]});
  if (value != kG2vL4Destroy) return;
  // Before the guest uses the pages of these tables for something else, which would all trap.
  contexts_->forget_space(pdps[0]);
  (void)ppgtt_->destroy(hv::Gpa{pdps[0]});
}

void Vgpu::tlb_invalidate(EngineId) { shared_.retired.mark_stale(); }

uint32_t Vgpu::live_register(uint32_t offset) {
  constexpr uint32_t kClock = engine_reg(EngineId::rcs, rel::kTimestamp);
  if (hv::align_down(offset, 8) == kClock) clock_page_->clock_read(now_ns());
  return shared_.host.live_register(*this, offset);
}

/// Once: the pages stay the guest's, wherever it says later that they are.
bool Vgpu::opregion_wanted(uint32_t address) {
  if (opregion_ != 0 || address & hv::kPageMask) return address == opregion_;
  const hv::Gpa at{address};
  const auto image = opregion_image(config_);
  const auto added = domain_.add_ram(hv::gfn_of(at), image.size() >> hv::kPageShift);
  // One that is there already was made by the process that this one took the guest over from.
  std::vector<std::byte> there(image.size());
  const bool made = !added.ok() && added.error() == hv::Error::busy &&
                    domain_.read(at, there).ok() && there == image;
  if (!made && (!added.ok() || !domain_.write(at, image).ok())) return false;
  opregion_ = address;
  return true;
}

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
  s.work_ns = work_.total_ns();
  s.work_most_ns = work_.most_ns();
  return s;
}

void Vgpu::switch_registers(EngineId engine, std::vector<uint32_t>& out) const {
  const auto& regs = device_->registers();
  out.clear();
  for (const LoadedRegister& r : loaded_registers(engine))
    out.push_back(value_to_load(engine, r, regs.get(r.offset)));
}

void Vgpu::save_registers(EngineId engine) {
  auto& regs = device_->registers();
  for (const LoadedRegister& r : loaded_registers(engine)) {
    if (!r.saved || !user_may_write(engine, r.offset)) continue;
    const uint32_t now = shared_.gpu.read_register(r.offset);
    regs.set(r.offset, r.form == LoadedRegister::Form::masked ? now & 0xffff : now);
  }
}

/// Is the register open to this vGPU's user batches, by hardware or by its own choice?
bool Vgpu::user_may_write(EngineId engine, uint32_t offset) const {
  constexpr uint32_t kVfSkpd = 0x2470;
  if (offset == kVfSkpd || may_read_register(engine, Rules::privileged, offset)) return true;
  for (uint32_t slot = 0; slot < 48; slot += 4) {
    const uint32_t open =
        device_->registers().get(engine_reg(engine, rel::kForceToNonpriv0 + slot));
    if ((open & kNonprivAddress) == offset) return true;
  }
  return false;
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

// SPDX-License-Identifier: MIT
// What the GPU says: interrupts, context status, faults, errors; translated into GpuEvents.
#include <algorithm>
#include <atomic>

#include "dom0/gpu/driver/driver.h"

namespace gpu {
namespace {

using mediator::GpuEventKind;

constexpr uint32_t kFaultValid = 1;
constexpr uint32_t kIirs[] = {0x44308, 0x44318, 0x44338};  // of the four engines

uint32_t load_shared(std::byte* p) {
  return std::atomic_ref(*reinterpret_cast<uint32_t*>(p)).load(std::memory_order_acquire);
}

}  // namespace

uint32_t Driver::running_id(EngineId e) const {
  // Where the GPU is looked at seldom, who it was that did it is not known for sure.
  if (config_.silicon && engines_[gen9::index(e)].moved_ns > looked_before_ns_)
    return mediator::kNobodysContext;
  const uint64_t running = ports(e).running();
  const uint64_t idle = engines_[gen9::index(e)].idle->descriptor();
  return running == idle ? 0 : static_cast<uint32_t>(running >> 32);
}

void Driver::emit(GpuEventKind kind, EngineId e, uint32_t context_id, uint64_t detail) {
  events_.push_back({kind, e, context_id, detail, device_.now_ns()});
}

size_t Driver::poll(std::span<mediator::GpuEvent> events) {
  if (started_ && !wedged_) {
    // Interrupts are cleared before the status buffers are read: what comes later asserts again.
    if (look_due()) {
      if (interrupts_pending() && !wedged_) service_interrupts();
      // Before contexts are seen to leave: what is wrong is said of the one that did it.
      if (!wedged_) service_fault();
    }
    for (EngineId e : gen9::kAllEngines) service_csb(e);
  }
  const size_t n = std::min(events.size(), events_.size());
  std::copy_n(events_.begin(), n, events.begin());
  events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(n));
  return n;
}

void Driver::service_interrupts() {
  bool silenced = false;
  for (uint32_t iir : kIirs) {
    const uint32_t bits = device_.read32(iir);
    if (!bits) continue;
    // The message is sent on an edge of the master's output, so it must be low meanwhile.
    if (!silenced && is_heard()) device_.write32(gen9::kMasterIrq, 0);
    silenced = true;
    device_.write32(iir, bits);
    for (EngineId e : gen9::kAllEngines) {
      if (gen9::info(e).gt_iir != iir) continue;
      service_engine_interrupt(e, bits >> gen9::info(e).irq_shift & 0xffff);
    }
  }
  if (silenced && is_heard()) device_.write32(gen9::kMasterIrq, gen9::kMasterIrqEnable);
}

void Driver::service_engine_interrupt(EngineId e, uint32_t bits) {
  if (bits & gen9::irq::kUser) emit(GpuEventKind::user_interrupt, e, 0, 0);
  if (bits & gen9::irq::kPipeControlNotify) emit(GpuEventKind::pipe_control_notify, e, 0, 0);
  if (bits & gen9::irq::kCsError) {
    emit(GpuEventKind::command_error, e, running_id(e), read_engine(e, gen9::rel::kIpehr));
    write_engine(e, gen9::rel::kEir, ~0u);
  }
}

void Driver::service_csb(EngineId e) {
  if (read_csb(e)) write_elsp(e);
}

unsigned Driver::status_tail(EngineId e) const {
  const Engine& state = engines_[gen9::index(e)];
  const unsigned tail = load_shared(state.hwsp.cpu + kHwspCsbWrite) & 7;
  return tail < gen9::kCsbEntries ? tail : state.csb_head;
}

bool Driver::read_csb(EngineId e) {
  Engine& state = engine(e);
  const unsigned tail = status_tail(e);
  if (tail == state.csb_head) return false;
  moved(e);
  Departures gone;
  while (state.csb_head != tail) {
    state.csb_head = (state.csb_head + 1) % gen9::kCsbEntries;
    std::byte* entry = state.hwsp.cpu + kHwspCsb + 8 * state.csb_head;
    ++state.switches;
    gone.clear();
    state.ports.on_event(load_shared(entry), load_shared(entry + 4), gone);
    // Whatever a context had to say was said before it left; an interrupt too many harms nobody.
    if (config_.silicon && !gone.empty()) emit(GpuEventKind::user_interrupt, e, 0, 0);
    for (const Departure& d : gone) {
      emit(d.complete ? GpuEventKind::context_complete : GpuEventKind::context_preempted, e,
           static_cast<uint32_t>(d.descriptor >> 32), 0);
    }
  }
  return true;
}

void Driver::service_fault() {
  const uint32_t fault = device_.read32(gen9::kRingFault);
  if (!(fault & kFaultValid)) return;
  const uint64_t low = device_.read32(gen9::kFaultTlbData0);
  const uint64_t high = device_.read32(gen9::kFaultTlbData1) & 0xf;
  device_.write32(gen9::kRingFault, fault & ~kFaultValid);
  device_.read32(gen9::kRingFault);
  const unsigned id = fault >> 12 & 7;
  for (EngineId e : gen9::kAllEngines) {
    if (gen9::info(e).fault_id == id)
      emit(GpuEventKind::fault, e, running_id(e), high << 44 | low << 12);
  }
}

}  // namespace gpu

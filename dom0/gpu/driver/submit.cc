// SPDX-License-Identifier: MIT
// Contexts to the engine: ELSP writes and preemption. SKL PRM vol 2c (EXECLIST_SUBMITPORT).
#include <atomic>
#include <utility>

#include "dom0/gpu/driver/driver.h"

namespace gpu {

hv::Status Driver::submit(EngineId e, std::span<const uint64_t> descriptors) {
  if (auto s = usable(); !s) return s;
  if (auto s = engine(e).ports.queue(descriptors); !s) return s;
  write_elsp(e);
  return {};
}

hv::Status Driver::preempt(EngineId e) {
  if (auto s = usable(); !s) return s;
  engine(e).ports.request_preempt();
  write_elsp(e);
  return {};
}

void Driver::write_elsp(EngineId e) {
  Engine& state = engine(e);
  const Bundle bundle = state.ports.take_ready();
  if (!bundle.empty()) submit_bundle(e, bundle);
}

void Driver::submit_bundle(EngineId e, const Bundle& bundle) {
  Engine& state = engine(e);
  const bool ours = bundle.front() == state.idle->descriptor();
  if (ours) state.idle->rearm();
  state.walked = true;
  moved(e);
  // Images and rings must be in memory before the engine is told of them.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (config_.silicon) flush_ggtt();
  const uint64_t second = bundle.size() > 1 ? bundle[1] : 0;
  for (uint64_t descriptor : {second, bundle[0]}) {
    write_engine(e, gen9::rel::kElsp, static_cast<uint32_t>(descriptor >> 32));
    write_engine(e, gen9::rel::kElsp, static_cast<uint32_t>(descriptor));
  }
  if (!ours) count(e, bundle.front());
}

void Driver::count(EngineId e, uint64_t descriptor) {
  const hv::VgpuId user = mediator::owner_of_host_id(static_cast<uint32_t>(descriptor >> 32));
  const auto before = std::exchange(engine(e).user, user);
  const uint64_t accesses = device_.bus_accesses();
  ++counts_.submissions;
  if (before && *before != user) {
    ++counts_.switches;
    counts_.switch_accesses += accesses - accesses_;
  }
  accesses_ = accesses;
}

}  // namespace gpu

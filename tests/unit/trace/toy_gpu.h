// SPDX-License-Identifier: MIT
// A host GPU that does nothing but answer.
#pragma once

#include <algorithm>
#include <vector>

#include "mediator/host_gpu.h"
#include "tests/fake/fake_gpu_memory.h"

namespace fake {

struct ToyGpu final : BasicGpuMemory<mediator::HostGpu> {
  std::vector<mediator::GpuEvent> pending;
  uint64_t steps = 0;
  hv::Status answer;

  mediator::GpuInfo gpu_info() override {
    mediator::GpuInfo i;
    i.ggtt_free_base = 0x100000;
    i.ggtt_free_bytes = 0x200000;
    return i;
  }
  hv::Status submit(gen9::EngineId, std::span<const uint64_t>) override { return answer; }
  hv::Status preempt(gen9::EngineId) override { return answer; }
  hv::Status reset_engine(gen9::EngineId) override { return answer; }
  uint64_t progress(gen9::EngineId) override { return ++steps; }
  hv::Status load_registers(gen9::EngineId, std::span<const mediator::RegisterValue>) override {
    return answer;
  }
  uint32_t read_register(uint32_t offset) override { return offset + 1; }
  size_t poll(std::span<mediator::GpuEvent> events) override {
    const size_t n = std::min(events.size(), pending.size());
    std::copy_n(pending.begin(), n, events.begin());
    pending.erase(pending.begin(), pending.begin() + static_cast<long>(n));
    return n;
  }
};

}  // namespace fake

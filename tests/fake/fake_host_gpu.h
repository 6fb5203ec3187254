// SPDX-License-Identifier: MIT
// A host GPU that runs a context when told to: finish() moves its head to its tail in the image, as
// silicon would have saved it. It can also be deaf to preemption, fail, or hang.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "mediator/host_gpu.h"
#include "shadow/gen9/context_image.h"
#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"
#include "tests/fake/fake_gpu_memory.h"

namespace fake {

class FakeHostGpu final : public BasicGpuMemory<mediator::HostGpu> {
 public:
  struct Submission {
    gen9::EngineId engine;
    std::vector<uint64_t> descriptors;
  };

  // What tests set.
  bool obeys_preemption = true;
  unsigned fail_submits = 0;  ///< that many later submits answer busy
  bool fail_loads = false;
  std::map<uint32_t, uint32_t> registers;  ///< what reads give
  uint64_t progress_value = 0;
  uint64_t now_ns = 0;

  // What tests look at.
  std::vector<Submission> submissions;
  std::vector<uint64_t> running[gen9::kEngines];
  unsigned resets = 0, preempt_requests = 0, register_loads = 0;
  std::map<uint32_t, uint32_t> loaded;  ///< last value per register

  mediator::GpuInfo gpu_info() override {
    mediator::GpuInfo info;
    info.ggtt_free_base = 16u << 20;
    info.ggtt_free_bytes = 256u << 20;
    return info;
  }
  hv::Status submit(gen9::EngineId e, std::span<const uint64_t> descriptors) override {
    if (fail_submits > 0) {
      --fail_submits;
      return hv::Error::busy;
    }
    running[gen9::index(e)].assign(descriptors.begin(), descriptors.end());
    submissions.push_back({e, running[gen9::index(e)]});
    return {};
  }
  hv::Status preempt(gen9::EngineId e) override {
    ++preempt_requests;
    if (obeys_preemption) leave(e, mediator::GpuEventKind::context_preempted);
    return {};
  }
  hv::Status reset_engine(gen9::EngineId e) override {
    ++resets;
    running[gen9::index(e)].clear();
    return {};
  }
  uint64_t progress(gen9::EngineId) override { return progress_value; }
  hv::Status load_registers(gen9::EngineId,
                            std::span<const mediator::RegisterValue> values) override {
    ++register_loads;
    if (fail_loads) return hv::Error::io;
    for (const auto& v : values) loaded[v.offset] = v.value;
    return {};
  }
  uint32_t read_register(uint32_t offset) override {
    const auto it = registers.find(offset);
    return it == registers.end() ? 0 : it->second;
  }
  /// One block of loads (default_loads) and, in the pages behind, kDefaultByte.
  void default_image(gen9::EngineId e, unsigned page, std::span<std::byte> to) override {
    std::fill(to.begin(), to.end(), page == 1 ? std::byte{0} : kDefaultByte);
    if (page != 1) return;
    const auto put = [&](unsigned dword, uint32_t v) { hv::store(to.data() + dword * 4, v); };
    unsigned at = gen9::ctx::kEngineState;
    const unsigned own = e == gen9::EngineId::rcs ? 4 : 2;
    put(at++, 0x22u << 23 | 1u << 12 | (own * 2 - 1));
    for (unsigned i = 0; i < own; ++i, at += 2)
      put(at, i < 2 ? gen9::engine_reg(e, kDefaultLoads[i]) : kDefaultLoads[i]);
    put(at, 0x0au << 23);
  }
  /// Relative to the engine's base; then the render engine's CS_CHICKEN1 and CACHE_MODE_0.
  static constexpr uint32_t kDefaultLoads[] = {0x94, 0x600, 0x2580, 0x7000};
  static constexpr std::byte kDefaultByte{0x5a};
  size_t poll(std::span<mediator::GpuEvent> out) override {
    size_t n = 0;
    for (; n < out.size() && !events_.empty(); ++n) {
      out[n] = events_.front();
      events_.pop_front();
    }
    return n;
  }

  /// Everything on the engine runs to its tail.
  void finish(gen9::EngineId e) {
    for (const uint64_t d : running[gen9::index(e)]) {
      const uint32_t tail = image_dword(d, gen9::ctx::kRingTail);
      set_image_dword(d, gen9::ctx::kRingHead, tail);
    }
    leave(e, mediator::GpuEventKind::context_complete);
  }
  void raise(gen9::EngineId e, mediator::GpuEventKind kind, uint64_t detail = 0, uint32_t id = 0) {
    events_.push_back({kind, e, id, detail, now_ns});
  }
  /// The dword at a host GGTT address, as the GPU would fetch it.
  uint32_t fetch(uint64_t address) {
    const auto& page = pages[gen9::pte_frame(ggtt_entry(address >> 12)).v];
    return hv::load<uint32_t>(page.bytes.data() + (address & hv::kPageMask & ~uint64_t{3}));
  }
  uint32_t image_dword(uint64_t descriptor, unsigned dword) {
    return fetch(state_page(descriptor) + dword * 4);
  }
  void set_image_dword(uint64_t descriptor, unsigned dword, uint32_t value) {
    auto& page = pages[gen9::pte_frame(ggtt_entry(state_page(descriptor) >> 12)).v];
    hv::store(page.bytes.data() + dword * 4, value);
  }

 private:
  static uint64_t state_page(uint64_t descriptor) {
    return (descriptor & gen9::descriptor::Lrca::mask) + hv::kPageSize;
  }
  void leave(gen9::EngineId e, mediator::GpuEventKind kind) {
    for (const uint64_t d : running[gen9::index(e)]) {
      const auto id = static_cast<uint32_t>(gen9::descriptor::ContextId::get(d));
      events_.push_back({kind, e, id, 0, now_ns});
    }
    running[gen9::index(e)].clear();
  }
  std::deque<mediator::GpuEvent> events_;
};

}  // namespace fake

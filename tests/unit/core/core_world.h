// SPDX-License-Identifier: MIT
// Guests of a real Mediator on a fake host GPU: contexts and rings laid out by hand.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "hv/local/machine.h"
#include "mediator/mediator.h"
#include "shadow/gen9/context_image.h"
#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"
#include "tests/fake/fake_host_gpu.h"

namespace core_test {

using gen9::EngineId;
namespace rel = gen9::rel;

struct ManualClock final : hv::Clock {
  uint64_t now_ns() override { return now; }
  uint64_t now = 1000;
};

// Guest frame n stands at GGTT page n; a context's ring follows its image.
inline constexpr uint64_t kRamBytes = 16u << 20;
inline constexpr uint32_t kStatusPage = 0x10000;
inline constexpr uint32_t kNoop = 0, kStoreDwordGgtt = 0x20u << 23 | 1u << 22 | 2;

class Guest {
 public:
  Guest(hv::local::Machine& machine, mediator::Mediator& mediator, uint16_t id)
      : domain(machine, hv::DomId{id}, "guest", kRamBytes), mediator_(mediator) {
    vgpu = mediator.create_vgpu(domain, {}).value();
    traps = mediator.traps(vgpu);
    domain.attach(traps);
    (void)traps->on_read(hv::Range::bar0, gen9::kPvInfo, 8);
    for (uint64_t page = 0; page < kRamBytes >> 12; ++page)
      traps->on_write(hv::Range::bar0, gen9::kGttOffset + page * 8, 8, page << 12 | 1);
    mmio(EngineId::rcs, rel::kRingMode, hv::masked_enable(gen9::kModeRunListEnable));
    mmio(EngineId::rcs, rel::kHwsPga, kStatusPage);
    mmio(EngineId::rcs, rel::kImr, 0);  // it waits for what it submits
    mmio(EngineId::rcs, rel::kCsbPtr, 0xffffu << 16 | 5u << 8 | 5);
  }
  void mmio(EngineId e, uint32_t reg, uint32_t value) {
    traps->on_write(hv::Range::bar0, gen9::engine_reg(e, reg), 4, value);
  }
  void store(uint64_t gpa, uint32_t value) { domain.cpu_write(hv::Gpa{gpa}, 4, value); }
  uint32_t load(uint64_t gpa) { return static_cast<uint32_t>(domain.cpu_read(hv::Gpa{gpa}, 4)); }

  /// A restore-inhibited context at GGTT (and guest-physical) address `lrca`, with a 4 KiB ring
  /// behind its 22 pages and an empty PPGTT.
  void make_context(uint64_t lrca) {
    const uint64_t state = lrca + 0x1000;
    store(state + gen9::ctx::kContextControl * 4, 0x90009);
    store(state + gen9::ctx::kRingStart * 4, static_cast<uint32_t>(ring(lrca)));
    store(state + gen9::ctx::kRingCtl * 4, 1);
    store(state + gen9::ctx::kPdp0Ldw * 4, 0x20000);
  }
  static uint64_t ring(uint64_t lrca) { return lrca + 22 * 0x1000; }
  /// Appends commands and moves the image's tail.
  void emit(uint64_t lrca, std::initializer_list<uint32_t> commands) {
    const uint64_t tail_at = lrca + 0x1000 + gen9::ctx::kRingTail * 4;
    uint32_t tail = load(tail_at);
    for (const uint32_t dword : commands) {
      store(ring(lrca) + tail, dword);
      tail = (tail + 4) & 0xfff;
    }
    store(tail_at, tail);
  }
  static uint64_t descriptor(uint64_t lrca, uint32_t id) {
    return uint64_t{id} << 32 | lrca | 3u << 3 | 0x101;
  }
  void submit(uint64_t first, uint64_t second = 0, EngineId engine = EngineId::rcs) {
    for (const uint64_t d : {second, first}) {
      mmio(engine, rel::kElsp, static_cast<uint32_t>(d >> 32));
      mmio(engine, rel::kElsp, static_cast<uint32_t>(d));
    }
  }
  /// Status buffer events so far: (event, id) pairs from the HWSP.
  uint32_t csb_event(unsigned n) { return load(kStatusPage + (0x10 + 2 * n) * 4); }
  uint32_t csb_write_index() { return load(kStatusPage + 0x1f * 4); }
  mediator::VgpuStats stats() { return mediator_.stats(vgpu); }

  hv::local::LocalDomain domain;
  hv::VgpuId vgpu{};
  hv::TrapHandler* traps = nullptr;

 private:
  mediator::Mediator& mediator_;
};

struct CoreWorld : testing::Test {
  fake::FakeHostGpu gpu;
  ManualClock clock;
  mediator::MediatorConfig config{.slice_ns = 1'000'000};
  hv::local::Machine machine{256u << 20};
  std::unique_ptr<mediator::Mediator> mediator;
  std::vector<std::unique_ptr<Guest>> guests;

  void SetUp() override { mediator = std::make_unique<mediator::Mediator>(gpu, clock, config); }
  void TearDown() override {
    for (auto& g : guests) mediator->destroy_vgpu(g->vgpu);
    EXPECT_EQ(gpu.violations, 0u);
  }
  Guest& add_guest() {
    guests.push_back(
        std::make_unique<Guest>(machine, *mediator, static_cast<uint16_t>(guests.size() + 1)));
    return *guests.back();
  }
  void finish() {
    gpu.finish(EngineId::rcs);
    mediator->poll();
  }
  double gpu_speed = 1;  ///< of its own clock
  void advance(uint64_t ns) {
    clock.now += ns;
    gpu.registers[gen9::engine_reg(EngineId::rcs, rel::kTimestamp)] +=
        static_cast<uint32_t>(static_cast<double>(ns) * gpu_speed * gen9::kTimestampMhz / 1000);
    gpu.now_ns = clock.now;
    mediator->poll();
  }
};

}  // namespace core_test

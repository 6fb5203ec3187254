// SPDX-License-Identifier: MIT
// A register write as the mediator pays for it: dispatch, masks and storage, no exit.
#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "mediator/device_model.h"
#include "shadow/gen9/regs.h"

namespace {

class NullSink final : public mediator::DeviceSink {
 public:
  void elsp_write(gen9::EngineId, uint32_t) override {}
  void ring_mode_changed(gen9::EngineId, bool) override {}
  void status_page_changed(gen9::EngineId, uint32_t) override {}
  void reset_engines(gen9::EngineMask, bool) override {}
  void g2v_notify(uint32_t, std::span<const uint64_t, 4>) override {}
  void tlb_invalidate(gen9::EngineId) override {}
  uint32_t live_register(uint32_t) override { return 0; }
  void enter_failsafe(mediator::FailsafeReason) override {}
  void bar_changed(hv::Range, bool, uint64_t, uint64_t) override {}
  void raise_msi(uint64_t, uint32_t) override {}
  uint64_t now_ns() override { return 0; }
};

// Registers that i915 writes and nothing hangs on: watermarks, display buffers, software flags,
// workaround chickens; far apart, so that caches see what a guest's mixture costs.
constexpr std::array<uint32_t, 8> kPlain{0x70240, 0x7017c, 0x4f100, 0x42080,
                                         0x9400,  0x7004,  0xc800,  0x46530};

void plain_register_write_ns(benchmark::State& state) {
  std::vector<std::byte> memory(gen9::kMmioBytes);
  NullSink sink;
  mediator::DeviceModel model({}, memory, sink);
  uint32_t value = 0;
  for (auto _ : state)
    for (const uint32_t offset : kPlain) model.mmio_write(offset, 4, value += 0x10001);
  benchmark::DoNotOptimize(memory.data());
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kPlain.size()));
}
BENCHMARK(plain_register_write_ns);

}  // namespace

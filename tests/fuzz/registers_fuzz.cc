// SPDX-License-Identifier: MIT
// Registers, configuration space and timers of one vGPU, against any access of any size. Input:
// operations of 16 bytes.
#include "mediator/device_model.h"
#include "mediator/register_table.h"
#include "mediator/scanner.h"
#include "shadow/gen9/regs.h"
#include "tests/fuzz/fuzz.h"

namespace {

constexpr uint64_t kPvMagic = 0x4776544776544776;

/// Counts what the model asks for; answers plainly.
class Sink final : public mediator::DeviceSink {
 public:
  void elsp_write(gen9::EngineId, uint32_t) override {}
  void ring_mode_changed(gen9::EngineId, bool) override {}
  void status_page_changed(gen9::EngineId, uint32_t address) override {
    FUZZ_REQUIRE((address & 0xfff) == 0);
  }
  void reset_engines(gen9::EngineMask, bool full) override { reset_full_ |= full; }
  void g2v_notify(uint32_t, std::span<const uint64_t, 4>) override {}
  void tlb_invalidate(gen9::EngineId) override {}
  uint32_t live_register(uint32_t) override { return static_cast<uint32_t>(now_); }
  void enter_failsafe(mediator::FailsafeReason) override { failsafe_ = true; }
  void bar_changed(hv::Range, bool, uint64_t base, uint64_t bytes) override {
    FUZZ_REQUIRE(bytes == 0 || base % bytes == 0);
  }
  void fence_changed(uint64_t) override {}
  bool opregion_wanted(uint32_t address) override { return address & 0x1000; }
  void raise_msi(uint64_t, uint32_t) override { ++interrupts_; }
  uint64_t now_ns() override { return now_; }

  uint64_t now_ = 0, interrupts_ = 0;
  bool failsafe_ = false, reset_full_ = false;
};

// Half of the time a register that has a row, with its neighbourhood.
uint64_t offset_from(uint32_t raw) {
  const auto table = mediator::register_table();
  if ((raw & 1) == 0) return (raw >> 1) % gen9::kMmioBytes;
  const auto& row = table[(raw >> 4) % table.size()];
  return (row.offset + (raw >> 1) % 8) % gen9::kMmioBytes;
}

void step(FuzzInput& in, mediator::DeviceModel& model, Sink& sink) {
  const auto op = in.take<uint8_t>();
  const unsigned size = 1U << in.take<uint8_t>() % 4;
  const auto which = in.take<uint16_t>();
  const auto raw = in.take<uint32_t>();
  const auto value = in.take<uint64_t>();
  uint64_t at = offset_from(raw);
  if (at + size > gen9::kMmioBytes) at = gen9::kMmioBytes - size;
  const uint64_t config = which % (256 - size + 1);
  switch (op % 8) {
    case 0: (void)model.mmio_read(at, size); break;
    case 1: (void)model.config_read(config, size); break;
    case 2: model.config_write(config, size, value); break;
    case 3:
      sink.now_ += value % 50'000'000;
      model.run_timers(sink.now_);
      FUZZ_REQUIRE(model.next_deadline_ns() > sink.now_);
      break;
    case 4: {
      const auto engine = gen9::kAllEngines[which % gen9::kEngines];
      const auto reg = static_cast<uint32_t>(at & ~uint64_t{3});
      if (mediator::may_write_register(engine, mediator::Rules::privileged, reg))
        model.command_write(reg, static_cast<uint32_t>(value));
      break;
    }
    case 5:
      if (which % 16 == 0)
        model.display_flip(which >> 8, raw, static_cast<uint32_t>(value), op & 64);
      if (which % 64 == 1) model.reset(op & 64);
      if (which % 64 == 2) model.set_failsafe(op & 64);
      (void)model.primary_plane(which % 3);
      (void)model.cursor_plane(which % 3);
      (void)model.fence(which);
      break;
    default: model.mmio_write(at, size, value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static std::vector<std::byte> memory(gen9::kMmioBytes);
  std::fill(memory.begin(), memory.end(), std::byte{});
  Sink sink;
  mediator::DeviceModel model({}, memory, sink);
  FuzzInput in(data, size);
  while (!in.empty()) step(in, model, sink);
  // Whatever was written, the guest still finds the same GPU, or a dead one.
  if (!sink.failsafe_) {
    model.set_failsafe(false);
    FUZZ_REQUIRE(model.mmio_read(gen9::kPvInfo, 8) == kPvMagic);
    FUZZ_REQUIRE(model.config_read(0, 4) == 0x19128086);
  }
  std::vector<std::byte> state;
  model.encode(state);
  FUZZ_REQUIRE(!state.empty());
  return 0;
}

std::vector<std::vector<uint8_t>> fuzz_seeds() {
  const auto write = [](std::vector<uint8_t>& out, uint32_t reg, uint32_t value) {
    append(out, uint8_t{7}, uint8_t{2}, uint16_t{0}, reg << 1, uint64_t{value});
  };
  std::vector<uint8_t> start;
  append(start, uint8_t{0}, uint8_t{3}, uint16_t{0}, gen9::kPvInfo << 1, uint64_t{0});
  write(start, 0x2080, 0x1000);
  write(start, 0x229c, 0x80008000);
  for (const uint32_t v : {0U, 0U, 0U, 0x1019U}) write(start, 0x2230, v);
  write(start, gen9::kGdrst, 2);
  std::vector<uint8_t> display;
  for (const uint32_t reg :
       {0x45404U, 0x46010U, 0x70008U, 0x70180U, 0x7019cU, 0x64010U, 0xc5100U, 0xc5104U})
    write(display, reg, 0x80000001);
  append(display, uint8_t{3}, uint8_t{0}, uint16_t{0}, uint32_t{0}, uint64_t{40'000'000});
  return {start, display};
}

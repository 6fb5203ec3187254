// SPDX-License-Identifier: MIT
// HostGpu with a journal in between; one class for recording and replaying.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "hv/trace/journal.h"
#include "mediator/host_gpu.h"

namespace mediator::trace {

/// Events as they stand in a trace: each a fixed-size little-endian structure.
struct StoredEvent {
  uint8_t kind = 0, engine = 0;
  uint16_t reserved = 0;
  uint32_t context_id = 0;
  uint64_t detail = 0, time_ns = 0;
};
static_assert(sizeof(StoredEvent) == 24);

class TracedGpu final : public HostGpu {
 public:
  /// `live` is nullptr in a replay.
  TracedGpu(HostGpu* live, hv::trace::Journal& journal) : live_(live), journal_(journal) {}
  using EventHook = std::function<void(std::span<const GpuEvent> events)>;
  /// Called with what each poll of a live GPU gave, recorded or not.
  void after_poll(EventHook hook) { after_poll_ = std::move(hook); }
  using SubmitHook = std::function<void(EngineId engine, std::span<const uint64_t> descriptors)>;
  /// Called after each submission that was taken, and with nothing after each reset; in a replay
  /// too.
  void after_submit(SubmitHook hook) { after_submit_ = std::move(hook); }

  hv::Result<hv::BusFrame> alloc_page(shadow::PageUse use, hv::VgpuId owner) override;
  void free_page(hv::BusFrame frame) override;
  void write_page(hv::BusFrame frame, unsigned offset, std::span<const std::byte> from) override;
  void read_page(hv::BusFrame frame, unsigned offset, std::span<std::byte> to) override;
  bool page_equals(hv::BusFrame frame, unsigned offset, std::span<const std::byte> with) override;
  void write_entry(hv::BusFrame frame, unsigned index, uint64_t entry) override;
  void write_ggtt(uint64_t first, std::span<const uint64_t> entries) override;
  hv::Status invalidate_tlbs() override;

  [[nodiscard]] GpuInfo gpu_info() override;
  hv::Status submit(EngineId engine, std::span<const uint64_t> descriptors) override;
  hv::Status preempt(EngineId engine) override;
  hv::Status reset_engine(EngineId engine) override;
  uint64_t progress(EngineId engine) override;
  hv::Status load_registers(EngineId engine, std::span<const RegisterValue> values) override;
  uint32_t read_register(uint32_t offset) override;
  void default_image(EngineId engine, unsigned page, std::span<std::byte> to) override;
  size_t poll(std::span<GpuEvent> events) override;

 private:
  template <class Live>
  void tell(hv::trace::Kind kind, hv::trace::Journal::Args args, std::span<const std::byte> sent,
            Live&& live);
  GpuInfo replay_info();
  size_t replay_poll(std::span<GpuEvent> events);

  HostGpu* live_;
  hv::trace::Journal& journal_;
  EventHook after_poll_;
  SubmitHook after_submit_;
  std::vector<StoredEvent> scratch_;
  std::optional<GpuInfo> info_;  ///< replay: as answered
};

}  // namespace mediator::trace

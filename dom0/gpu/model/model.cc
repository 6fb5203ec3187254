// SPDX-License-Identifier: MIT
// The device port in front of the model's core.
#include "dom0/gpu/model/model.h"

#include "dom0/gpu/model/core.h"
#include "dom0/gpu/model/engine.h"
#include "dom0/gpu/model/fences.h"

namespace gpu::model {

struct Model::Impl {
  Impl(DmaBus& bus, const Config& config) : core(bus, config) {}
  /// The fence registers as they stand now.
  std::array<uint64_t, gen9::kFences> fences() {
    std::array<uint64_t, gen9::kFences> all;
    for (unsigned i = 0; i < gen9::kFences; ++i) all[i] = core.regs.get64(gen9::kFence0 + 8 * i);
    return all;
  }
  /// Clips an aperture access to the aperture.
  template <class T>
  static std::span<T> clip(uint64_t offset, std::span<T> bytes) {
    if (offset >= gen9::kApertureBytes) return {};
    return bytes.first(std::min<uint64_t>(bytes.size(), gen9::kApertureBytes - offset));
  }
  Core core;
};

Model::Model(DmaBus& bus, const Config& config) : impl_(std::make_unique<Impl>(bus, config)) {}
Model::~Model() = default;

uint16_t Model::device_id() const { return impl_->core.config.device_id; }
uint8_t Model::revision() const { return impl_->core.config.revision; }
const Config& Model::config() const { return impl_->core.config; }

uint32_t Model::read32(uint32_t offset) {
  constexpr uint32_t kClock = gen9::engine_reg(gen9::EngineId::rcs, gen9::rel::kTimestamp);
  const Core& core = impl_->core;
  // What the CPU reads is the GPU's clock also where commands read their context's.
  if (core.config.context_time && offset == kClock) return static_cast<uint32_t>(ticks(core.now));
  return impl_->core.read(offset);
}
void Model::write32(uint32_t offset, uint32_t value) { impl_->core.write(offset, value); }

uint64_t Model::read64(uint32_t offset) {
  return read32(offset) | static_cast<uint64_t>(read32(offset + 4)) << 32;
}

void Model::write64(uint32_t offset, uint64_t value) {
  write32(offset, static_cast<uint32_t>(value));
  write32(offset + 4, static_cast<uint32_t>(value >> 32));
}

uint64_t Model::read_ggtt(uint64_t index) { return impl_->core.fabric.ggtt.get(index); }
void Model::write_ggtt(uint64_t index, uint64_t entry) {
  impl_->core.fabric.ggtt.set(index, entry);
}

uint64_t Model::aperture_bytes() const { return gen9::kApertureBytes; }

void Model::read_aperture(uint64_t offset, std::span<std::byte> to) {
  std::fill(to.begin(), to.end(), std::byte{0xff});  // beyond the aperture nothing answers
  const auto part = Impl::clip(offset, to);
  if (part.empty()) return;
  ApertureMemory memory(impl_->core.fabric);
  model::read_aperture(impl_->fences(), offset, part, memory);
}

void Model::write_aperture(uint64_t offset, std::span<const std::byte> from) {
  const auto part = Impl::clip(offset, from);
  if (part.empty()) return;
  ApertureMemory memory(impl_->core.fabric);
  model::write_aperture(impl_->fences(), offset, part, memory);
}

hv::Result<DmaPage> Model::alloc_dma() { return impl_->core.fabric.bus.alloc(); }
void Model::free_dma(hv::BusFrame frame) { impl_->core.fabric.bus.free(frame); }
bool Model::interrupt_pending() { return impl_->core.irq.line(); }
uint64_t Model::now_ns() { return impl_->core.now; }
void Model::pause_ns(uint64_t ns) { advance_to(impl_->core.now + ns); }

void Model::advance_to(uint64_t ns) { impl_->core.advance_to(ns); }
uint64_t Model::advance_until_interrupt(uint64_t ns) {
  return impl_->core.advance_until_interrupt(ns);
}
uint64_t Model::next_event_ns() const { return impl_->core.next_event_ns(); }

uint64_t Model::busy_ns(gen9::EngineId engine) const {
  return impl_->core.engine(engine).busy_ns();
}

void Model::set_dma_observer(DmaObserver* observer) { impl_->core.fabric.observer = observer; }
void Model::set_state_observer(StateObserver* observer) { impl_->core.fabric.state = observer; }
void Model::set_command_observer(CommandObserver* observer) { impl_->core.observer = observer; }

}  // namespace gpu::model

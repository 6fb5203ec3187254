// SPDX-License-Identifier: MIT
// A small world around a model GPU: memory behind a fake DMA bus, GGTT and PPGTT mappings, contexts
// with rings, submission through ELSP. For the tests of the model and of what drives it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "dom0/gpu/model/model.h"
#include "shadow/gen9/context_image.h"
#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"

namespace fake {

/// Memory by frame; allocation can be made to fail.
class DmaMemory final : public gpu::model::DmaBus {
 public:
  std::byte* page(hv::BusFrame frame) override;
  hv::Result<gpu::DmaPage> alloc() override;
  void free(hv::BusFrame frame) override;
  /// Aligned run of zeroed frames; the first.
  hv::BusFrame alloc_run(unsigned pages, unsigned align_pages = 1);
  [[nodiscard]] size_t frames_in_use() const { return pages_.size(); }
  unsigned fail_after = ~0u;  ///< allocations that still succeed

 private:
  using Page = std::array<std::byte, hv::kPageSize>;
  std::map<uint64_t, std::unique_ptr<Page>> pages_;
  uint64_t next_ = 0x10000;
};

/// A 4-level PPGTT in fake memory.
class Ppgtt {
 public:
  explicit Ppgtt(DmaMemory& memory) : memory_(memory), root_(memory.alloc_run(1)) {}
  [[nodiscard]] uint64_t root() const { return hv::bus_address(root_); }
  void map(uint64_t va, hv::BusFrame frame, bool writable = true);
  void map_64k(uint64_t va, hv::BusFrame first, bool writable = true);
  void map_2m(uint64_t va, hv::BusFrame first, bool writable = true);
  void unmap(uint64_t va);
  /// Fresh pages at `va`; the CPU's pointer to the first (pages are not contiguous for the CPU).
  std::byte* alloc(uint64_t va, unsigned pages = 1, bool writable = true);
  /// The entry of that level for `va`, made on demand.
  uint64_t* entry(uint64_t va, gen9::Level level);

 private:
  DmaMemory& memory_;
  hv::BusFrame root_;
};

using Dwords = std::vector<uint32_t>;

/// One logical ring context: image and ring in the GGTT.
struct Context {
  gen9::EngineId engine{};
  uint32_t lrca = 0, id = 0, ring = 0, ring_bytes = 0, tail = 0;
  [[nodiscard]] uint64_t descriptor() const {
    return static_cast<uint64_t>(id) << 32 | lrca | gen9::descriptor::kPrivileged | 3 << 3 |
           gen9::descriptor::kValid;
  }
};

struct CsbEvent {
  uint32_t status = 0, context_id = 0;
  friend bool operator==(const CsbEvent&, const CsbEvent&) = default;
};

class GpuWorld {
 public:
  explicit GpuWorld(const gpu::model::Config& config = {});

  /// Fresh pages mapped in the GGTT; their graphics address (never 0).
  uint32_t alloc_ggtt(unsigned pages = 1);
  /// CPU pointer behind a GGTT address (up to the end of its page).
  std::byte* ggtt(uint64_t address);
  uint32_t ggtt32(uint64_t address) { return hv::load<uint32_t>(ggtt(address)); }
  void set_ggtt32(uint64_t address, uint32_t value) { hv::store(ggtt(address), value); }
  [[nodiscard]] hv::BusFrame ggtt_frame(uint64_t address);

  /// A context with restore inhibit set and an empty ring.
  Context make_context(gen9::EngineId engine, uint64_t ppgtt_root, unsigned ring_pages = 1);
  /// Appends to the ring and moves the tail in the image (submit to make the GPU look).
  void emit(Context& context, std::span<const uint32_t> dwords);
  void emit(Context& context, std::initializer_list<uint32_t> dwords) {
    emit(context, std::span(dwords.begin(), dwords.size()));
  }
  uint32_t image(const Context& context, unsigned dword);
  void set_image(const Context& context, unsigned dword, uint32_t value);

  void submit(const Context& first);
  void submit(const Context& first, const Context& second);
  /// Until every engine is idle, waiting or halted, at most `ns` more.
  void run(uint64_t ns = 1'000'000'000);
  /// submit, then run.
  void execute(const Context& context) {
    submit(context);
    run();
  }
  [[nodiscard]] bool idle(gen9::EngineId engine);
  /// CSB entries written since the last call, read from the HWSP.
  std::vector<CsbEvent> csb(gen9::EngineId engine);
  uint32_t hwsp(gen9::EngineId engine) const { return hwsp_[gen9::index(engine)]; }
  uint32_t reg(gen9::EngineId engine, uint32_t rel) {
    return model.read32(gen9::engine_reg(engine, rel));
  }
  void set_reg(gen9::EngineId engine, uint32_t rel, uint32_t value) {
    model.write32(gen9::engine_reg(engine, rel), value);
  }
  /// Execlists on, HWSP set, interrupts unmasked; again after a reset.
  void enable(gen9::EngineId engine);

  DmaMemory memory;
  gpu::model::Model model;

 private:
  void write_elsp(gen9::EngineId engine, uint64_t first, uint64_t second);
  uint32_t next_ggtt_ = 0x100000, next_id_ = 1;
  std::array<uint32_t, gen9::kEngines> hwsp_{};
  std::array<unsigned, gen9::kEngines> csb_read_{};
};

/// Encodings of MI commands, so that tests read as streams.
namespace mi {
inline constexpr uint32_t kNoop = 0, kUserInterrupt = 0x02u << 23, kArbCheck = 0x05u << 23;
inline constexpr uint32_t kArbOff = 0x08u << 23, kArbOn = kArbOff | 1, kBatchEnd = 0x0au << 23;
inline constexpr uint32_t kGgtt = 1u << 22, kPpgttBatch = 1u << 8, kSecondLevel = 1u << 22;
inline uint32_t lo(uint64_t v) { return static_cast<uint32_t>(v); }
inline uint32_t hi(uint64_t v) { return static_cast<uint32_t>(v >> 32); }
inline Dwords store(uint64_t address, uint32_t value, bool ggtt = false) {
  return {0x20u << 23 | (ggtt ? kGgtt : 0) | 2, lo(address), hi(address), value};
}
inline Dwords store64(uint64_t address, uint64_t value, bool ggtt = false) {
  return {0x20u << 23 | (ggtt ? kGgtt : 0) | 1u << 21 | 3, lo(address), hi(address), lo(value),
          hi(value)};
}
inline Dwords lri(uint32_t offset, uint32_t value) { return {0x22u << 23 | 1, offset, value}; }
inline Dwords lrr(uint32_t from, uint32_t to) { return {0x2au << 23 | 1, from, to}; }
inline Dwords lrm(uint32_t offset, uint64_t address, bool ggtt = false) {
  return {0x29u << 23 | (ggtt ? kGgtt : 0) | 2, offset, lo(address), hi(address)};
}
inline Dwords srm(uint32_t offset, uint64_t address, bool ggtt = false) {
  return {0x24u << 23 | (ggtt ? kGgtt : 0) | 2, offset, lo(address), hi(address)};
}
inline Dwords batch_start(uint64_t address, uint32_t flags = kPpgttBatch) {
  return {0x31u << 23 | flags | 1, lo(address), hi(address)};
}
/// `compare` as in the PRM: 1 is memory >= value, 4 equal. Polling mode.
inline Dwords semaphore_wait(uint64_t address, uint32_t value, uint32_t compare = 1,
                             bool ggtt = false) {
  return {0x1cu << 23 | (ggtt ? kGgtt : 0) | 1u << 15 | compare << 12 | 2, value, lo(address),
          hi(address)};
}
/// PIPE_CONTROL with a post-sync write of `value`.
inline Dwords pipe_control(uint32_t flags, uint64_t address = 0, uint64_t value = 0) {
  return {0x7a000004, flags, lo(address), hi(address), lo(value), hi(value)};
}
inline Dwords flush_dw(uint32_t flags, uint64_t address = 0, uint64_t value = 0) {
  return {0x26u << 23 | flags | 3, lo(address), hi(address), lo(value), hi(value)};
}
/// Puts pieces one behind the other.
Dwords join(std::initializer_list<Dwords> pieces);
}  // namespace mi

/// Writes dwords at `to` (inside one page).
void put(std::byte* to, std::span<const uint32_t> dwords);

}  // namespace fake

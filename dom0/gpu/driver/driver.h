// SPDX-License-Identifier: MIT
// The host driver: the mediator's HostGpu over a GPU device. The same code runs the model and the
// silicon, so everything it does to the GPU it does through gpu::Device.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <vector>

#include "dom0/gpu/device.h"
#include "dom0/gpu/driver/idle_context.h"
#include "dom0/gpu/driver/memory.h"
#include "dom0/gpu/driver/ports.h"
#include "mediator/host_gpu.h"
#include "shadow/gen9/regs.h"

namespace gpu {

struct DriverConfig {
  /// Size of the GPU's GGTT (GMCH GGMS).
  uint64_t ggtt_bytes = uint64_t{4} << 30;
  /// Apply the hardware's work-arounds, and find events without interrupts: in the status pages,
  /// looking at registers only where a context stays for long.
  bool silicon = false;
  /// With silicon: somebody hears the interrupt line and calls interrupted().
  bool interrupts = false;
  /// So many bytes of the aperture, next to the driver's own, are for set_fence's user; the
  /// mediator gets what is above.
  uint64_t fenced_bytes = 0;
};

/// Where the driver's own GGTT range ends; then come DriverConfig::fenced_bytes.
inline constexpr uint64_t kOwnGgttBytes = 64 * hv::kPageSize;

/// Context ids the driver keeps for its own contexts; submit() refuses them.
inline constexpr uint32_t kIdleContextId = 0xffff0;  // + engine

// Hardware status page: six CSB entries of 8 bytes, and the index of the last one written.
inline constexpr unsigned kHwspCsb = 0x40, kHwspCsbWrite = 0x7c;

class Driver final : public mediator::HostGpu {
 public:
  using EngineId = gen9::EngineId;

  explicit Driver(Device& device, DriverConfig config = {});
  /// Resets the GPU and gives every page back.
  ~Driver() override;
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  /// Takes the GPU over: forcewake, full reset, memory, GGTT, engines, interrupts. Once, before
  /// anything else. no_memory, or io if the GPU does not answer in time.
  hv::Status start();
  /// The GPU no longer answers to resets: every later call fails with Error::gone.
  [[nodiscard]] bool wedged() const { return wedged_; }
  /// Nobody's context is on the engine or on its way to it.
  [[nodiscard]] bool idle(EngineId engine) const { return ports(engine).idle(); }
  /// What a host-owned page is for, and whose; nothing for other frames.
  [[nodiscard]] std::optional<shadow::PageUse> page_use(hv::BusFrame frame) const;
  [[nodiscard]] std::optional<hv::VgpuId> page_owner(hv::BusFrame frame) const;
  [[nodiscard]] uint64_t pages() const { return pages_.pages(); }
  /// CSB entries that fitted nothing submitted.
  [[nodiscard]] uint64_t unexpected_events(EngineId engine) const {
    return ports(engine).unexpected();
  }

  /// The GPU asserted its line: the next poll() finds out why, and acknowledges it.
  void interrupted() { asserted_ = true; }

  /// Fence register `n` of the GPU: what the CPU sees detiled through the aperture. Survives
  /// resets.
  void set_fence(unsigned n, uint64_t value);

  /// What was asked of the engines, for figures.
  struct Counts {
    uint64_t submissions = 0;  ///< bundles of users' contexts
    uint64_t loads = 0, loaded_registers = 0;
    uint64_t switches = 0;         ///< of them, those of another vGPU than the engine had last
    uint64_t switch_accesses = 0;  ///< of the bus, for these since the submission before each
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

  // shadow::GpuMemory
  hv::Result<hv::BusFrame> alloc_page(shadow::PageUse use, hv::VgpuId owner) override;
  void free_page(hv::BusFrame frame) override;
  void write_page(hv::BusFrame frame, unsigned offset, std::span<const std::byte> from) override;
  void read_page(hv::BusFrame frame, unsigned offset, std::span<std::byte> to) override;
  bool page_equals(hv::BusFrame frame, unsigned offset, std::span<const std::byte> with) override;
  void write_entry(hv::BusFrame frame, unsigned index, uint64_t entry) override;
  void write_ggtt(uint64_t first, std::span<const uint64_t> entries) override;
  hv::Status invalidate_tlbs() override;

  // mediator::HostGpu
  [[nodiscard]] mediator::GpuInfo gpu_info() override;
  hv::Status submit(EngineId engine, std::span<const uint64_t> descriptors) override;
  hv::Status preempt(EngineId engine) override;
  hv::Status reset_engine(EngineId engine) override;
  uint64_t progress(EngineId engine) override;
  hv::Status load_registers(EngineId engine,
                            std::span<const mediator::RegisterValue> values) override;
  uint32_t read_register(uint32_t offset) override;
  void default_image(EngineId engine, unsigned page, std::span<std::byte> to) override;
  size_t poll(std::span<mediator::GpuEvent> events) override;

 private:
  struct Engine {
    DmaPage hwsp{};
    uint64_t hwsp_address = 0;
    unsigned csb_head = gen9::kCsbEntries - 1;  ///< last entry read
    uint64_t moved_ns = 0;                      ///< a context came or went
    bool walked = true;              ///< page tables, since its translations were dropped
    uint64_t tell_ns = 0;            ///< when an interrupt is guessed
    std::optional<hv::VgpuId> user;  ///< whose contexts it had last
    uint64_t switches = 0;           ///< CSB entries seen, for progress()
    std::optional<IdleContext> idle;
    std::vector<std::byte> default_image;  ///< pages 1 and up
    ExeclistPorts ports{0};
  };
  Engine& engine(EngineId e) { return engines_[gen9::index(e)]; }
  [[nodiscard]] const ExeclistPorts& ports(EngineId e) const {
    return engines_[gen9::index(e)].ports;
  }
  [[nodiscard]] hv::Status usable() const;

  // mmio.cc
  uint32_t read_engine(EngineId e, uint32_t rel);
  void write_engine(EngineId e, uint32_t rel, uint32_t value);
  bool wait_for(uint32_t offset, uint32_t mask, uint32_t value, uint64_t timeout_us);

  // init.cc
  hv::Status take_forcewake();
  hv::Status make_scratch();
  hv::Status make_engines();
  void init_engine(EngineId e);
  void init_interrupts();
  void init_ppat();
  hv::Status take_default_image(EngineId e);

  // fences.cc
  void write_fence(unsigned n);

  // silicon.cc
  /// Interrupts go out, and somebody answers them.
  [[nodiscard]] bool is_heard() const { return !config_.silicon || config_.interrupts; }
  void init_workarounds();
  /// The device left the bus.
  bool vanished();
  /// A context came or went.
  void moved(EngineId e);
  /// A context is on the engine that is to be looked at.
  bool stays_long(EngineId e, uint64_t now);
  /// It is time to read registers that say what happened.
  bool look_due();
  bool interrupts_pending();

  // ggtt.cc
  /// Points all entries below `end`, and some more, at scratch if that was not done yet. What lies
  /// beyond is what a last owner left there; no address of ours leads to it. Half a million entries
  /// at start would take long where each is an access of the bus.
  void fill_ggtt(uint64_t end);
  /// Entries that were written take effect.
  void flush_ggtt();
  uint64_t map_own(hv::BusFrame frame);

  // submit.cc
  void write_elsp(EngineId e);
  void submit_bundle(EngineId e, const Bundle& bundle);
  void count(EngineId e, uint64_t descriptor);

  // tlb.cc
  [[nodiscard]] bool may_translate(EngineId e) const;

  // csb.cc
  void emit(mediator::GpuEventKind kind, EngineId e, uint32_t context_id, uint64_t detail);
  /// The user's context that runs on the engine, 0 if none does.
  [[nodiscard]] uint32_t running_id(EngineId e) const;
  void service_interrupts();
  void service_engine_interrupt(EngineId e, uint32_t bits);
  void service_csb(EngineId e);
  /// The last entry that the engine wrote into its status buffer.
  [[nodiscard]] unsigned status_tail(EngineId e) const;
  [[nodiscard]] bool has_status(EngineId e) const {
    return status_tail(e) != engines_[gen9::index(e)].csb_head;
  }
  /// Takes new status-buffer entries; false if there were none.
  bool read_csb(EngineId e);
  void service_fault();

  // reset.cc
  bool prepare_reset(EngineId e);
  bool reset_domain(uint32_t bits);
  void engine_lost(EngineId e);
  void drop_stale(EngineId e);
  hv::Status full_reset(EngineId asked);

  Device& device_;
  DriverConfig config_;
  DmaPages pages_;
  std::array<Engine, gen9::kEngines> engines_{};
  hv::BusFrame scratch_{};
  uint64_t scratch_pml4_ = 0;          ///< bus address of a PML4 whose every address is scratch
  uint64_t own_next_ = hv::kPageSize;  ///< next free address of the driver's own GGTT range
  uint64_t filled_ = 0;                ///< entries that are ours or scratch
  bool ggtt_written_ = false;          ///< since the last flush
  bool asserted_ = false;              ///< the interrupt line, since the last look
  std::array<uint64_t, gen9::kFences> fences_{};
  std::deque<mediator::GpuEvent> events_;
  uint64_t moved_ns_ = 0, looked_ns_ = 0, looked_before_ns_ = 0;
  uint64_t accesses_ = 0;  ///< of the bus, at the last submission
  Counts counts_;
  bool started_ = false, wedged_ = false;
};

}  // namespace gpu

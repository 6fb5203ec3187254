// SPDX-License-Identifier: MIT
// The mediator: many vGPUs, one host GPU. Deterministic: everything it learns comes through its
// ports (Domain, HostGpu, Clock) and the calls below.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "hv/domain.h"
#include "mediator/device_model.h"
#include "mediator/host_gpu.h"
#include "mediator/scanner.h"
#include "mediator/scheduler.h"
#include "shadow/work.h"

namespace mediator {

struct MediatorConfig {
  uint64_t slice_ns = 5'000'000;   ///< 1..30 ms of GPU time
  uint64_t hang_ns = 200'000'000;  ///< no progress for this long after a preemption request
  bool scan_all = false;           ///< also copy and scan PPGTT batches of RCS, VCS, VECS
  bool keep_originals = false;     ///< remember guest dwords behind patched ones (run, tests)
  /// How often clocks are refreshed that guests read without exits (clock_page.h).
  uint64_t clock_refresh_ns = 1'000'000;
  /// Status events of one engine of a guest that waits for nothing are shown at most so often.
  uint64_t status_interval_ns = 1'000'000;
  /// Leaf page tables of a vGPU that are read again before each submission however long they did
  /// not change: for hypervisors where a page does not stop trapping in a run of writes into it.
  uint32_t open_leaves = 0;
  uint32_t max_vgpus = 4096;  ///< as many as a recording may hold; memory bounds them before
  uint32_t refusals_to_failsafe = 64;  ///< refused submissions before failsafe
  uint32_t batch_copy_pages = 8192;    ///< host-owned copies of batches one vGPU may hold
  shadow::Work::Limits work{};         ///< of the mediator's time one vGPU may take
};

/// Accounting of one vGPU.
struct VgpuStats {
  hv::VgpuId id{};
  std::string name;
  uint64_t submissions = 0;  ///< contexts run to completion
  uint64_t gpu_ns = 0;       ///< GPU time, all engines
  std::array<uint64_t, gen9::kEngines> engine_ns{};
  std::vector<uint32_t> latency_us;  ///< ELSP write to completion; last kLatencySamples samples
  uint64_t refused_commands = 0;
  Refusal last_refusal;
  uint64_t preemptions = 0, resets = 0, faults = 0;
  uint64_t hangs = 0, errors = 0;  ///< engines reset because of it
  uint64_t work_ns = 0;            ///< of the mediator's time, by stated costs (shadow/work.h)
  uint64_t work_most_ns = 0;       ///< the most it ever owed of it
  uint64_t put_off = 0;            ///< times it had to wait because that was too much
  Share share;                     ///< as the owner set it
  uint32_t asked = 0;              ///< the part it is to get when all are busy, of kWholeGpu
  std::array<Served, gen9::kEngines> served{};
  FailsafeReason failsafe = FailsafeReason::none;
  DeviceCounts device;
};
inline constexpr size_t kLatencySamples = 4096;

/// i915 resets an engine whose heartbeat was missed four times, 2.5 s apart.
inline constexpr uint64_t kHeartbeatLimitNs = 4 * 2'500'000'000ull;
/// Taken for one switch between vGPUs, besides their slices.
inline constexpr uint64_t kSwitchNs = 100'000;

/// 32-bit BGRX rows, top first.
struct Screen {
  uint32_t width = 0, height = 0;
  std::vector<uint32_t> pixels;
};

class Vgpu;

class Mediator {
 public:
  Mediator(HostGpu& gpu, hv::Clock& clock, const MediatorConfig& config);
  ~Mediator();

  /// Makes a vGPU for the domain. The domain outlives it.
  hv::Result<hv::VgpuId> create_vgpu(hv::Domain& domain, const VgpuConfig& config);
  /// A vGPU that was just made goes on where another process left its guest: with these registers
  /// (gen9::kMmioBytes) and the GGTT entries that the domain's register pages hold. What was on the
  /// GPU is lost, as in a hang, from which the guest's driver recovers by itself.
  void resume(hv::VgpuId id, std::span<const std::byte> registers, FailsafeReason failsafe);
  /// Takes its work off the GPU (resetting engines if it must) and lets go of everything it held,
  /// at once.
  void destroy_vgpu(hv::VgpuId id);
  /// The same in steps: it is served no more, and polls take its address spaces apart within its
  /// budget until it is tidy(). destroy_vgpu() must still follow.
  void dismiss(hv::VgpuId id);
  [[nodiscard]] bool tidy(hv::VgpuId id) const;
  /// Where the back end delivers this guest's traps.
  hv::TrapHandler* traps(hv::VgpuId id);
  /// A paused vGPU's work is not scheduled.
  void pause(hv::VgpuId id, bool paused);

  // Shares, changed while all runs. A broken rule is returned, and nothing has changed; nullptr if
  // the change was made.
  const char* set_gpu_shares(const GpuShares& gpu);
  const char* set_share(hv::VgpuId id, const Share& share);
  [[nodiscard]] const GpuShares& gpu_shares() const;
  /// The GPU has done something for this vGPU that its CPU has not looked at yet.
  [[nodiscard]] bool waits_for_cpu(hv::VgpuId id) const;
  [[nodiscard]] Share share(hv::VgpuId id) const;
  /// The vGPU's domain wants CPUs and gets none.
  void set_starved(hv::VgpuId id, bool starved);

  /// Takes GPU events, runs timers, preempts and schedules. Call when the GPU interrupts and at
  /// next_deadline_ns.
  void poll();
  [[nodiscard]] uint64_t next_deadline_ns() const;
  /// A vGPU that took too much of the mediator's time: its accesses are better answered from then
  /// on. `now` or before: at once.
  [[nodiscard]] uint64_t ready_ns(hv::VgpuId id, uint64_t now) const;
  /// Nobody has work, and who is held back has none either.
  [[nodiscard]] bool idle() const;
  /// Something is on the GPU, or could be at once.
  [[nodiscard]] bool occupied() const;
  /// How many vGPUs may be busy on one engine at once, each with work of up to a slice, before an
  /// i915 misses the heartbeats it resets its engine for (kHeartbeatLimitNs); by the longest slice
  /// of any.
  [[nodiscard]] size_t heartbeat_capacity() const;

  [[nodiscard]] std::vector<hv::VgpuId> vgpus() const;
  [[nodiscard]] VgpuStats stats(hv::VgpuId id) const;
  Vgpu* find(hv::VgpuId id);
  /// Reads what the guest shows on its first pipe, through its virtual planes.
  hv::Result<Screen> read_screen(hv::VgpuId id);
  /// The guest's own dwords behind host GGTT address `host` (needs keep_originals): what the guest
  /// wrote where the executed copy differs.
  [[nodiscard]] uint32_t original_dword(hv::GmAddr host, uint32_t executed) const;
  /// Which vGPU the shadow context at this LRCA belongs to; kHostOwner if none.
  [[nodiscard]] hv::VgpuId owner_of_context(uint32_t lrca) const;

  /// The whole state, explicit and versioned.
  void encode(std::vector<std::byte>& out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mediator

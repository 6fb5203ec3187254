// SPDX-License-Identifier: MIT
// PPGTT shadowing on the in-process hypervisor: one trapped entry write; 1 GiB of fresh 4 KiB
// pages.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <memory>

#include "hv/bits.h"
#include "hv/local/machine.h"
#include "shadow/ppgtt.h"

namespace {

using hv::Gpa;
constexpr uint64_t kGiB = uint64_t{1} << 30, kPage = hv::kPageSize;
constexpr uint64_t kFlags = gen9::kPtePresent | gen9::kPteWritable;

/// Host-owned pages as the host driver keeps them: in the same machine.
class MachineGpuMemory final : public shadow::GpuMemory {
 public:
  explicit MachineGpuMemory(hv::local::Machine& m) : machine_(m) {}
  hv::Result<hv::BusFrame> alloc_page(shadow::PageUse, hv::VgpuId) override {
    return machine_.alloc_host(0);
  }
  void free_page(hv::BusFrame f) override { machine_.free(f); }
  void write_page(hv::BusFrame f, unsigned at, std::span<const std::byte> from) override {
    std::memcpy(machine_.page(f) + at, from.data(), from.size());
  }
  void read_page(hv::BusFrame f, unsigned at, std::span<std::byte> to) override {
    std::memcpy(to.data(), machine_.page(f) + at, to.size());
  }
  void write_entry(hv::BusFrame f, unsigned i, uint64_t entry) override {
    hv::store(machine_.page(f) + i * 8, entry);
  }
  void write_ggtt(uint64_t, std::span<const uint64_t>) override {}
  hv::Status invalidate_tlbs() override { return {}; }

 private:
  hv::local::Machine& machine_;
};

/// A guest whose tables map `leaves` x 2 MiB of 4 KiB pages; tables start at guest-physical 16 MiB.
struct Guest final : hv::TrapHandler {
  static constexpr uint64_t kTables = uint64_t{16} << 20;
  static constexpr uint64_t kLeaf0 = kTables + 16 * kPage;

  hv::local::Machine machine{4 * kGiB};
  hv::local::LocalDomain domain{machine, hv::DomId{1}, "bench", kGiB + (uint64_t{64} << 20)};
  MachineGpuMemory gpu{machine};
  shadow::GgttSpace space{0, 0};
  shadow::Retired retired{gpu, space};
  shadow::PpgttSet set;

  explicit Guest(unsigned leaves, const shadow::PpgttLimits& limits = {},
                 shadow::Work* work = nullptr)
      : set(domain, gpu, retired, hv::VgpuId{1}, limits, work) {
    poke(kTables, (kTables + kPage) | kFlags);
    poke(kTables + kPage, (kTables + 2 * kPage) | kFlags);
    for (uint64_t l = 0; l < leaves; ++l) {
      poke(kTables + 2 * kPage + l * 8, (kLeaf0 + l * kPage) | kFlags);
      for (uint64_t i = 0; i < 512; ++i) {
        poke(kLeaf0 + l * kPage + i * 8, ((l * 512 + i) * kPage + (uint64_t{32} << 20)) | kFlags);
      }
    }
    domain.attach(this);
  }
  void poke(uint64_t at, uint64_t v) {
    (void)domain.write(Gpa{at}, std::as_bytes(std::span{&v, 1}));
  }
  uint64_t on_read(hv::Range, uint64_t, unsigned) override { return 0; }
  void on_write(hv::Range, uint64_t, unsigned, uint64_t) override {}
  void on_page_write(Gpa a, unsigned size) override { set.on_page_write(a, size); }
};

/// A trapped write of a shadowed 4 KiB entry to another frame, pins and all.
void pte_write(benchmark::State& state) {
  shadow::PpgttLimits limits;
  limits.out_of_sync = 0;
  auto guest = std::make_unique<Guest>(1, limits);
  (void)guest->set.acquire(Gpa{Guest::kTables});
  uint64_t n = 0;
  for (auto _ : state) {
    const uint64_t slot = n & 511, frame = (n * 7) & 0xffff;
    guest->domain.cpu_write(Gpa{Guest::kLeaf0 + slot * 8}, 8, frame << 12 | kFlags);
    ++n;
  }
  if (guest->domain.counts().page_writes != n) state.SkipWithError("writes did not trap");
}
BENCHMARK(pte_write);

/// acquire and sync of an address space of 262144 pages the mediator has never seen.
void shadow_1gib(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    auto guest = std::make_unique<Guest>(512);
    state.ResumeTiming();
    const auto root = guest->set.acquire(Gpa{Guest::kTables});
    if (!root.ok() || !guest->set.sync(*root).ok()) state.SkipWithError("not shadowed");
    benchmark::DoNotOptimize(guest->set.root_frame(*root));
    state.PauseTiming();
    if (!guest->set.translate(*root, kGiB - 1).ok()) state.SkipWithError("not mapped");
    guest.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(shadow_1gib)->Unit(benchmark::kMillisecond);

/// Of this thread: what other programs take does not count.
double cpu_ms() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

/// The same within the budget of a vGPU: the longest that another guest would wait for one step of
/// making it, and of taking it apart.
void longest_step(benchmark::State& state) {
  double made = 0, dropped = 0, steps = 0, stated = 0;
  const auto timed = [](double& longest, auto&& step) {
    const double began = cpu_ms();
    const bool more = step();
    longest = std::max(longest, cpu_ms() - began);
    return more;
  };
  for (auto _ : state) {
    shadow::Work work;
    uint64_t now = 0;
    const auto pay = [&] { work.settle(now += 1'000'000'000); };
    auto guest = std::make_unique<Guest>(512, shadow::PpgttLimits{}, &work);
    const auto root = guest->set.acquire(Gpa{Guest::kTables});
    for (++steps; timed(made, [&] { return !guest->set.sync(*root).ok(); }); ++steps) pay();
    stated = static_cast<double>(work.total_ns()) / 1e6;
    pay();
    timed(dropped, [&] { return guest->set.release(*root), false; });
    while (guest->set.untidy()) {
      pay();
      timed(dropped, [&] { return guest->set.tidy(), false; });
    }
  }
  state.counters["longest_ms"] = made;
  state.counters["longest_drop_ms"] = dropped;
  state.counters["steps"] = steps / static_cast<double>(state.iterations());
  state.counters["stated_ms"] = stated;
}
BENCHMARK(longest_step)->Unit(benchmark::kMillisecond);

/// What a submission pays when nothing changed, after all leaves have settled.
void settled_sync(benchmark::State& state) {
  auto guest = std::make_unique<Guest>(512);
  const auto root = guest->set.acquire(Gpa{Guest::kTables});
  for (int i = 0; i < 200; ++i) (void)guest->set.sync(*root);
  for (auto _ : state) (void)guest->set.sync(*root);
}
BENCHMARK(settled_sync);

/// A private path for one batch page, made and dropped, as for each blitter batch.
void view_of_one_page(benchmark::State& state) {
  auto guest = std::make_unique<Guest>(8);
  const auto root = guest->set.acquire(Gpa{Guest::kTables});
  (void)guest->set.sync(*root);
  const hv::BusFrame frame = *guest->machine.alloc_host(0);
  for (auto _ : state) {
    auto view = guest->set.make_view(*root);
    (void)(*view)->replace(0x5000, frame);
    view->reset();
    (void)guest->retired.flush();
  }
}
BENCHMARK(view_of_one_page);

}  // namespace

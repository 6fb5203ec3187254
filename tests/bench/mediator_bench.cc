// SPDX-License-Identifier: MIT
// What mediation costs a submission: the same guests' work on the model alone and through the
// mediator, with the GPU time of a submission set directly.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "dom0/embedded/machine_bus.h"
#include "dom0/gpu/driver/driver.h"
#include "dom0/guests/driver/driver.h"
#include "dom0/guests/native_port.h"
#include "dom0/guests/trap_port.h"
#include "hv/local/machine.h"
#include "mediator/mediator.h"
#include "tests/bench/cosim.h"
#include "tests/bench/figures.h"

namespace {

using bench::CoTime;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGuestRam = 64 * kMiB, kBatch = 0x10'0000;
constexpr unsigned kDepth =
    2;  // requests in flight per context, as a driver that keeps it busy has

gpu::model::Config model_config(uint64_t batch_ns) {
  gpu::model::Config config;
  config.cost.fixed_batch_ns = batch_ns;
  return config;
}

/// One guest that keeps some contexts of the render engine busy, each with its own address space.
class Client {
 public:
  Client(guests::GuestPort& port, unsigned contexts) : driver_(port, {}), contexts_(contexts) {}
  std::string start() { return driver_.start(); }
  guests::Driver& driver() { return driver_; }
  bool make_contexts() {
    for (Work& w : contexts_) {
      guests::GuestPpgtt* space = driver_.create_ppgtt();
      const auto pages = space ? space->populate(kBatch, 1) : std::nullopt;
      if (!pages) return false;
      driver_.port().ram_store((*pages)[0], 4, 0x05000000);  // MI_BATCH_BUFFER_END
      w.context = driver_.create_context(gen9::EngineId::rcs, space->root());
      if (w.context == nullptr) return false;
    }
    return true;
  }
  void on_events() {
    if (driver_.port().take_interrupts() > 0) driver_.on_interrupt();
    if (driver_.wake_ns() <= driver_.port().now_ns()) driver_.on_time();
  }
  /// Collects what completed and fills the queues; contexts take turns. Returns completions.
  uint64_t pump(bool more) {
    uint64_t done = 0;
    for (Work& w : contexts_)
      while (!w.flying.empty() && driver_.done(*w.context, w.flying.front())) {
        w.flying.pop_front();
        ++done;
      }
    for (unsigned round = 0; more && round < kDepth; ++round)
      for (Work& w : contexts_) submit(w);
    return done;
  }

 private:
  struct Work {
    guests::Context* context = nullptr;
    std::deque<uint32_t> flying;
  };
  void submit(Work& w) {
    if (w.flying.size() >= kDepth) return;
    if (const auto seqno = driver_.submit(*w.context, kBatch)) w.flying.push_back(*seqno);
  }
  guests::Driver driver_;
  std::vector<Work> contexts_;
};

/// Elapsed virtual time and measured mediator time of a number of submissions.
struct Cost {
  uint64_t elapsed_ns = 0, mediator_ns = 0;
};

class Native {
 public:
  Native(uint64_t batch_ns, unsigned contexts)
      : memory_(kGuestRam),
        model_(memory_, model_config(batch_ns)),
        port_(model_, memory_),
        client_(port_, contexts) {}
  std::string start() {
    std::string error = client_.start();
    for (unsigned n = 0; error.empty() && !client_.driver().ready() && n < 100000; ++n) step();
    if (error.empty() && !client_.make_contexts()) error = "no room for contexts";
    return error;
  }
  Cost run(uint64_t submissions) {
    const uint64_t begin = model_.now_ns();
    for (uint64_t done = 0; done < submissions;) {
      done += client_.pump(true);
      step();
    }
    return {model_.now_ns() - begin, 0};
  }

 private:
  void step() {
    if (!model_.interrupt_pending()) {
      const uint64_t wake = std::min(model_.next_event_ns(), client_.driver().wake_ns());
      model_.advance_until_interrupt(std::max(wake, model_.now_ns()));
    }
    client_.on_events();
  }
  guests::FlatMemory memory_;
  gpu::model::Model model_;
  guests::NativePort port_;
  Client client_;
};

class Mediated {
 public:
  explicit Mediated(uint64_t batch_ns)
      : machine_(uint64_t{4} << 30),
        bus_(machine_),
        model_(bus_, model_config(batch_ns)),
        device_(model_, time_),
        driver_(device_),
        gpu_(driver_, model_, time_) {}
  std::string start(unsigned guests, unsigned contexts) {
    if (!driver_.start().ok()) return "the host driver does not start";
    mediator_ = std::make_unique<mediator::Mediator>(gpu_, time_, mediator::MediatorConfig{});
    for (unsigned n = 0; n < guests; ++n)
      if (std::string error = add_guest(contexts); !error.empty()) return error;
    return {};
  }
  /// Memory of `n` guests to come, touched, so that it is there before they are.
  void make_memory(unsigned n) {
    const std::vector<std::byte> zeros(kMiB);
    for (; n > 0; --n) {
      memory_.push_back(std::make_unique<hv::local::LocalDomain>(
          machine_, hv::DomId{next_domain_++}, "guest", kGuestRam));
      for (uint64_t at = 0; at < kGuestRam; at += kMiB)
        (void)memory_.back()->cpu_write_ram(hv::Gpa{at}, zeros);
    }
  }
  std::string add_guest(unsigned contexts) {
    if (memory_.empty()) make_memory(1);
    auto g = std::make_unique<Guest>(*this, std::move(memory_.front()), contexts);
    memory_.pop_front();
    const auto id = mediator_->create_vgpu(g->shared, {});
    if (!id.ok()) return "no vGPU";
    g->traps.emplace(*mediator_->traps(*id), time_);
    g->domain->attach(&*g->traps);
    if (!g->port.power_on()) return "the vGPU's BARs are wrong";
    std::string error = g->client.start();
    guests_.push_back(std::move(g));
    Client& client = guests_.back()->client;
    for (unsigned n = 0; error.empty() && !client.driver().ready() && n < 100000; ++n) step();
    if (error.empty() && !client.driver().ready()) error = "the guest does not get ready";
    if (error.empty() && !client.make_contexts()) error = "no room for contexts";
    return error;
  }
  Cost run(uint64_t submissions) {
    const uint64_t begin = time_.now_ns(), mediator = time_.mediator_ns();
    for (uint64_t done = 0; done < submissions;) {
      for (const auto& g : guests_) done += g->client.pump(true);
      step();
    }
    return {time_.now_ns() - begin, time_.mediator_ns() - mediator};
  }
  hv::TrapHandler& traps(size_t guest) { return guests_[guest]->traps->inner(); }

 private:
  struct Guest {
    Guest(Mediated& m, std::unique_ptr<hv::local::LocalDomain> d, unsigned contexts)
        : domain(std::move(d)),
          shared(*domain, m.model_, m.time_),
          port(*domain, m.time_),
          client(port, contexts) {}
    std::unique_ptr<hv::local::LocalDomain> domain;
    bench::CoDomain shared;
    std::optional<bench::CoTraps> traps;
    guests::TrapPort port;
    Client client;
  };
  void step() {
    model_.advance_to(time_.now_ns());
    if (model_.interrupt_pending() || mediator_->next_deadline_ns() <= time_.now_ns()) {
      const CoTime::Running running(time_);
      mediator_->poll();
    } else {
      uint64_t wake = std::min(model_.next_event_ns(), mediator_->next_deadline_ns());
      for (const auto& g : guests_) wake = std::min(wake, g->client.driver().wake_ns());
      time_.advance_to(model_.advance_until_interrupt(std::max(wake, time_.now_ns())));
    }
    for (const auto& g : guests_) g->client.on_events();
  }

  CoTime time_;
  hv::local::Machine machine_;
  embedded::MachineBus bus_;
  gpu::model::Model model_;
  bench::CoDevice device_;
  gpu::Driver driver_;
  bench::CoGpu gpu_;
  std::deque<std::unique_ptr<hv::local::LocalDomain>> memory_;
  uint16_t next_domain_ = 1;
  std::vector<std::unique_ptr<Guest>> guests_;
  std::unique_ptr<mediator::Mediator> mediator_;
};

// Many short runs: on a machine that has other things to do too, the median run is one that was not
// interrupted.
constexpr unsigned kRuns = 15;
constexpr uint64_t kSubmissions = 64;

template <class Rig>
void measure(benchmark::State& state, Rig& rig) {
  constexpr double kPerSubmission = 1e-3 / static_cast<double>(kSubmissions);
  (void)rig.run(4 * kSubmissions);
  for (auto _ : state) {
    std::vector<double> elapsed, mediator;
    for (unsigned n = 0; n < kRuns; ++n) {
      const Cost cost = rig.run(kSubmissions);
      elapsed.push_back(static_cast<double>(cost.elapsed_ns) * kPerSubmission);
      mediator.push_back(static_cast<double>(cost.mediator_ns) * kPerSubmission);
    }
    state.counters["value"] = bench::median(elapsed);
    state.counters["mediator_us"] = bench::median(mediator);
  }
}

// Two guests of two contexts each against one that has the GPU and four.
void native(benchmark::State& state) {
  Native rig(static_cast<uint64_t>(state.range(0)) * 1000, 4);
  if (const std::string e = rig.start(); !e.empty()) return state.SkipWithError(e.c_str());
  measure(state, rig);
}
void mediated(benchmark::State& state) {
  Mediated rig(static_cast<uint64_t>(state.range(0)) * 1000);
  if (const std::string e = rig.start(2, 2); !e.empty()) return state.SkipWithError(e.c_str());
  measure(state, rig);
}
void curve(benchmark::internal::Benchmark* b) {
  for (const int us : {20, 50, 100, 200, 500, 1000, 2000, 5000}) b->Arg(us);
  b->Iterations(1)->Unit(benchmark::kMillisecond);
}
BENCHMARK(native)->Apply(curve);
BENCHMARK(mediated)->Apply(curve);

// One guest, two contexts in turn.
void mediator_us_per_submission(benchmark::State& state) {
  Mediated rig(100'000);
  if (const std::string e = rig.start(1, 2); !e.empty()) return state.SkipWithError(e.c_str());
  measure(state, rig);
  state.counters["value"] = static_cast<double>(state.counters["mediator_us"]);
}
BENCHMARK(mediator_us_per_submission)->Iterations(1)->Unit(benchmark::kMillisecond);

// A write of a register without behaviour, as a guest's trap brings it: through the vGPU.
void plain_register_write_ns(benchmark::State& state) {
  Mediated rig(100'000);
  if (const std::string e = rig.start(1, 1); !e.empty()) return state.SkipWithError(e.c_str());
  hv::TrapHandler& traps = rig.traps(0);
  // Watermarks, display buffers, software flags, workarounds: far apart, so that caches see what a
  // guest's mixture costs.
  constexpr std::array<uint32_t, 8> kPlain{0x70240, 0x7017c, 0x4f100, 0x42080,
                                           0x9400,  0x7004,  0xc800,  0x46530};
  uint32_t value = 0;
  for (auto _ : state)
    for (const uint32_t offset : kPlain)
      traps.on_write(hv::Range::bar0, offset, 4, value += 0x10001);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kPlain.size()));
}
BENCHMARK(plain_register_write_ns);

/// Resident memory of this process, in bytes.
uint64_t resident() {
  uint64_t total = 0, pages = 0;
  std::ifstream("/proc/self/statm") >> total >> pages;
  return pages * hv::kPageSize;
}

// What each further vGPU takes, its driver loaded and idle; the guests' own memory is there before.
void idle_vgpu_mib(benchmark::State& state) {
  constexpr unsigned kMore = 8;
  for (auto _ : state) {
    Mediated rig(100'000);
    std::string error = rig.start(1, 1);
    rig.make_memory(kMore);
    (void)malloc_trim(0);  // what earlier benchmarks freed must not be reused unseen
    const uint64_t before = resident();
    for (unsigned n = 0; n < kMore && error.empty(); ++n) error = rig.add_guest(1);
    if (!error.empty()) return state.SkipWithError(error.c_str());
    const double more = static_cast<double>(resident() - before) / kMore;
    state.counters["value"] = more / static_cast<double>(kMiB);
  }
}
BENCHMARK(idle_vgpu_mib)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace

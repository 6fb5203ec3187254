// SPDX-License-Identifier: MIT
#include "dom0/gpu/selftest/selftest.h"

#include <array>
#include <functional>

#include "dom0/gpu/selftest/context.h"

namespace gpu {
namespace {

using gen9::EngineId;
using mediator::GpuEvent;
using mediator::GpuEventKind;

constexpr uint64_t kTimeoutNs = 2'000'000'000, kHangNs = 200'000'000;
constexpr uint64_t kFirstPauseNs = 10'000, kLastPauseNs = 1'000'000;
constexpr unsigned kTimed = 64;

uint32_t low(uint64_t v) { return static_cast<uint32_t>(v); }
uint32_t high(uint64_t v) { return static_cast<uint32_t>(v >> 32); }

// Gen8 encodings. SKL PRM vol 2a.
std::array<uint32_t, 4> store(uint64_t at, uint32_t value) {
  return {0x20u << 23 | 2, low(at), high(at), value};
}
std::array<uint32_t, 7> fill_page(uint64_t at, uint32_t colour) {
  return {2u << 29 | 0x50u << 22 | 3u << 20 | 5,
          3u << 24 | 0xf0u << 16 | 256,
          0,
          16u << 16 | 64,
          low(at),
          high(at),
          colour};
}
std::array<uint32_t, 10> copy_page(uint64_t to, uint64_t from) {
  return {2u << 29 | 0x53u << 22 | 3u << 20 | 8,
          3u << 24 | 0xccu << 16 | 256,
          0,
          16u << 16 | 64,
          low(to),
          high(to),
          0,
          256,
          low(from),
          high(from)};
}
/// Polls memory until it holds `value`.
std::array<uint32_t, 4> wait_for(uint64_t at, uint32_t value) {
  return {0x1cu << 23 | 1u << 15 | 4u << 12 | 2, value, low(at), high(at)};
}

class Tests {
 public:
  Tests(Device& device, Driver& driver) : device_(device), driver_(driver) {}

  std::vector<SelftestRow> run() {
    for (const EngineId e : gen9::kAllEngines)
      row(std::string("store ") + gen9::info(e).name, [&] { return stores(e, 1); });
    row("fill bcs0", [&] { return fills(); });
    row("copy bcs0", [&] { return copies(); });
    row("aperture", [&] { return aperture(); });
    row("timing", [&] { return stores(EngineId::bcs, kTimed); });
    for (const EngineId e : gen9::kAllEngines)
      row(std::string("hang and reset ") + gen9::info(e).name, [&] { return hangs(e); });
    row("page fault", [&] { return faults(); });
    row("store after all", [&] { return stores(EngineId::rcs, 1); });
    return std::move(rows_);
  }

 private:
  void row(const std::string& name, const std::function<std::string()>& test) {
    SelftestRow r{name, false, {}, 0};
    const uint64_t began = device_.now_ns();
    r.detail = driver_.wedged() ? "not run: the GPU no longer answers" : test();
    r.ns = took_ns_ ? took_ns_ : device_.now_ns() - began;
    took_ns_ = 0;
    r.passed = r.detail.empty();
    rows_.push_back(std::move(r));
  }

  [[nodiscard]] uint64_t ggtt() { return driver_.gpu_info().ggtt_free_base; }

  /// Waits for the end of a context: empty, or what happened instead.
  std::string await(const TestContext& c, uint64_t timeout_ns = kTimeoutNs) {
    const uint64_t end = device_.now_ns() + timeout_ns;
    for (uint64_t pause = kFirstPauseNs;; pause = std::min(2 * pause, kLastPauseNs)) {
      GpuEvent events[8];
      const size_t n = driver_.poll(events);
      for (size_t i = 0; i < n; ++i) {
        const GpuEvent& e = events[i];
        if (e.kind == GpuEventKind::context_complete && e.context_id == c.id()) return {};
        if (e.kind == GpuEventKind::fault) return "page fault at " + std::to_string(e.detail);
        if (e.kind == GpuEventKind::command_error) return "command error";
      }
      if (driver_.wedged()) return "the GPU no longer answers";
      if (device_.now_ns() >= end) return "no completion";
      device_.pause_ns(pause);
    }
  }
  std::string submit(TestContext& c, EngineId e) {
    if (!c.ok()) return "no memory";
    c.publish();
    const uint64_t d = c.descriptor();
    const auto s = driver_.submit(e, {&d, 1});
    return s.ok() ? "" : std::string("submission refused: ") + hv::error_name(s.error());
  }
  std::string once(TestContext& c, EngineId e) {
    std::string why = submit(c, e);
    return why.empty() ? await(c) : why;
  }

  std::string stores(EngineId e, unsigned times) {
    TestContext c(driver_, e, 1, ggtt());
    const uint64_t began = device_.now_ns();
    for (unsigned i = 0; i < times; ++i) {
      c.emit(store(TestContext::address(0, 4 * i), 0x1000 + i));
      if (std::string why = once(c, e); !why.empty()) return why;
      if (c.read(0, 4 * i) != 0x1000 + i) return "the value did not arrive";
    }
    took_ns_ = (device_.now_ns() - began) / times;
    return {};
  }
  std::string fills() {
    TestContext c(driver_, EngineId::bcs, 1, ggtt());
    c.fill(2, 0);
    c.emit(fill_page(TestContext::address(1), 0xa5a5'5a5a));
    if (std::string why = once(c, EngineId::bcs); !why.empty()) return why;
    if (const unsigned n = c.wrong(1, 0xa5a5'5a5a)) return std::to_string(n) + " dwords are wrong";
    return c.wrong(2, 0) ? "the fill went beyond its page" : "";
  }
  std::string copies() {
    TestContext c(driver_, EngineId::bcs, 1, ggtt());
    c.fill(1, 0x1234'5678);
    c.emit(copy_page(TestContext::address(3), TestContext::address(1)));
    if (std::string why = once(c, EngineId::bcs); !why.empty()) return why;
    const unsigned n = c.wrong(3, 0x1234'5678);
    return n ? std::to_string(n) + " dwords are wrong" : "";
  }
  /// The CPU sees through BAR2 what stands behind a GGTT address.
  std::string aperture() {
    const auto frame = driver_.alloc_page(shadow::PageUse::batch, hv::kHostOwner);
    if (!frame.ok()) return "no memory";
    const uint64_t entry = hv::bus_address(*frame) | 1, none = 0, at = ggtt();
    driver_.write_ggtt(at >> hv::kPageShift, {&entry, 1});
    if (!driver_.invalidate_tlbs().ok()) return "TLBs are not invalidated in time";
    const uint64_t written = 0x1122'3344'5566'7788;
    uint64_t seen = 0;
    driver_.write_page(*frame, 64, std::as_bytes(std::span(&written, 1)));
    device_.read_aperture(at + 64, std::as_writable_bytes(std::span(&seen, 1)));
    driver_.write_ggtt(at >> hv::kPageShift, {&none, 1});
    if (!driver_.invalidate_tlbs().ok()) return "TLBs are not invalidated in time";
    driver_.free_page(*frame);
    return seen == written ? "" : "other bytes";
  }
  std::string hangs(EngineId e) {
    TestContext c(driver_, e, 1, ggtt());
    c.emit(wait_for(TestContext::address(0), 1));
    if (std::string why = submit(c, e); !why.empty()) return why;
    if (await(c, kHangNs).empty()) return "a wait without end ended";
    const uint64_t began = device_.now_ns();
    if (const auto s = driver_.reset_engine(e); !s.ok())
      return std::string("reset failed: ") + hv::error_name(s.error());
    took_ns_ = device_.now_ns() - began;
    TestContext after(driver_, e, 2, ggtt() + (uint64_t{64} << hv::kPageShift));
    after.emit(store(TestContext::address(0), 7));
    if (std::string why = once(after, e); !why.empty()) return "after the reset: " + why;
    return after.read(0, 0) == 7 ? "" : "after the reset no value arrived";
  }
  /// A store to an address that is not mapped: told, or stopped; never in anyone's memory.
  std::string faults() {
    TestContext c(driver_, EngineId::bcs, 1, ggtt());
    c.emit(store(TestContext::address(kSelftestPages + 5), 7));
    if (std::string why = submit(c, EngineId::bcs); !why.empty()) return why;
    const std::string seen = await(c, kHangNs);
    if (const auto s = driver_.reset_engine(EngineId::bcs); !s.ok()) return "reset failed";
    if (seen == "no completion" || seen.starts_with("page fault")) return {};
    GpuEvent events[8];
    for (uint64_t end = device_.now_ns() + kTimeoutNs; device_.now_ns() < end;) {
      for (size_t i = 0, n = driver_.poll(events); i < n; ++i)
        if (events[i].kind == GpuEventKind::fault) return {};
      device_.pause_ns(kLastPauseNs);
    }
    return seen.empty() ? "the store went through without a word" : seen;
  }

  Device& device_;
  Driver& driver_;
  uint64_t took_ns_ = 0;
  std::vector<SelftestRow> rows_;
};

}  // namespace

std::vector<SelftestRow> selftest(Device& device, Driver& driver) {
  return Tests(device, driver).run();
}

}  // namespace gpu

// SPDX-License-Identifier: MIT
// A guest with page tables, its shadow, and two walkers: one over the guest's tables as the
// hardware would read them, one over the shadow as the GPU does.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "hv/bits.h"
#include "shadow/gen9/pte.h"
#include "shadow/ppgtt.h"
#include "tests/fake/fake_domain.h"
#include "tests/fake/fake_gpu_memory.h"

namespace shadow::test {

using gen9::Level;
using hv::Gfn;
using hv::Gpa;
inline constexpr uint64_t kPage = hv::kPageSize;
inline constexpr uint64_t kP = gen9::kPtePresent, kRw = gen9::kPteWritable;
inline constexpr uint64_t kRamPages = 4096;
inline constexpr hv::VgpuId kOwner{1};

/// What a walk ends in.
struct Seen {
  enum Kind : uint8_t { none, scratch, page } kind = none;
  uint64_t frame = 0;  ///< of a page
  bool writable = false;
  friend bool operator==(const Seen&, const Seen&) = default;
  friend std::ostream& operator<<(std::ostream& o, const Seen& s) {
    return o << (s.kind == none      ? "none"
                 : s.kind == scratch ? "scratch"
                                     : "page ")
             << s.frame << (s.writable ? " rw" : "");
  }
};

inline Seen page_of(uint64_t gfn, bool writable = true) {
  return {Seen::page, fake::FakeDomain::frame_of(Gfn{gfn}).v, writable};
}

inline constexpr uint64_t va_of(unsigned pml4, unsigned pdp, unsigned pd, unsigned pt) {
  return uint64_t{pml4} << 39 | uint64_t{pdp} << 30 | uint64_t{pd} << 21 | uint64_t{pt} << 12;
}

struct PpgttTest : testing::Test, hv::TrapHandler {
  fake::FakeDomain domain{kRamPages * kPage};
  fake::FakeGpuMemory gpu;
  GgttSpace space{0, 0};
  Retired retired{gpu, space};
  PpgttLimits limits;
  std::unique_ptr<Work> work;  ///< none: without a budget
  uint64_t now = 0;
  std::unique_ptr<PpgttSet> set;

  PpgttTest() { domain.handler = this; }
  ~PpgttTest() override { set.reset(); }
  void start() {
    set.reset();
    set = std::make_unique<PpgttSet>(domain, gpu, retired, kOwner, limits, work.get());
  }
  /// Time in which a burst is paid off.
  void pay() {
    now += work->limits().burst_ns * work->limits().pays;
    work->settle(now);
  }
  /// As often as the budget makes it necessary.
  hv::Status sync(RootId r) {
    for (int n = 0; n < 10'000; ++n) {
      const hv::Status s = set->sync(r);
      if (s.ok() || s.error() != hv::Error::busy || !work) return s;
      pay();
    }
    ADD_FAILURE() << "never done";
    return hv::Error::busy;
  }
  void SetUp() override { start(); }

  uint64_t on_read(hv::Range, uint64_t, unsigned) override { return 0; }
  void on_write(hv::Range, uint64_t, unsigned, uint64_t) override {}
  void on_page_write(Gpa a, unsigned size) override { set->on_page_write(a, size); }

  // Guest tables: pages 1.. by convention pml4 = 1, pdp = 2, pd = 3, pt = 4.
  static constexpr uint64_t kPml4 = 1, kPdp = 2, kPd = 3, kPt = 4, kPt2 = 5;
  void write(uint64_t table, unsigned i, uint64_t entry) {
    domain.cpu_write(table * kPage + i * 8, entry);
  }
  static uint64_t entry(uint64_t gfn, uint64_t flags = kP | kRw) { return gfn << 12 | flags; }
  /// pml4[0] -> pdp[0] -> pd[0] -> pt.
  void chain() {
    write(kPml4, 0, entry(kPdp));
    write(kPdp, 0, entry(kPd));
    write(kPd, 0, entry(kPt));
  }
  RootId root_of(uint64_t gfn = kPml4) {
    const auto r = set->acquire(Gpa{gfn * kPage});
    EXPECT_TRUE(r.ok());
    return r.value_or(RootId{});
  }
  RootId synced(uint64_t gfn = kPml4) {
    const RootId r = root_of(gfn);
    EXPECT_TRUE(set->sync(r).ok());
    return r;
  }

  /// As the GPU walks.
  Seen walk(hv::BusFrame root, uint64_t va) {
    uint64_t frame = root.v;
    bool writable = true;
    for (const Level level : {Level::pml4, Level::pdp, Level::pd, Level::pt}) {
      const auto it = gpu.pages.find(frame);
      if (it == gpu.pages.end() || it->second.use != PageUse::page_table) {
        ADD_FAILURE() << "walks a page that is no table: " << frame;
        return {};
      }
      const uint64_t e = gpu.entry(hv::BusFrame{frame}, gen9::entry_index(va, level));
      if (!(e & kP)) return {};
      writable = writable && (e & kRw);
      EXPECT_FALSE(level != Level::pt && (e & gen9::kPdePageSize)) << "huge entry in the shadow";
      frame = gen9::pte_frame(e).v;
    }
    const auto it = gpu.pages.find(frame);
    if (it == gpu.pages.end()) return {Seen::page, frame, writable};
    return {it->second.use == PageUse::scratch ? Seen::scratch : Seen::page,
            it->second.use == PageUse::scratch ? 0 : frame,
            it->second.use != PageUse::scratch && writable};
  }
  Seen walk(RootId root, uint64_t va) { return walk(set->root_frame(root), va); }

  /// As hardware would walk the guest's own tables.
  Seen reference(uint64_t pml4, uint64_t va) {
    uint64_t table = pml4;
    bool writable = true;
    constexpr uint64_t reserved = ~uint64_t{0} << 46;
    for (const Level level : {Level::pml4, Level::pdp, Level::pd, Level::pt}) {
      const uint64_t e = domain.peek<uint64_t>(table * kPage + gen9::entry_index(va, level) * 8);
      if (!(e & kP)) return {};
      writable = writable && (e & kRw);
      if (e & reserved) return {Seen::scratch};
      const uint64_t gfn = gen9::pte_address(e) >> 12;
      if (level == Level::pt) return reference_page(gfn, writable);
      if (e & gen9::kPdePageSize) {
        if (level != Level::pd || (e & 0x1fe000)) return {Seen::scratch};
        return reference_page((gfn & ~uint64_t{511}) + ((va >> 12) & 511), writable);
      }
      if (gfn >= kRamPages) return {Seen::scratch};
      if (level == Level::pd && (e & gen9::kPdeIps64K)) return reference_64k(gfn, va, writable);
      table = gfn;
    }
    return {};
  }
  Seen reference_64k(uint64_t table, uint64_t va, bool writable) {
    const unsigned head = gen9::entry_index(va, Level::pt) & ~15u;
    const uint64_t e = domain.peek<uint64_t>(table * kPage + head * 8);
    if (!(e & kP)) return {};
    if ((e & 0xf000) || e >> 46) return {Seen::scratch};
    return reference_page((e >> 12) + ((va >> 12) & 15), writable && (e & kRw));
  }
  Seen reference_page(uint64_t gfn, bool writable) {
    if (gfn >= kRamPages || domain.unpinnable.count(gfn)) return {Seen::scratch};
    return page_of(gfn, writable);
  }

  /// Everything the GPU can reach from these tables must be ours or pinned.
  void visit(hv::BusFrame table, unsigned level, std::set<uint64_t>& reached) {
    if (!reached.insert(table.v).second) return;
    const auto it = gpu.pages.find(table.v);
    ASSERT_NE(it, gpu.pages.end()) << "a freed table is still linked";
    ASSERT_EQ(it->second.use, PageUse::page_table);
    ASSERT_EQ(it->second.owner, kOwner);
    for (unsigned i = 0; i < 512; ++i) {
      const auto e = hv::load<uint64_t>(it->second.bytes.data() + i * 8);
      if (!(e & kP)) continue;
      const hv::BusFrame f = gen9::pte_frame(e);
      if (level > 1) {
        visit(f, level - 1, reached);
      } else if (reached.insert(f.v).second && f.v < fake::kFirstHostFrame) {
        ASSERT_GT(domain.pins(fake::FakeDomain::gfn_of_frame(f)), 0u) << "unpinned frame " << f.v;
      }
    }
  }
  void expect_all_dropped() {
    set->reset();
    while (set->untidy()) {
      pay();
      set->tidy();
    }
    EXPECT_TRUE(retired.flush().ok());
    EXPECT_EQ(domain.total_pins(), 0u);
    EXPECT_EQ(domain.protected_pages(), 0u);
    EXPECT_EQ(domain.wrong_unpins, 0u);
    EXPECT_EQ(gpu.violations, 0u);
    EXPECT_EQ(set->counts().tables, 0u);
    EXPECT_EQ(set->counts().roots, 0u);
    EXPECT_EQ(set->counts().out_of_sync, 0u);
    EXPECT_LE(gpu.pages.size(), 4u) << "more than the scratch tables is left";
  }
};

/// Small deterministic generator.
struct Random {
  uint64_t state;
  explicit Random(uint64_t seed) : state(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
  uint64_t below(uint64_t n) { return (next() >> 11) % n; }
  bool percent(unsigned p) { return below(100) < p; }
};

}  // namespace shadow::test

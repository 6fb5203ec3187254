// SPDX-License-Identifier: MIT
// What the GPU sees at every single write: old, new or scratch; only pinned frames; nothing dropped
// that a TLB may hold. And every call failing once.
#include "tests/unit/shadow/ppgtt_fixture.h"

namespace shadow::test {
namespace {

struct HistoryTest : PpgttTest {
  /// Checks at each GPU-visible write while `f` runs that `va` is seen as before or after it.
  template <class F>
  void expect_no_third_state(RootId root, uint64_t va, F f) {
    const Seen before = walk(root, va);
    std::vector<Seen> seen;
    gpu.on_change = [&] { seen.push_back(walk(root, va)); };
    f();
    ASSERT_TRUE(set->sync(root).ok());
    gpu.on_change = nullptr;
    const Seen after = walk(root, va);
    EXPECT_NE(before, after);
    EXPECT_FALSE(seen.empty());
    for (const Seen& s : seen) {
      EXPECT_TRUE(s == before || s == after || s.kind == Seen::scratch) << before << after << s;
    }
  }
};

TEST_F(HistoryTest, EveryStepShowsOldNewOrScratch) {
  chain();
  for (unsigned i = 0; i < 512; ++i) {
    write(kPt, i, entry(1024 + i));
    write(kPt2, i, entry(2048 + i));
  }
  write(6, 0, entry(7));
  write(7, 0, entry(kPt2));
  const RootId root = synced();
  const uint64_t va = va_of(0, 0, 0, 17);
  const std::vector<std::array<uint64_t, 3>> steps{
      {kPt, 17, entry(99)},                                  // another page
      {kPd, 0, entry(kPt2)},                                 // another leaf table
      {kPd, 0, entry(kPt, kP | kRw | gen9::kPdeIps64K)},     // 64 KiB pages
      {kPd, 0, entry(512, kP | kRw | gen9::kPdePageSize)},   // one 2 MiB page
      {kPd, 0, entry(1024, kP | kRw | gen9::kPdePageSize)},  // another
      {kPd, 0, entry(kPt)},                                  // and 4 KiB pages again
      {kPdp, 0, entry(7)},                                   // another directory
      {kPml4, 0, entry(6, kP)},                              // read-only, another PDP
      {kPml4, 0, entry(6) | uint64_t{1} << 60},              // illegal
      {kPml4, 0, entry(kPdp)},                               // legal again
      {kPdp, 0, 0},                                          // nothing
      {kPdp, 0, entry(kPd)},                                 // and back
  };
  for (const auto& [table, i, e] : steps) {
    SCOPED_TRACE(testing::Message() << "table " << table << " := " << std::hex << e);
    expect_no_third_state(root, va, [&] { write(table, static_cast<unsigned>(i), e); });
    EXPECT_EQ(walk(root, va), reference(kPml4, va));
  }
  expect_all_dropped();
}

/// Remembers what TLBs may hold: all that was reachable since the last invalidation.
struct TlbTest : PpgttTest, testing::WithParamInterface<int> {
  std::vector<hv::BusFrame> loaded;
  std::set<uint64_t> tlb;

  ~TlbTest() override { gpu.on_change = gpu.on_invalidate = nullptr; }
  void look() {
    std::set<uint64_t> reached;
    for (const hv::BusFrame f : loaded) visit(f, 4, reached);
    tlb.insert(reached.begin(), reached.end());
    expect_held();
  }
  void expect_held() {
    for (const uint64_t f : tlb) {
      if (f >= fake::kFirstHostFrame) {
        EXPECT_EQ(gpu.pages.count(f), 1u) << "page freed under a TLB";
      } else {
        EXPECT_GT(domain.pins(fake::FakeDomain::gfn_of_frame(hv::BusFrame{f})), 0u);
      }
    }
  }
  void watch() {
    gpu.on_change = [this] { look(); };
    gpu.on_invalidate = [this] {
      expect_held();
      tlb.clear();
    };
  }
};

TEST_P(TlbTest, NothingATlbMayHoldIsDropped) {
  Random random{static_cast<uint64_t>(GetParam())};
  const auto any_entry = [&] {
    const uint64_t flags = random.percent(20) ? gen9::kPdePageSize | (random.next() & 0x800) : 0;
    const uint64_t gfn = random.percent(60) ? 1 + random.below(7) : random.below(kRamPages + 100);
    return entry(flags ? gfn & ~uint64_t{511} : gfn, kP | (random.next() & kRw) | flags);
  };
  const auto edit = [&] {
    const auto index = static_cast<unsigned>(random.below(3));
    write(1 + random.below(7), index, random.percent(20) ? 0 : any_entry());
  };
  chain();
  for (int i = 0; i < 15; ++i) edit();
  const RootId root = root_of();
  loaded.push_back(set->root_frame(root));
  watch();
  std::unique_ptr<PpgttSet::View> view;
  for (int round = 0; round < 20; ++round) {
    edit();
    if (random.percent(40)) (void)set->sync(root);
    if (random.percent(30)) (void)retired.flush();
    expect_held();
    if (!view && random.percent(50)) {
      view = std::move(*set->make_view(root));
      loaded.push_back(view->root_frame());
      (void)view->replace(va_of(0, 0, 0, 0), *gpu.alloc_page(PageUse::batch, kOwner));
    }
  }
  loaded.clear();
  view.reset();
  set->reset();
  expect_held();
}
INSTANTIATE_TEST_SUITE_P(Seeds, TlbTest, testing::Range(0, 12));

/// One call of one kind fails; the GPU sees a safe state; the next sync repairs it.
struct OneFailure : PpgttTest {
  void map_some(std::function<void(uint64_t)> fail, uint64_t nth) {
    chain();
    write(kPd, 1, entry(kPt2));
    write(kPd, 2, entry(512, kP | kRw | gen9::kPdePageSize));
    for (unsigned i = 0; i < 8; ++i) write(kPt, i, entry(100 + i));
    fail(nth);
    auto root = set->acquire(Gpa{kPml4 * kPage});
    if (root.ok()) {
      (void)set->sync(*root);
      write(kPdp, 1, entry(kPd));
      write(kPd, 0, entry(kPt2));
      write(kPd, 0, entry(kPt));
      std::set<uint64_t> reached;
      ASSERT_NO_FATAL_FAILURE(visit(set->root_frame(*root), 4, reached));
    }
    fail(0);
    if (!root.ok()) root = set->acquire(Gpa{kPml4 * kPage});
    ASSERT_TRUE(root.ok());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(set->sync(*root).ok());
    for (const uint64_t va :
         {va_of(0, 0, 0, 7), va_of(0, 1, 0, 1), va_of(0, 0, 1, 0), va_of(0, 1, 2, 300)}) {
      ASSERT_EQ(walk(*root, va), reference(kPml4, va)) << "failure " << nth;
    }
    expect_all_dropped();
  }
};

TEST_F(OneFailure, OfAnyAllocation) {
  for (uint64_t n = 1; n <= 14; ++n) {
    start();
    map_some([&](uint64_t at) { gpu.fail_alloc_at = at; }, n);
  }
}
TEST_F(OneFailure, OfAnyPin) {
  for (uint64_t n = 1; n <= 540; n += n < 20 ? 1 : 40) {
    start();
    map_some([&](uint64_t at) { domain.fail_at(fake::Call::pin, at); }, n);
  }
}
TEST_F(OneFailure, OfAnyRead) {
  for (uint64_t n = 1; n <= 14; ++n) {
    start();
    map_some([&](uint64_t at) { domain.fail_at(fake::Call::read, at); }, n);
  }
}
TEST_F(OneFailure, OfAnyProtectionOrRelease) {
  for (uint64_t n = 1; n <= 6; ++n) {
    for (const auto call : {fake::Call::protect, fake::Call::unprotect}) {
      start();
      map_some([&](uint64_t at) { domain.fail_at(call, at); }, n);
    }
  }
}

TEST_F(HistoryTest, ATableThatItsOwnRereadingDropsIsNotTouchedAgain) {
  chain();
  write(kPd, 5, entry(kPd));  // the directory is a leaf table of its own, too
  write(kPd, 6, entry(99));
  domain.unpinnable.insert(99);
  const RootId root = synced();
  domain.fail_at(fake::Call::read, 1);
  write(kPd, 5, 0);
  domain.unpinnable.clear();
  ASSERT_TRUE(set->sync(root).ok());
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, va_of(0, 0, 5, 0)), Seen{});
  set->release(root);
  expect_all_dropped();
}

}  // namespace
}  // namespace shadow::test

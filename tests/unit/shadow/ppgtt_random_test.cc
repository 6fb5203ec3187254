// SPDX-License-Identifier: MIT
// Random edits of a guest's tables, garbage included, against a walk of the guest's own tables.
#include "tests/unit/shadow/ppgtt_fixture.h"

namespace shadow::test {
namespace {

constexpr std::array<unsigned, 6> kIndexes{0, 1, 16, 17, 255, 511};
constexpr uint64_t kTablePages = 10;  // frames 1..10 are tables of whatever level names them

struct RandomPpgtt : PpgttTest, testing::WithParamInterface<int> {
  Random random{static_cast<uint64_t>(GetParam())};
  std::array<RootId, 2> roots{};

  unsigned index() {
    return random.percent(80) ? kIndexes[random.below(kIndexes.size())]
                              : static_cast<unsigned>(random.below(512));
  }
  uint64_t random_entry() {
    uint64_t e = random.percent(60)   ? 1 + random.below(kTablePages)
                 : random.percent(85) ? random.below(kRamPages)
                                      : kRamPages + random.below(1000);
    e <<= 12;
    if (random.percent(90)) e |= kP;
    if (random.percent(70)) e |= kRw;
    if (random.percent(12)) e = (e & ~uint64_t{0x1ff000}) | gen9::kPdePageSize;
    if (random.percent(12)) e |= gen9::kPdeIps64K;
    if (random.percent(20)) e |= random.next() & 0x1fc;
    if (random.percent(3)) e |= random.next() << 46;
    return random.percent(2) ? random.next() : e;
  }
  void edit() {
    const uint64_t at = (1 + random.below(kTablePages)) * kPage + index() * 8;
    switch (random.below(12)) {
      case 0: return domain.cpu_write(at + random.below(2) * 4, random_entry(), 4);
      case 1: return domain.cpu_write(at + random.below(8), random.next(), 1);
      case 2: return domain.cpu_write(at < (kTablePages + 1) * kPage - 12 ? at + 3 : at, 0, 4);
      case 3: return domain.cpu_write(at, 0);
      default: return domain.cpu_write(at, random_entry());
    }
  }
  void change_roots() {
    const uint64_t which = random.below(2);
    set->release(roots[which]);
    const auto r = set->acquire(Gpa{(1 + random.below(kTablePages)) * kPage});
    roots[which] = r.value_or(RootId{});
  }
  uint64_t random_va() {
    uint64_t va = 0;
    for (int level = 0; level < 4; ++level) va = va << 9 | index();
    return va << 12;
  }
  void expect_as_reference() {
    for (const RootId r : roots) {
      ASSERT_TRUE(sync(r).ok());
      const uint64_t pml4 = pml4_of(r);
      for (int i = 0; i < 40; ++i) {
        const uint64_t va = random_va();
        const Seen expected = reference(pml4, va);
        ASSERT_EQ(walk(r, va), expected) << "va " << std::hex << va;
        bool writable = false;
        const auto at = set->translate(r, va + 9, &writable);
        ASSERT_EQ(at.ok(), expected.kind == Seen::page);
        if (!at.ok()) continue;
        ASSERT_EQ(fake::FakeDomain::frame_of(hv::gfn_of(*at)).v, expected.frame);
        ASSERT_EQ(writable, expected.writable);
        ASSERT_EQ(at->v & 0xfff, 9u);
      }
      std::set<uint64_t> reached;
      visit(set->root_frame(r), 4, reached);
    }
  }
  uint64_t pml4_of(RootId r) {
    // The acquire that gives the same name again.
    for (uint64_t g = 1; g <= kTablePages; ++g) {
      const auto again = set->acquire(Gpa{g * kPage});
      if (!again.ok()) continue;
      set->release(*again);
      if (*again == r) return g;
    }
    ADD_FAILURE() << "no such root";
    return 0;
  }
};

TEST_P(RandomPpgtt, TheShadowIsTheGuestsTablesAfterEachSync) {
  limits.oos_after_writes = 1 + static_cast<uint32_t>(random.below(3));
  if (random.percent(30)) limits.out_of_sync = static_cast<uint32_t>(random.below(3));
  limits.kept_open = static_cast<uint32_t>(random.below(3));
  start();
  domain.unpinnable.insert(random.below(kRamPages));
  for (int i = 0; i < 60; ++i) edit();
  roots[0] = root_of(1);
  roots[1] = root_of(2);
  for (int round = 0; round < 12; ++round) {
    for (uint64_t n = random.below(12); n > 0; --n) edit();
    if (random.percent(15)) change_roots();
    if (random.percent(20)) {
      ASSERT_TRUE(retired.flush().ok());
    }
    // Sometimes long enough for leaves to settle and be protected again.
    for (uint64_t n = random.percent(20) ? 10 : 0; n > 0; --n) (void)set->sync(roots[0]);
    ASSERT_NO_FATAL_FAILURE(expect_as_reference()) << "round " << round;
  }
  expect_all_dropped();
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomPpgtt, testing::Range(0, 40));

struct PpgttOnABudget : RandomPpgtt {};

/// However little may be done at once: in the end it is the same, and no call does much more.
TEST_P(PpgttOnABudget, TheShadowIsTheGuestsTablesOnceSyncHasDoneItAll) {
  // All tables can be read within the burst, but not made. Beyond: two leaves of a page, read anew.
  constexpr uint64_t kBurst = 80'000, kMostBeyond = 120'000;
  work = std::make_unique<Work>(Work::Limits{.burst_ns = kBurst, .resume_ns = 1'000});
  limits.oos_after_writes = 1 + static_cast<uint32_t>(random.below(3));
  if (random.percent(30)) limits.out_of_sync = static_cast<uint32_t>(random.below(3));
  start();
  const auto bounded = [&] {
    ASSERT_LE(work->debt_ns(), kBurst + kMostBeyond);
    pay();
  };
  for (int i = 0; i < 60; ++i) edit();
  roots[0] = root_of(1);
  ASSERT_NO_FATAL_FAILURE(bounded());
  roots[1] = root_of(2);
  for (int round = 0; round < 12; ++round) {
    for (uint64_t n = random.below(12); n > 0; --n) {
      edit();
      ASSERT_NO_FATAL_FAILURE(bounded());
    }
    if (random.percent(15)) change_roots();
    if (random.percent(50)) (void)set->sync(roots[0]);  // and what is left stays for later
    for (const RootId r : roots) {
      std::set<uint64_t> reached;
      ASSERT_NO_FATAL_FAILURE(visit(set->root_frame(r), 4, reached));
    }
    work->settle(now += 1'000'000'000);
    ASSERT_NO_FATAL_FAILURE(expect_as_reference()) << "round " << round;
  }
  expect_all_dropped();
}
INSTANTIATE_TEST_SUITE_P(Seeds, PpgttOnABudget, testing::Range(200, 240));

struct FailingPpgtt : RandomPpgtt {};

/// Whatever fails, nothing foreign is reachable and nothing leaks; when it stops failing, all
/// heals.
TEST_P(FailingPpgtt, FailuresHealAndLeakNothing) {
  if (random.percent(30)) limits.tables = 12;
  limits.kept_open = static_cast<uint32_t>(random.below(3));
  start();
  for (int i = 0; i < 60; ++i) edit();
  roots[0] = root_of(1);
  for (int round = 0; round < 12; ++round) {
    gpu.fail_alloc_at = random.below(6);
    for (const auto call : {fake::Call::pin, fake::Call::read, fake::Call::protect}) {
      domain.fail_at(call, random.percent(50) ? random.below(20) : 0);
    }
    gpu.fail_invalidate_at = random.below(3);
    for (uint64_t n = random.below(12); n > 0; --n) edit();
    if (random.percent(10)) change_roots();
    (void)retired.flush();
    (void)set->sync(roots[0]);
    for (const RootId r : roots) {
      std::set<uint64_t> reached;
      if (!set->sync(r).ok()) continue;
      ASSERT_NO_FATAL_FAILURE(visit(set->root_frame(r), 4, reached));
    }
  }
  gpu.fail_alloc_at = gpu.fail_invalidate_at = 0;
  for (const auto call : {fake::Call::pin, fake::Call::read, fake::Call::protect}) {
    domain.fail_at(call, 0);
  }
  if (limits.tables > 12) {
    for (RootId& r : roots) {
      if (!set->sync(r).ok()) r = root_of(3);
      for (int i = 0; i < 20; ++i) ASSERT_TRUE(set->sync(r).ok());
    }
    ASSERT_NO_FATAL_FAILURE(expect_as_reference());
  }
  expect_all_dropped();
}
INSTANTIATE_TEST_SUITE_P(Seeds, FailingPpgtt, testing::Range(100, 140));

}  // namespace
}  // namespace shadow::test

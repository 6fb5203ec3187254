// SPDX-License-Identifier: MIT
// PPGTT shadowing: entries of all sizes, sharing, tracking, roots, limits, CPU access.
#include "shadow/ppgtt.h"

#include "tests/unit/shadow/ppgtt_fixture.h"

namespace shadow::test {
namespace {

TEST_F(PpgttTest, AMappedPageIsReachedWithItsFlags) {
  chain();
  write(kPt, 5, entry(100, kP | kRw | hv::bit64(7)));
  write(kPt, 6, entry(101, kP));
  const RootId root = synced();
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 5)), page_of(100));
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 6)), page_of(101, false));
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 7)), Seen{});
  EXPECT_EQ(walk(root, va_of(1, 0, 0, 5)), Seen{});
  EXPECT_EQ(domain.pins(Gfn{100}), 1u);
  expect_all_dropped();
}

TEST_F(PpgttTest, UpperTablesAreProtectedAndAFreshLeafIsNot) {
  chain();
  const RootId root = root_of();
  EXPECT_TRUE(domain.is_protected(Gfn{kPml4}) && domain.is_protected(Gfn{kPdp}) &&
              domain.is_protected(Gfn{kPd}));
  EXPECT_FALSE(domain.is_protected(Gfn{kPt}));
  EXPECT_TRUE(set->tracks(Gfn{kPt}));
  EXPECT_FALSE(set->tracks(Gfn{100}));
  for (unsigned i = 0; i < 512; ++i) write(kPt, i, entry(1000 + i));
  EXPECT_EQ(set->counts().page_writes, 0u);
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 511)), page_of(1511));
}

TEST_F(PpgttTest, ALeafIsNotLinkedBeforeItWasRead) {
  chain();
  write(kPt, 0, entry(100));
  const RootId root = root_of();
  EXPECT_EQ(walk(root, 0), Seen{});
  EXPECT_FALSE(set->translate(root, 0).ok());
  EXPECT_EQ(domain.total_pins(), 0u);
}

TEST_F(PpgttTest, ASettledLeafIsProtectedAndABurstReleasesIt) {
  chain();
  write(kPt, 0, entry(100));
  const RootId root = root_of();
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(set->sync(root).ok());
  ASSERT_TRUE(domain.is_protected(Gfn{kPt}));
  const uint64_t reads = domain.count(fake::Call::read);
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(domain.count(fake::Call::read), reads);

  write(kPt, 0, entry(200));
  EXPECT_EQ(walk(root, 0), page_of(200)) << "a trapped write is seen at once";
  EXPECT_TRUE(domain.is_protected(Gfn{kPt}));
  for (unsigned i = 1; i < 100; ++i) write(kPt, i, entry(200 + i));
  EXPECT_FALSE(domain.is_protected(Gfn{kPt}));
  EXPECT_EQ(set->counts().page_writes, 2u);
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 99)), page_of(299));
}

TEST_F(PpgttTest, TheLeavesThatChangedLastStayOpen) {
  constexpr unsigned kLeaves = 6;
  constexpr uint64_t kFirst = 40;
  limits.kept_open = 2;
  start();
  chain();
  for (unsigned i = 0; i < kLeaves; ++i) write(kPd, i, entry(kFirst + i));
  const RootId root = synced();
  for (unsigned i = 0; i < kLeaves; ++i) {
    write(kFirst + i, 0, entry(100 + i));
    ASSERT_TRUE(set->sync(root).ok());
  }
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(set->sync(root).ok());
  for (unsigned i = 0; i < kLeaves; ++i)
    EXPECT_EQ(domain.is_protected(Gfn{kFirst + i}), i < kLeaves - limits.kept_open) << i;
  const uint64_t trapped = set->counts().page_writes;
  for (unsigned i = 0; i < 512; ++i) write(kFirst + kLeaves - 1, i, entry(1000 + i));
  EXPECT_EQ(set->counts().page_writes, trapped) << "a run into a table in use does not trap";
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, va_of(0, 0, kLeaves - 1, 511)), page_of(1511));
}

TEST_F(PpgttTest, AWriteIsSeenHoweverLongTheLeafWasQuiet) {
  for (int quiet = 0; quiet < 14; ++quiet) {
    limits.kept_open = quiet % 2 == 0 ? 0 : 8;
    start();
    chain();
    write(kPt, 0, entry(100));
    const RootId root = root_of();
    for (int i = 0; i < quiet; ++i) ASSERT_TRUE(set->sync(root).ok());
    write(kPt, 0, entry(200));
    ASSERT_TRUE(set->sync(root).ok());
    EXPECT_EQ(walk(root, 0), page_of(200)) << quiet;
  }
}

TEST_F(PpgttTest, AnEntryRewrittenKeepsItsOldFrameUntilTheInvalidation) {
  chain();
  write(kPt, 0, entry(100));
  const RootId root = synced();
  ASSERT_TRUE(retired.flush().ok());
  write(kPt, 0, entry(200));
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, 0), page_of(200));
  EXPECT_EQ(domain.pins(Gfn{100}), 1u);
  EXPECT_TRUE(retired.pending());
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(domain.pins(Gfn{100}), 0u);
}

TEST_F(PpgttTest, ANewEntryNeedsNoInvalidation) {
  chain();
  write(kPt, 0, entry(100));
  const RootId root = synced();
  write(kPt, 1, entry(101));
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_FALSE(retired.pending());
}

TEST_F(PpgttTest, AFlagChangeNeitherPinsNorUnpins) {
  chain();
  write(kPt, 0, entry(100));
  const RootId root = synced();
  const uint64_t pins = domain.count(fake::Call::pin);
  write(kPt, 0, entry(100, kP));
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, 0), page_of(100, false));
  EXPECT_EQ(domain.count(fake::Call::pin), pins);
  EXPECT_TRUE(retired.pending()) << "the GPU may hold the writable entry";
}

TEST_F(PpgttTest, SixtyFourKPagesAreSixteenEntriesOfTheFirst) {
  chain();
  write(kPd, 0, entry(kPt, kP | kRw | gen9::kPdeIps64K));
  write(kPt, 16, entry(160));
  write(kPt, 17, entry(999));
  write(kPt, 32, entry(161));
  const RootId root = synced();
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 16)), page_of(160));
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 31)), page_of(175));
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 15)), Seen{});
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 32)), Seen{Seen::scratch}) << "64 KiB pages are aligned";
  EXPECT_EQ(set->translate(root, va_of(0, 0, 0, 31) + 5)->v, 175 * kPage + 5);
}

TEST_F(PpgttTest, ATwoMegabytePageIsSplit) {
  chain();
  write(kPd, 1, entry(512, kP | kRw | gen9::kPdePageSize) | hv::bit64(12));
  const RootId root = synced();
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 0)), page_of(512));
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 511)), page_of(1023));
  EXPECT_EQ(domain.total_pins(), 512u);
  write(kPd, 1, entry(513, kP | kRw | gen9::kPdePageSize));
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 0)), page_of(512)) << "bit 12 is PAT";
  write(kPd, 1, entry(514, kP | kRw | gen9::kPdePageSize));
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 0)), Seen{Seen::scratch}) << "2 MiB pages are aligned";
  expect_all_dropped();
}

TEST_F(PpgttTest, IllegalEntriesBecomeScratchAtEveryLevel) {
  chain();
  write(kPml4, 1, entry(kPdp, kP | kRw | gen9::kPdePageSize));
  write(kPml4, 2, entry(kRamPages + 5));
  write(kPdp, 1, entry(512, kP | kRw | gen9::kPdePageSize));
  write(kPd, 2, entry(kRamPages + 7));
  write(kPd, 3, entry(kPt) | uint64_t{1} << 50);
  write(kPt, 0, entry(100) | uint64_t{1} << 46);
  write(kPt, 1, entry(kRamPages));
  const RootId root = synced();
  for (const uint64_t va :
       {va_of(1, 0, 0, 0), va_of(2, 0, 0, 9), va_of(0, 1, 7, 7), va_of(0, 0, 2, 0),
        va_of(0, 0, 3, 0), va_of(0, 0, 0, 0), va_of(0, 0, 0, 1)}) {
    EXPECT_EQ(walk(root, va), Seen{Seen::scratch}) << std::hex << va;
    EXPECT_FALSE(set->translate(root, va).ok());
  }
  EXPECT_EQ(set->counts().bad_entries, 7u);
  expect_all_dropped();
}

TEST_F(PpgttTest, ABadEntryThatBecomesPossibleIsTriedAgain) {
  chain();
  domain.unpinnable.insert(100);
  write(kPt, 0, entry(100));
  const RootId root = synced();
  EXPECT_EQ(walk(root, 0), Seen{Seen::scratch});
  domain.unpinnable.clear();
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, 0), page_of(100));
}

TEST_F(PpgttTest, TablesOfOnePageAreShared) {
  chain();
  write(kPd, 1, entry(kPt));
  write(kPdp, 1, entry(kPd));
  write(kPt, 3, entry(100));
  const RootId root = synced();
  EXPECT_EQ(set->counts().tables, 4u);
  EXPECT_EQ(domain.pins(Gfn{100}), 1u);
  EXPECT_EQ(walk(root, va_of(0, 1, 1, 3)), page_of(100));
  write(kPdp, 0, 0);
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 3)), Seen{});
  EXPECT_EQ(walk(root, va_of(0, 1, 0, 3)), page_of(100));
  write(kPdp, 1, 0);
  EXPECT_EQ(set->counts().tables, 2u);
  EXPECT_FALSE(domain.is_protected(Gfn{kPd}));
}

TEST_F(PpgttTest, ATableThatNamesItselfEndsAfterFourLevels) {
  write(kPml4, 0, entry(kPml4));
  write(kPml4, 1, entry(77));
  const RootId root = synced();
  EXPECT_EQ(set->counts().tables, 7u) << "pages 1 and 77, at each level they are reached";
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 1)), page_of(77));
  EXPECT_EQ(walk(root, va_of(0, 0, 0, 0)), page_of(kPml4));
  EXPECT_TRUE(domain.is_protected(Gfn{kPml4}));
  write(kPml4, 0, 0);
  EXPECT_EQ(set->counts().tables, 2u);
  EXPECT_EQ(walk(root, 0), Seen{});
  expect_all_dropped();
}

TEST_F(PpgttTest, WritesOfAnySizeAreReadAnew) {
  chain();
  write(kPt, 0, entry(100));
  const RootId root = synced();
  domain.cpu_write(kPd * kPage + 12, 0, 4);  // high half of entry 1
  domain.cpu_write(kPd * kPage + 8, entry(kPt), 4);
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 0)), page_of(100));
  domain.cpu_write(kPd * kPage + 5, 0, 8);  // parts of entries 0 and 1
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 0)), reference(kPml4, va_of(0, 0, 1, 0)));
  EXPECT_EQ(walk(root, 0), page_of(100));
  domain.cpu_write(kPd * kPage, 0, 1);
  EXPECT_EQ(walk(root, 0), Seen{});
}

TEST_F(PpgttTest, RootsAreCountedAndStaleNamesMeanNothing) {
  chain();
  ASSERT_TRUE(set->create(Gpa{kPml4 * kPage}).ok());
  EXPECT_FALSE(set->create(Gpa{kPml4 * kPage}).ok());
  const RootId root = root_of();
  EXPECT_EQ(set->counts().roots, 1u);
  ASSERT_TRUE(set->destroy(Gpa{kPml4 * kPage}).ok());
  EXPECT_FALSE(set->destroy(Gpa{kPml4 * kPage}).ok());
  EXPECT_TRUE(set->sync(root).ok());
  set->release(root);
  EXPECT_EQ(set->counts().roots, 0u);
  EXPECT_EQ(set->counts().tables, 0u);
  EXPECT_FALSE(set->sync(root).ok());
  EXPECT_EQ(set->root_frame(root), hv::kNoFrame);
  set->release(root);
  EXPECT_NE(root_of(), root);
  EXPECT_FALSE(set->sync(RootId{}).ok());
}

TEST_F(PpgttTest, RootsThatCannotBeAreRefused) {
  EXPECT_FALSE(set->acquire(Gpa{kPage + 8}).ok());
  EXPECT_FALSE(set->acquire(Gpa{kRamPages * kPage}).ok());
  EXPECT_FALSE(set->acquire(Gpa{uint64_t{1} << 60}).ok());
  EXPECT_FALSE(set->destroy(Gpa{kPage}).ok());
  expect_all_dropped();
}

TEST_F(PpgttTest, LimitsHoldAndWhatDidNotFitComesLater) {
  limits.tables = 4;
  limits.roots = 1;
  start();
  chain();
  write(kPd, 1, entry(kPt2));
  write(kPt2, 0, entry(100));
  const RootId root = synced();
  EXPECT_EQ(set->counts().tables, 4u);
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 0)), Seen{Seen::scratch});
  EXPECT_EQ(set->acquire(Gpa{kPd * kPage}).error(), hv::Error::no_memory);
  write(kPd, 0, 0);
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 0)), page_of(100));
}

TEST_F(PpgttTest, LeavesBeyondTheOutOfSyncLimitAreProtected) {
  limits.out_of_sync = 1;
  start();
  chain();
  write(kPd, 1, entry(kPt2));
  write(kPt2, 0, entry(100));
  const RootId root = root_of();
  EXPECT_FALSE(domain.is_protected(Gfn{kPt}));
  EXPECT_TRUE(domain.is_protected(Gfn{kPt2}));
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 0)), page_of(100));
  for (unsigned i = 0; i < 9; ++i) write(kPt2, i, entry(200 + i));
  EXPECT_EQ(set->counts().page_writes, 9u);
  EXPECT_EQ(walk(root, va_of(0, 0, 1, 8)), page_of(208));
}

TEST_F(PpgttTest, EachGuestPageIsReadOncePerSync) {
  chain();
  for (unsigned i = 1; i < 20; ++i) write(kPd, i, entry(kPt));
  const RootId root = root_of();
  const uint64_t reads = domain.count(fake::Call::read);
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(domain.count(fake::Call::read), reads + 1);
}

TEST_F(PpgttTest, ATableThatChangesRightAfterItWasReadIsUsedAsItWasRead) {
  chain();
  write(kPt, 0, entry(100));
  const RootId root = root_of();
  domain.after_read = [&](Gpa at, uint64_t) {
    if (at.v == kPt * kPage) domain.poke(kPt * kPage, entry(666));
  };
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, 0), page_of(100));
  EXPECT_EQ(set->translate(root, 0)->v, 100 * kPage);
  EXPECT_EQ(domain.pins(Gfn{666}), 0u);
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(walk(root, 0), page_of(666));
}

TEST_F(PpgttTest, TheCpuReadsThroughTheTables) {
  chain();
  write(kPt, 0, entry(100));
  write(kPt, 1, entry(50, kP));
  const RootId root = synced();
  domain.poke<uint32_t>(100 * kPage + 0xffc, 0x11223344);
  domain.poke<uint32_t>(50 * kPage, 0x55667788);
  std::array<std::byte, 8> bytes{};
  ASSERT_TRUE(set->read(root, 0xffc, bytes).ok());
  EXPECT_EQ(hv::load<uint64_t>(bytes.data()), 0x5566778811223344u);
  bool writable = false;
  EXPECT_TRUE(set->translate(root, 0, &writable).ok() && writable);
  EXPECT_TRUE(set->translate(root, 0x1000, &writable).ok() && !writable);
  EXPECT_FALSE(set->read(root, 0x1ffc, bytes).ok());
}

TEST_F(PpgttTest, ResetDropsEverythingAndStartsAnew) {
  chain();
  write(kPt, 0, entry(100));
  const RootId old = synced();
  expect_all_dropped();
  EXPECT_FALSE(set->sync(old).ok());
  write(kPt, 0, entry(101));
  EXPECT_EQ(walk(synced(), 0), page_of(101));
}

}  // namespace
}  // namespace shadow::test

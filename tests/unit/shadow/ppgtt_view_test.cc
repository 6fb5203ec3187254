// SPDX-License-Identifier: MIT
// Views: a private path on which other frames stand, following the shared tables otherwise.
#include "shadow/ppgtt.h"
#include "tests/unit/shadow/ppgtt_fixture.h"

namespace shadow::test {
namespace {

struct ViewTest : PpgttTest {
  static constexpr uint64_t kA = va_of(0, 0, 0, 5), kB = va_of(0, 0, 0, 6), kC = va_of(0, 0, 1, 0);
  RootId root;
  hv::BusFrame batch;
  std::unique_ptr<PpgttSet::View> view;

  void SetUp() override {
    start();
    chain();
    write(kPd, 1, entry(kPt2));
    write(kPt, 5, entry(100, kP | kRw | hv::bit64(7)));
    write(kPt, 6, entry(101));
    write(kPt2, 0, entry(102));
    root = synced();
    batch = *gpu.alloc_page(PageUse::batch, kOwner);
    auto made = set->make_view(root);
    ASSERT_TRUE(made.ok());
    view = std::move(*made);
  }
  void TearDown() override {
    view.reset();
    gpu.free_page(batch);
    expect_all_dropped();
  }
  Seen seen(uint64_t va) { return walk(view->root_frame(), va); }
  Seen replaced() { return {Seen::page, batch.v, false}; }
};

TEST_F(ViewTest, ShowsTheReplacementReadOnlyAndTheRestUnchanged) {
  ASSERT_TRUE(view->replace(kA, batch).ok());
  EXPECT_EQ(seen(kA), replaced());
  EXPECT_EQ(seen(kB), page_of(101));
  EXPECT_EQ(seen(kC), page_of(102));
  EXPECT_EQ(walk(root, kA), page_of(100)) << "the address space itself is untouched";
}

TEST_F(ViewTest, SeveralReplacementsShareTheirCopies) {
  const uint64_t before = set->counts().tables;
  ASSERT_TRUE(view->replace(kA, batch).ok());
  ASSERT_TRUE(view->replace(kB, batch).ok());
  EXPECT_EQ(set->counts().tables, before + 3);
  ASSERT_TRUE(view->replace(kC, batch).ok());
  EXPECT_EQ(set->counts().tables, before + 4);
  for (const uint64_t va : {kA, kB, kC}) EXPECT_EQ(seen(va), replaced());
}

TEST_F(ViewTest, OnlyMappedPagesAreReplaced) {
  EXPECT_FALSE(view->replace(va_of(0, 0, 0, 7), batch).ok());
  EXPECT_FALSE(view->replace(va_of(0, 3, 0, 0), batch).ok());
  EXPECT_FALSE(set->make_view(RootId{}).ok());
}

TEST_F(ViewTest, FollowsLaterChangesOfTheSharedTables) {
  ASSERT_TRUE(view->replace(kA, batch).ok());
  write(kPt, 6, entry(200));
  write(kPt, 5, entry(201));
  write(kPt2, 0, entry(202));
  write(kPd, 2, entry(kPt2));
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(seen(kA), replaced());
  EXPECT_EQ(seen(kB), page_of(200));
  EXPECT_EQ(seen(kC), page_of(202));
  EXPECT_EQ(seen(va_of(0, 0, 2, 0)), page_of(202));
}

TEST_F(ViewTest, FollowsATableReplacedAboveTheCopy) {
  ASSERT_TRUE(view->replace(kA, batch).ok());
  write(kPt2, 6, entry(300));
  write(kPd, 0, entry(kPt2));
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(seen(kA), replaced());
  EXPECT_EQ(seen(kB), page_of(300));
  EXPECT_EQ(seen(va_of(0, 0, 0, 0)), page_of(102));
}

TEST_F(ViewTest, OutlivesTheTablesItWasCopiedFrom) {
  ASSERT_TRUE(view->replace(kA, batch).ok());
  write(kPml4, 0, 0);
  EXPECT_EQ(seen(kB), Seen{});
  EXPECT_EQ(seen(kA), replaced());
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(domain.total_pins(), 0u);
  write(kPml4, 0, entry(kPdp));
  ASSERT_TRUE(set->sync(root).ok());
  EXPECT_EQ(seen(kB), page_of(101));
  EXPECT_EQ(seen(kA), replaced());
}

TEST_F(ViewTest, AResetEmptiesIt) {
  ASSERT_TRUE(view->replace(kA, batch).ok());
  set->reset();
  EXPECT_EQ(seen(kB), Seen{});
  EXPECT_EQ(seen(kC), Seen{});
}

TEST_F(ViewTest, APageOfASplitHugePageCanBeReplaced) {
  write(kPd, 3, entry(512, kP | kRw | gen9::kPdePageSize));
  ASSERT_TRUE(view->replace(va_of(0, 0, 3, 9), batch).ok());
  EXPECT_EQ(seen(va_of(0, 0, 3, 9)), replaced());
  EXPECT_EQ(seen(va_of(0, 0, 3, 10)), page_of(522));
  write(kPd, 3, entry(1024, kP | kRw | gen9::kPdePageSize));
  EXPECT_EQ(seen(va_of(0, 0, 3, 9)), replaced());
  EXPECT_EQ(seen(va_of(0, 0, 3, 10)), page_of(1034));
}

TEST_F(ViewTest, FailsCleanlyWhenPagesRunOut) {
  for (uint64_t n = 1; n <= 3; ++n) {
    gpu.fail_alloc_at = n;
    EXPECT_FALSE(view->replace(kC, batch).ok() && n == 1);
    EXPECT_EQ(seen(kB), page_of(101));
  }
  gpu.fail_alloc_at = 1;
  EXPECT_FALSE(set->make_view(root).ok());
  EXPECT_TRUE(view->replace(kA, batch).ok());
}

}  // namespace
}  // namespace shadow::test

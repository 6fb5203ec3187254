// SPDX-License-Identifier: MIT
// Pages of the host's own for a GPU of silicon.
#include "hv/xen/own_pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "tests/fake/fake_tables.h"

namespace hv::xen {
namespace {

class OwnPagesTest : public testing::Test {
 protected:
  std::unique_ptr<MachineFrames> find() {
    auto owned = std::make_unique<fake::FakeTables>();
    tables = owned.get();
    return std::move(MachineFrames::open(std::move(owned)).value());
  }
  std::byte* map(size_t n) {
    if (blocks_left-- == 0) return nullptr;
    void* p =
        mmap(nullptr, n * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (spoil_next) tables->entry(p) &= ~uint64_t{1};
    return static_cast<std::byte*>(p);
  }
  int blocks_left = 2;
  bool spoil_next = false;
  fake::FakeTables* tables = nullptr;
  std::unique_ptr<MachineFrames> machine = find();
  OwnPages pages{*machine, [this](size_t n) { return map(n); }};
};

TEST_F(OwnPagesTest, each_has_the_frame_that_the_tables_hold) {
  for (int i = 0; i < 100; ++i) {
    const auto p = pages.alloc();
    ASSERT_TRUE(p.ok());
    EXPECT_EQ(p->frame.v, tables->entry(p->memory) >> 12);
  }
  EXPECT_EQ(pages.in_use(), 100u);
}
TEST_F(OwnPagesTest, a_page_is_used_again_after_it_was_freed_and_not_before) {
  const auto first = pages.alloc(), second = pages.alloc();
  EXPECT_NE(first->frame, second->frame);
  pages.free(first->frame);
  pages.free(first->frame);
  pages.free(BusFrame{1});
  EXPECT_EQ(pages.in_use(), 1u);
  EXPECT_EQ(pages.alloc()->frame, first->frame);
  EXPECT_NE(pages.alloc()->frame, first->frame);
}
TEST_F(OwnPagesTest, ends_with_the_kernels_memory) {
  blocks_left = 1;
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(pages.alloc().ok());
  EXPECT_EQ(pages.alloc().error(), Error::no_memory);
}
TEST_F(OwnPagesTest, gives_no_page_of_a_block_that_is_not_proven) {
  spoil_next = true;
  EXPECT_EQ(pages.alloc().error(), Error::no_memory);
  spoil_next = false;
  EXPECT_TRUE(pages.alloc().ok());
}

}  // namespace
}  // namespace hv::xen

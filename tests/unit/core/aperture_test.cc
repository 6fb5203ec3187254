// SPDX-License-Identifier: MIT
// The aperture: rows of accesses stop trapping, and start again when what they reach is another.
#include "tests/unit/core/core_world.h"

namespace core_test {
namespace {

constexpr uint64_t kBar2 = 0xe0000000;

struct ApertureTest : CoreWorld {
  void SetUp() override {
    CoreWorld::SetUp();
    guest = &add_guest();
    guest->domain.allow_showing(true);
    guest->domain.config_write(0x18, 4, kBar2);
    guest->domain.config_write(0x04, 2, 2);
  }
  void write(uint64_t at, uint64_t value, unsigned size = 8) {
    guest->domain.cpu_write(hv::Gpa{kBar2 + at}, size, value);
  }
  uint64_t read(uint64_t at, unsigned size = 8) {
    return guest->domain.cpu_read(hv::Gpa{kBar2 + at}, size);
  }
  uint64_t ram(uint64_t at) { return guest->domain.cpu_read(hv::Gpa{at}, 8); }
  [[nodiscard]] uint64_t exits() const {
    return guest->domain.counts().aperture_reads + guest->domain.counts().aperture_writes;
  }
  /// Three accesses at a page.
  void touch(uint64_t page) {
    for (uint64_t i = 0; i < 3; ++i) (void)read(page << 12 | i * 8);
  }
  bool traps(uint64_t page) {
    const uint64_t before = exits();
    (void)read(page << 12 | 0x100);
    return exits() != before;
  }
  void entry(uint64_t page, uint64_t value) {
    guest->traps->on_write(hv::Range::bar0, gen9::kGttOffset + page * 8, 8, value);
  }
  void fence(unsigned n, uint64_t first, uint64_t last) {
    const uint64_t value = last << 44 | uint64_t{7} << 32 | first << 12 | 1;
    guest->traps->on_write(hv::Range::bar0, gen9::kFence0 + 8 * n, 8, value);
  }
  Guest* guest = nullptr;
};

TEST_F(ApertureTest, a_row_of_accesses_stops_trapping) {
  for (uint64_t at = 0; at < 0x8000; at += 8) write(0x200000 + at, at);
  EXPECT_EQ(exits(), 3u);
  for (uint64_t at = 0; at < 0x8000; at += 8) ASSERT_EQ(ram(0x200000 + at), at);
}
TEST_F(ApertureTest, single_accesses_show_nothing) {
  for (uint64_t page = 0x200; page < 0x240; page += 2) write(page << 12, 1);
  EXPECT_EQ(guest->domain.shown_pages(), 0u);
}
TEST_F(ApertureTest, a_row_goes_on_where_the_shown_pages_end) {
  touch(0x200);
  EXPECT_EQ(guest->domain.shown_pages(), 256u);
  const uint64_t before = exits();
  (void)read(0x300 << 12);
  EXPECT_FALSE(traps(0x300));
  EXPECT_EQ(exits(), before + 1);
}
TEST_F(ApertureTest, a_changed_entry_shows_the_other_page) {
  touch(0x200);
  entry(0x203, uint64_t{0x777} << 12 | 1);
  EXPECT_TRUE(traps(0x203));
  write(0x203000, 0x55);
  EXPECT_EQ(ram(0x777000), 0x55u);
}
TEST_F(ApertureTest, a_cleared_entry_hides_its_page) {
  touch(0x200);
  entry(0x203, 0);
  EXPECT_TRUE(traps(0x203));
  write(0x203000, 0x55);
  EXPECT_EQ(ram(0x203000), 0u);
}
TEST_F(ApertureTest, writing_an_entry_as_it_was_hides_nothing) {
  touch(0x200);
  entry(0x203, uint64_t{0x203} << 12 | 1);
  EXPECT_FALSE(traps(0x203));
}
TEST_F(ApertureTest, a_page_without_an_entry_ends_what_is_shown) {
  entry(0x205, 0);
  touch(0x200);
  EXPECT_EQ(guest->domain.shown_pages(), 5u);
  touch(0x205);
  EXPECT_TRUE(traps(0x205));
}
TEST_F(ApertureTest, pages_under_a_fence_trap_and_are_detiled) {
  touch(0x200);
  fence(0, 0x202, 0x205);
  EXPECT_TRUE(traps(0x202));
  EXPECT_TRUE(traps(0x205));
  // The second half of the first row of two X tiles.
  for (unsigned i = 0; i < 3; ++i) write(0x202000 + 512, 0x55);
  EXPECT_EQ(ram(0x203000), 0x55u);
  EXPECT_TRUE(traps(0x202)) << "also after a row of accesses";
}
TEST_F(ApertureTest, a_fence_elsewhere_hides_nothing) {
  touch(0x200);
  fence(0, 0x400, 0x405);
  EXPECT_FALSE(traps(0x202));
}
TEST_F(ApertureTest, without_its_fence_a_page_is_shown) {
  fence(0, 0x202, 0x205);
  touch(0x202);
  EXPECT_TRUE(traps(0x202));
  guest->traps->on_write(hv::Range::bar0, gen9::kFence0, 8, 0);
  touch(0x202);
  EXPECT_FALSE(traps(0x202));
}
TEST_F(ApertureTest, moving_the_bar_starts_anew) {
  touch(0x200);
  guest->domain.config_write(0x04, 2, 0);
  EXPECT_EQ(guest->domain.shown_pages(), 0u);
  guest->domain.config_write(0x04, 2, 2);
  EXPECT_TRUE(traps(0x200));
  touch(0x200);
  EXPECT_FALSE(traps(0x200));
}
TEST_F(ApertureTest, beyond_the_guests_own_window_nothing_is_shown) {
  touch(0x4000);
  EXPECT_EQ(guest->domain.shown_pages(), 0u);
}
TEST_F(ApertureTest, failsafe_hides_everything_for_good) {
  touch(0x200);
  guest->mmio(EngineId::rcs, rel::kRingMode, 1u << 16 | 1);
  EXPECT_NE(guest->stats().failsafe, mediator::FailsafeReason::none);
  EXPECT_EQ(guest->domain.shown_pages(), 0u);
  touch(0x200);
  EXPECT_EQ(guest->domain.shown_pages(), 0u);
}
TEST_F(ApertureTest, a_vgpu_that_goes_takes_its_pages_along) {
  touch(0x200);
  auto& domain = guest->domain;
  mediator->destroy_vgpu(guest->vgpu);
  EXPECT_EQ(domain.shown_pages(), 0u);
}
TEST_F(ApertureTest, where_nothing_can_be_shown_everything_goes_on_trapping) {
  guest->domain.allow_showing(false);
  for (uint64_t at = 0; at < 0x200; at += 8) write(0x200000 + at, at);
  EXPECT_EQ(exits(), 64u);
  EXPECT_EQ(ram(0x2001f8), 0x1f8u);
}

}  // namespace
}  // namespace core_test

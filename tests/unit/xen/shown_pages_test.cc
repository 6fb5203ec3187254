// SPDX-License-Identifier: MIT
// RAM of the guest shown behind its aperture: without exits, never another guest's, never without a
// reference, and gone when it must be.
#include "hv/xen/shown_pages.h"

#include <gmock/gmock.h>

#include <numeric>

#include "hv/xen/machine_frames.h"
#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

class ShownPagesTest : public XenWorld {
 protected:
  void SetUp() override {
    machine = std::move(MachineFrames::open(xen.own_tables()).value());
    config.show = machine.get();
    config.late_offset = 8 << 20;
    config.late_bytes = kPageSize;
    config.late_entries_show = true;
    ASSERT_EQ(open(), "");
    ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  }
  void TearDown() override {
    EXPECT_FALSE(xen.dangling);
    domain.reset();
    EXPECT_TRUE(xen.shown.empty());
    EXPECT_TRUE(xen.allowed.empty());
    EXPECT_EQ(xen.mapped_pages, 0);
    EXPECT_FALSE(xen.dangling);
  }
  uint64_t show(uint64_t page, std::vector<uint64_t> pages) {
    std::vector<Gfn> gfns;
    for (const uint64_t g : pages) gfns.emplace_back(g);
    return domain->show_ram(Range::bar2, page << kPageShift, gfns).value();
  }
  /// Pages of the aperture that do not trap.
  std::vector<uint64_t> shown() {
    std::vector<uint64_t> pages;
    for (const auto& [gfn, frame] : xen.shown) pages.push_back(gfn - (kBar2 >> kPageShift));
    return pages;
  }
  void expect_nothing_held() {
    EXPECT_TRUE(xen.shown.empty());
    EXPECT_TRUE(xen.allowed.empty());
    EXPECT_EQ(domain->pinned_frames(), 0u);
  }
  std::unique_ptr<MachineFrames> machine;
};
using testing::ElementsAre;

TEST_F(ShownPagesTest, the_guest_reaches_its_own_page_without_an_exit) {
  EXPECT_EQ(show(3, {17}), 1u);
  const unsigned before = xen.exits;
  xen.cpu_write(kBar2 + 0x3008, 8, 0x1122334455667788);
  EXPECT_EQ(xen.cpu_read(kBar2 + 0x3008, 8), 0x1122334455667788u);
  EXPECT_EQ(xen.exits, before);
  EXPECT_EQ(xen.ram<uint64_t>(0x11008), 0x1122334455667788u);
  uint64_t seen = 0;
  ASSERT_TRUE(domain->read(Gpa{0x11008}, std::as_writable_bytes(std::span{&seen, 1})).ok());
  EXPECT_EQ(seen, 0x1122334455667788u) << "and so does the mediator";
}
TEST_F(ShownPagesTest, neighbouring_frames_cost_one_mapping) {
  EXPECT_EQ(show(0, {10, 11, 12, 20, 21}), 5u);
  EXPECT_EQ(xen.shows, 2u);
  EXPECT_EQ(domain->shown_pages(), 5u);
}
TEST_F(ShownPagesTest, hiding_takes_permission_and_reference_too) {
  show(0, {10, 11, 12});
  domain->hide_ram(Range::bar2, kPageSize, 1);
  expect_nothing_held();
  domain->hide_ram(Range::bar2, 0, kBar2Bytes >> kPageShift);
  EXPECT_EQ(xen.shows, 2u) << "nothing is there to be taken away";
}
TEST_F(ShownPagesTest, only_the_mappings_in_the_way_are_hidden) {
  show(0, {10, 11});
  show(2, {30});
  show(7, {40});
  domain->hide_ram(Range::bar2, 2 * kPageSize, 5);
  EXPECT_THAT(shown(), ElementsAre(0, 1, 7));
}
TEST_F(ShownPagesTest, what_is_no_ram_ends_the_run) {
  EXPECT_EQ(show(0, {10, 100000, 11}), 1u);
  EXPECT_EQ(show(5, {kBar2 >> kPageShift}), 0u) << "its own aperture";
  EXPECT_EQ(show(5, {~uint64_t{0} >> kPageShift}), 0u);
}
TEST_F(ShownPagesTest, protected_pages_are_not_shown) {
  ASSERT_TRUE(domain->protect(Gfn{10}).ok());
  EXPECT_EQ(show(0, {10}), 0u);
  ASSERT_TRUE(domain->unprotect(Gfn{10}).ok());
  EXPECT_EQ(show(0, {10}), 1u);
}
TEST_F(ShownPagesTest, protecting_a_page_takes_it_out_of_the_aperture) {
  show(4, {9, 10, 11});
  ASSERT_TRUE(domain->protect(Gfn{10}).ok());
  expect_nothing_held();
  xen.cpu_write(10 << 12, 8, 1);
  EXPECT_EQ(handler.traps.back().kind, 'p');
}
TEST_F(ShownPagesTest, register_pages_are_not_shown) {
  add_register_pages();
  ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).ok());
  EXPECT_EQ(show(0, {kBar0 >> kPageShift}), 0u);
}
TEST_F(ShownPagesTest, a_frame_that_is_not_that_guest_frame_is_not_shown) {
  // As the machine-to-guest table says of a page that went to another domain.
  xen.m2p_wrong = true;
  EXPECT_EQ(show(0, {10}), 0u);
  expect_nothing_held();
}
TEST_F(ShownPagesTest, a_page_that_cannot_be_found_is_not_shown) {
  xen.tables_error = EINVAL;
  EXPECT_EQ(show(0, {10}), 0u);
  expect_nothing_held();
}
TEST_F(ShownPagesTest, ram_under_the_bar_is_not_replaced) {
  xen.add_page((kBar2 >> kPageShift) + 1);
  EXPECT_EQ(show(0, {10, 11}), 0u);
  expect_nothing_held();
}
TEST_F(ShownPagesTest, a_page_is_shown_in_one_place_only) {
  show(0, {10, 11});
  EXPECT_EQ(show(6, {11}), 1u);
  EXPECT_THAT(shown(), ElementsAre(6)) << "taking the permission back would cut the other off";
  EXPECT_EQ(show(8, {20, 20}), 1u);
}
TEST_F(ShownPagesTest, memory_given_back_is_taken_out_of_the_aperture) {
  show(0, {10});
  show(5, {20});
  xen.remove_page(10);
  xen.io({.address = 0,
          .data = ~uint64_t{0},
          .count = 0,
          .size = 8,
          .port = 0,
          .pad = 0,
          .flags = 0,
          .type = IoType::invalidate});
  EXPECT_THAT(shown(), ElementsAre(5));
}
TEST_F(ShownPagesTest, another_page_at_the_same_guest_frame_is_the_one_shown) {
  show(0, {10});
  xen.remove_page(10);
  xen.add_page(10);
  xen.io({.address = 0,
          .data = ~uint64_t{0},
          .count = 0,
          .size = 8,
          .port = 0,
          .pad = 0,
          .flags = 0,
          .type = IoType::invalidate});
  EXPECT_EQ(show(0, {10}), 1u);
  xen.cpu_write(kBar2, 8, 0x77);
  EXPECT_EQ(xen.ram<uint64_t>(10 << 12), 0x77u);
}
TEST_F(ShownPagesTest, moving_and_disabling_the_bar_takes_everything_away) {
  show(0, {10});
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{0xc0000000}, kBar2Bytes).ok());
  expect_nothing_held();
  show(0, {10});
  EXPECT_TRUE(xen.shown.contains(0xc0000000 >> kPageShift));
  ASSERT_TRUE(domain->remove(Range::bar2).ok());
  expect_nothing_held();
  EXPECT_EQ(show(0, {10}), 0u) << "nowhere to show it";
}
TEST_F(ShownPagesTest, entries_that_change_unseen_show_nothing) {
  entries = domain->register_pages(Range::bar0, 8 << 20, kPageSize).value();
  ASSERT_TRUE(domain->set_direct_read(Range::bar0, 8 << 20, kPageSize, true).ok());
  ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).ok());
  show(0, {10});
  show(511, {12});
  show(512, {13});
  for (uint64_t i = 0; i < 4; ++i) xen.cpu_write(kBar0 + (8 << 20) + i * 8, 8, i);
  EXPECT_THAT(shown(), ElementsAre(512));
}
TEST_F(ShownPagesTest, what_lies_outside_the_bar_is_refused) {
  EXPECT_EQ(show(kBar2Bytes >> kPageShift, {10}), 0u);
  EXPECT_EQ(show((kBar2Bytes >> kPageShift) - 1, {10, 11}), 0u);
  const Gfn g{10};
  EXPECT_FALSE(domain->show_ram(Range::bar2, 12, {&g, 1}).ok());
  EXPECT_FALSE(domain->show_ram(Range::bar0, 0, {&g, 1}).ok());
}
TEST_F(ShownPagesTest, scattered_pages_are_mapped_a_few_at_a_time) {
  std::vector<uint64_t> pages(64);
  for (uint64_t i = 0; i < pages.size(); ++i) pages[i] = 2 * i;
  EXPECT_EQ(show(0, pages), kShownRunsAtOnce);
}
TEST_F(ShownPagesTest, the_oldest_mapping_makes_room) {
  xen.info.max_pages = 4096;
  for (uint64_t i = 256; i < 2 * (kMaxShownRuns + 8); ++i) xen.add_page(i);
  for (uint64_t i = 0; i <= kMaxShownRuns; ++i) ASSERT_EQ(show(i, {2 * i}), 1u);
  EXPECT_EQ(xen.shown.size(), kMaxShownRuns);
  EXPECT_FALSE(xen.shown.contains(kBar2 >> kPageShift));
}
TEST_F(ShownPagesTest, refusals_of_xen_leave_nothing_behind) {
  xen.fail["allow_frames"] = EPERM;
  EXPECT_EQ(show(0, {10}), 0u);
  expect_nothing_held();
  xen.fail["map_frames"] = ENOMEM;
  EXPECT_EQ(show(0, {10}), 0u);
  expect_nothing_held();
  EXPECT_EQ(show(0, {10}), 1u);
}
TEST_F(ShownPagesTest, a_mapping_that_went_in_part_goes_page_by_page) {
  show(0, {10, 11, 12});
  xen.fail["unmap_frames"] = EINVAL;
  domain->hide_ram(Range::bar2, 0, 1);
  expect_nothing_held();
  EXPECT_EQ(show(0, {10}), 1u);
}
TEST_F(ShownPagesTest, ram_that_the_guest_puts_over_it_is_left_alone) {
  show(0, {10});
  xen.shown.clear();
  xen.add_page(kBar2 >> kPageShift);
  domain->hide_ram(Range::bar2, 0, 1);
  expect_nothing_held();
  EXPECT_TRUE(xen.p2m.contains(kBar2 >> kPageShift));
}
TEST_F(ShownPagesTest, a_mapping_that_stays_keeps_its_reference_and_ends_the_showing) {
  show(0, {10});
  xen.broken["unmap_frames"] = EIO;
  domain->hide_ram(Range::bar2, 0, 1);
  EXPECT_EQ(domain->pinned_frames(), 1u);
  EXPECT_EQ(lines.size(), 1u);
  const Gfn g{20};
  EXPECT_EQ(domain->show_ram(Range::bar2, 0x5000, {&g, 1}).error(), Error::not_supported);
  xen.broken.clear();
  domain->hide_ram(Range::bar2, 0, 1);
  expect_nothing_held();
}
TEST_F(ShownPagesTest, a_dying_domain_is_let_go) {
  show(0, {10});
  xen.broken["unmap_frames"] = ESRCH;
  xen.info.dying = true;
  domain->close();
  EXPECT_EQ(xen.mapped_pages, 0);
  xen.shown.clear();
  xen.dangling = false;  // nobody runs there
  xen.allowed.clear();
}
TEST_F(ShownPagesTest, what_an_ended_process_left_is_taken_away_first) {
  show(0, {10, 11});
  show(5, {20});
  const Record record = domain->record();
  ASSERT_EQ(record.shown.size(), 2u);
  EXPECT_EQ(record.shown[0].pages, 2u);
  // As if it had been killed: mapped still, and nobody holds the frames.
  const auto left = xen.shown;
  const auto allowed = xen.allowed;
  domain->leave();
  EXPECT_TRUE(xen.shown.empty());
  xen.shown = left;
  xen.allowed = allowed;
  domain = std::move(XenDomain::adopt(DomId{7}, config, record, xen.calls()).value());
  EXPECT_TRUE(xen.shown.empty());
  EXPECT_TRUE(xen.allowed.empty());
  xen.dangling = false;
  domain->resume();
}
TEST_F(ShownPagesTest, nothing_is_shown_without_machine_frames) {
  domain.reset();
  config.show = nullptr;
  xen.destroyed = false;
  ASSERT_EQ(open(), "");
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  const Gfn g{10};
  EXPECT_EQ(domain->show_ram(Range::bar2, 0, {&g, 1}).error(), Error::not_supported);
}

}  // namespace
}  // namespace hv::xen

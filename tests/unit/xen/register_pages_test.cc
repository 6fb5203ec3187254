// SPDX-License-Identifier: MIT
// Register pages: the guest reads them without exits wherever the BAR goes, and writes trap.
#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

class RegisterPagesTest : public XenWorld {
 protected:
  void SetUp() override {
    ASSERT_EQ(open(), "");
    add_register_pages();
  }
  bool place(uint64_t base = kBar0) {
    return domain->place(Range::bar0, Gpa{base}, kBar0Bytes).ok();
  }
  /// Exits of one read of four bytes.
  unsigned read_exits(uint64_t at) {
    const unsigned before = xen.exits;
    (void)xen.cpu_read(at, 4);
    return xen.exits - before;
  }
};

TEST_F(RegisterPagesTest, reads_cost_no_exit_and_show_what_the_mediator_wrote_before_and_after) {
  store<uint32_t>(&registers[0x100], 0x11);
  ASSERT_TRUE(place());
  EXPECT_EQ(xen.cpu_read(kBar0 + 0x100, 4), 0x11u);
  store<uint32_t>(&registers[0x100], 0x22);
  store<uint64_t>(&entries[8], 0x33);
  EXPECT_EQ(xen.cpu_read(kBar0 + 0x100, 4), 0x22u);
  EXPECT_EQ(xen.cpu_read(kBar0 + (8 << 20) + 8, 8), 0x33u);
  EXPECT_EQ(xen.exits, 0u);
}
TEST_F(RegisterPagesTest, writes_trap_and_change_nothing_by_themselves) {
  ASSERT_TRUE(place());
  xen.cpu_write(kBar0 + 0x2004, 4, 0xffffffff);
  EXPECT_EQ(handler.traps, (std::vector<Trap>{{'w', Range::bar0, 0x2004, 4, 0xffffffff}}));
  EXPECT_EQ(xen.cpu_read(kBar0 + 0x2004, 4), 0u);
  EXPECT_EQ(domain->counts().register_writes, 1u);
}
TEST_F(RegisterPagesTest, trapped_pages_are_not_in_the_guest) {
  ASSERT_TRUE(domain->set_direct_read(Range::bar0, kPageSize, kPageSize, false).ok());
  ASSERT_TRUE(place());
  EXPECT_EQ(read_exits(kBar0), 0u);
  EXPECT_EQ(read_exits(kBar0 + 0x1000), 1u);
  EXPECT_EQ(read_exits(kBar0 + 0x2000), 0u);
}
TEST_F(RegisterPagesTest, a_page_can_change_its_way_while_placed_and_keeps_its_contents) {
  ASSERT_TRUE(place());
  store<uint32_t>(&registers[0x1010], 0x55);
  ASSERT_TRUE(domain->set_direct_read(Range::bar0, kPageSize, kPageSize, false).ok());
  EXPECT_EQ(read_exits(kBar0 + 0x1010), 1u);
  EXPECT_EQ(load<uint32_t>(&registers[0x1010]), 0x55u);
  store<uint32_t>(&registers[0x1010], 0x66);
  ASSERT_TRUE(domain->set_direct_read(Range::bar0, kPageSize, kPageSize, true).ok());
  EXPECT_EQ(xen.cpu_read(kBar0 + 0x1010, 4), 0x66u);
}
TEST_F(RegisterPagesTest, for_comparison_all_of_them_can_be_made_to_trap) {
  ASSERT_TRUE(place());
  store<uint64_t>(&registers[0x100], 0x77);
  (void)xen.cpu_read(kBar0 + 0x100, 4);
  EXPECT_EQ(xen.exits, 0u);
  domain->allow_direct_reads(false);
  (void)xen.cpu_read(kBar0 + 0x100, 4);
  (void)xen.cpu_read(kBar0 + (8 << 20), 8);
  EXPECT_EQ(xen.exits, 2u);
  EXPECT_EQ(load<uint64_t>(&registers[0x100]), 0x77u);
  domain->allow_direct_reads(true);
  EXPECT_EQ(xen.cpu_read(kBar0 + 0x100, 4), 0x77u);
  EXPECT_EQ(xen.exits, 2u);
}
TEST_F(RegisterPagesTest, they_move_with_the_bar) {
  ASSERT_TRUE(place());
  store<uint32_t>(&registers[0], 0x77);
  ASSERT_TRUE(place(0xf4000000));
  EXPECT_EQ(xen.cpu_read(0xf4000000, 4), 0x77u);
  store<uint32_t>(&registers[0], 0x78);
  EXPECT_EQ(xen.cpu_read(0xf4000000, 4), 0x78u);
  EXPECT_EQ(xen.exits, 0u);
  EXPECT_EQ(xen.cpu_read(kBar0, 4), 0xffffffffu) << "nothing is left behind";
  EXPECT_EQ(xen.typed_pages(), 5u);
}
TEST_F(RegisterPagesTest, a_bar_switched_off_and_on_costs_nothing) {
  ASSERT_TRUE(place());
  xen.log.clear();
  ASSERT_TRUE(domain->remove(Range::bar0).ok());
  xen.cpu_write(kBar0, 4, 1);
  EXPECT_TRUE(handler.traps.empty());
  ASSERT_TRUE(place());
  EXPECT_EQ(xen.log, (std::vector<std::string>{"drop_mmio", "claim_mmio"}));
  EXPECT_EQ(read_exits(kBar0), 0u);
}
TEST_F(RegisterPagesTest, where_frames_do_not_move_new_ones_are_made) {
  ASSERT_TRUE(place());
  store<uint32_t>(&registers[0], 0x79);
  xen.fail["relocate"] = EINVAL;
  ASSERT_TRUE(place(0xf4000000));
  EXPECT_EQ(xen.cpu_read(0xf4000000, 4), 0x79u);
  store<uint32_t>(&registers[0], 0x7a);
  EXPECT_EQ(xen.cpu_read(0xf4000000, 4), 0x7au);
  EXPECT_EQ(xen.cpu_read(kBar0, 4), 0xffffffffu);
}
TEST_F(RegisterPagesTest, without_room_in_the_guest_reads_trap_and_one_line_says_so) {
  store<uint32_t>(&registers[0], 0x80);
  xen.fail["set_max_pages"] = EPERM;
  ASSERT_TRUE(place());
  EXPECT_EQ(read_exits(kBar0), 1u);
  EXPECT_EQ(read_exits(kBar0 + (8 << 20)), 0u) << "the next window had room";
  xen.fail["set_max_pages"] = EPERM;
  ASSERT_TRUE(place(0xf4000000));
  EXPECT_EQ(lines.size(), 1u);
  EXPECT_EQ(load<uint32_t>(&registers[0]), 0x80u);
}
TEST_F(RegisterPagesTest, a_half_finished_population_is_undone) {
  const size_t before = xen.p2m.size();
  xen.fail["populate"] = ENOMEM;
  ASSERT_TRUE(place());
  EXPECT_EQ(read_exits(kBar0), 1u);
  EXPECT_EQ(xen.p2m.size(), before + 1) << "only the other window";
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("domain 7"), std::string::npos);
}
TEST_F(RegisterPagesTest, memory_that_cannot_be_mapped_stays_ours) {
  store<uint32_t>(&registers[0], 0x81);
  xen.fail["set_type"] = EINVAL;
  ASSERT_TRUE(place());
  EXPECT_EQ(load<uint32_t>(&registers[0]), 0x81u);
  EXPECT_EQ(read_exits(kBar0), 1u);
}
TEST_F(RegisterPagesTest, a_bar_over_guest_ram_leaves_the_ram_alone) {
  xen.set_ram<uint32_t>(0x10000, 0xabc);
  ASSERT_TRUE(domain->place(Range::bar0, Gpa{0x10000}, kBar0Bytes).ok());
  EXPECT_EQ(xen.ram<uint32_t>(0x10000), 0xabcu);
}
TEST_F(RegisterPagesTest, the_limit_of_the_domain_grows_by_what_is_added_once) {
  const uint64_t before = xen.info.max_pages;
  ASSERT_TRUE(place());
  ASSERT_TRUE(place(0xf4000000));
  EXPECT_EQ(xen.info.max_pages, before + 5);
  domain->close();
  EXPECT_EQ(xen.info.max_pages, before);
}
TEST_F(RegisterPagesTest, neither_pins_nor_copies_nor_protection_reach_them) {
  ASSERT_TRUE(place());
  const Gfn gfn{kBar0 >> kPageShift};
  BusFrame frame;
  domain->pin({&gfn, 1}, {&frame, 1});
  EXPECT_EQ(frame, kNoFrame);
  uint64_t v = 1;
  EXPECT_FALSE(domain->write(Gpa{kBar0}, std::as_bytes(std::span{&v, 1})).ok());
  EXPECT_FALSE(domain->protect(gfn).ok());
}
TEST_F(RegisterPagesTest, windows_overlap_neither_each_other_nor_nothing) {
  EXPECT_EQ(domain->register_pages(Range::bar0, 0x3000, 0x1000).error(), Error::busy);
  EXPECT_EQ(domain->register_pages(Range::bar0, 0x8800, 0x1000).error(), Error::bad_argument);
  EXPECT_EQ(domain->register_pages(Range::config, 0, 0x1000).error(), Error::bad_argument);
  EXPECT_EQ(domain->set_direct_read(Range::bar0, 0x3000, 0x2000, true).error(),
            Error::bad_argument);
}

}  // namespace
}  // namespace hv::xen

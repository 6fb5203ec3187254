// SPDX-License-Identifier: MIT
// Runs of writes into a table: few exits, every entry known before anything else happens.
#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

constexpr uint64_t kTable = 8 << 20;

class LateWritesTest : public XenWorld {
 protected:
  void SetUp() override {
    config.late_offset = kTable;
    config.late_bytes = 4 * kPageSize;
    ASSERT_EQ(open(), "");
    table = domain->register_pages(Range::bar0, kTable, 4 * kPageSize).value();
    ASSERT_TRUE(domain->set_direct_read(Range::bar0, kTable, 4 * kPageSize, true).ok());
    ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).ok());
    // As the mediator does: what is written is stored.
    handler.during = [this] {
      const Trap& t = handler.traps.back();
      if (t.kind == 'w' && t.offset >= kTable) store(&table[t.offset - kTable], t.value);
    };
  }
  void write(unsigned index, uint64_t value) {
    xen.cpu_write(kBar0 + kTable + index * 8, 8, value);
  }
  std::span<std::byte> table;
};

TEST_F(LateWritesTest, a_table_filled_from_end_to_end_costs_about_an_exit_a_page) {
  for (unsigned i = 0; i < 2048; ++i) write(i, i + 1);
  (void)xen.config_read(0, 4);
  EXPECT_LE(xen.exits, 2 + 4 + 1u);
  ASSERT_EQ(handler.traps.size(), 2049u);
  for (unsigned i = 0; i < 2048; ++i)
    ASSERT_EQ(handler.traps[i], (Trap{'w', Range::bar0, kTable + i * 8, 8, i + 1}));
  EXPECT_EQ(domain->counts().late_writes + domain->counts().register_writes, 2048u);
}
TEST_F(LateWritesTest, everything_written_is_known_before_the_next_request_is_handled) {
  for (unsigned i = 0; i < 20; ++i) write(i, 7);
  EXPECT_EQ(handler.traps.size(), 3u);
  xen.cpu_write(kBar0 + 0x2230, 4, 1);
  ASSERT_EQ(handler.traps.size(), 21u);
  EXPECT_EQ(handler.traps.back(), (Trap{'w', Range::bar0, 0x2230, 4, 1}));
  EXPECT_EQ(xen.typed_pages(), 4u) << "it traps again";
}
TEST_F(LateWritesTest, the_handler_finds_what_stood_there_before) {
  store<uint64_t>(&table[8 * 10], 0x55);
  handler.during = [&] {
    const Trap& t = handler.traps.back();
    if (t.offset == kTable + 8 * 10) {
      EXPECT_EQ(load<uint64_t>(&table[8 * 10]), 0x55u);
    }
  };
  for (unsigned i = 0; i < 20; ++i) write(i, 7);
  EXPECT_EQ(load<uint64_t>(&table[8 * 10]), 7u) << "written by the guest alone";
  (void)xen.config_read(0, 4);
  EXPECT_EQ(load<uint64_t>(&table[8 * 10]), 0x55u) << "the handler did not take it";
}
TEST_F(LateWritesTest, scattered_or_short_writes_each_trap) {
  for (unsigned i = 0; i < 64; ++i) write(i * 7 % 64, 1);
  EXPECT_EQ(xen.exits, 64u);
  for (unsigned i = 0; i < 16; ++i) xen.cpu_write(kBar0 + kTable + i * 4, 4, 2);
  EXPECT_EQ(xen.exits, 80u);
}
TEST_F(LateWritesTest, other_register_pages_are_never_opened) {
  for (unsigned i = 0; i < 16; ++i) xen.cpu_write(kBar0 + 0x1000 + i * 8, 8, 1);
  EXPECT_EQ(handler.traps.size(), 16u);
}
TEST_F(LateWritesTest, a_page_that_cannot_be_opened_goes_on_trapping) {
  for (unsigned i = 0; i < 16; ++i) {
    xen.fail["set_type"] = EBUSY;
    write(i, 1);
  }
  EXPECT_EQ(handler.traps.size(), 16u);
}
TEST_F(LateWritesTest, a_page_that_cannot_trap_again_leaves_the_guest) {
  for (unsigned i = 0; i < 16; ++i) write(i, 1);
  xen.fail["set_type"] = EBUSY;
  (void)xen.config_read(0, 4);
  EXPECT_EQ(xen.typed_pages(), 3u);
  const size_t before = handler.traps.size();
  write(100, 5);
  EXPECT_EQ(handler.traps.size(), before + 1);
}
TEST_F(LateWritesTest, a_bar_that_moves_with_an_open_page_loses_nothing) {
  for (unsigned i = 0; i < 16; ++i) write(i, i + 1);
  ASSERT_TRUE(domain->place(Range::bar0, Gpa{0xf4000000}, kBar0Bytes).ok());
  EXPECT_EQ(xen.typed_pages(), 4u);
  (void)xen.config_read(0, 4);
  EXPECT_EQ(handler.traps.size(), 17u);
}
TEST_F(LateWritesTest, closing_with_an_open_page_ends) {
  for (unsigned i = 0; i < 16; ++i) write(i, i + 1);
  domain->close();
  EXPECT_EQ(xen.typed_pages(), 0u);
}

}  // namespace
}  // namespace hv::xen

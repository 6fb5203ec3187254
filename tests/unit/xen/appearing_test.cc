// SPDX-License-Identifier: MIT
// Register pages that begin to be read without exits while their guest runs: never before their
// contents are there, and never under a read that Xen has yet to complete (AMD).
#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

constexpr uint64_t kPage = 0x2000, kOther = 0x3000;

class AppearingTest : public XenWorld {
 protected:
  void SetUp() override {
    xen.by_address = false;
    ASSERT_EQ(open(), "");
    add_register_pages();
    ASSERT_TRUE(domain->set_direct_read(Range::bar0, kPage, kPageSize, false).ok());
    ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).ok());
    store<uint32_t>(&registers[kPage], 0x77);
  }
  Status show() { return domain->set_direct_read(Range::bar0, kPage, kPageSize, true); }
  bool shown() { return xen.p2m.contains((kBar0 + kPage) >> kPageShift); }
  static Ioreq read_of(uint64_t offset) {
    return {.address = kBar0 + offset,
            .data = 0,
            .count = 1,
            .size = 4,
            .port = 0,
            .pad = 0,
            .flags = Ioreq::kRead,
            .type = IoType::memory};
  }
  uint64_t taken = 0;
};

TEST_F(AppearingTest, a_page_appears_under_the_write_that_asks_for_it) {
  handler.during = [this] { EXPECT_TRUE(show().ok()); };
  xen.cpu_write(kBar0 + kPage + 0x230, 4, 1);
  EXPECT_TRUE(shown());
  EXPECT_EQ(xen.cpu_read(kBar0 + kPage, 4), 0x77u);
  EXPECT_EQ(xen.exits, 1u);
  (void)xen.config_read(0, 4);
  EXPECT_FALSE(xen.crashed);
  EXPECT_EQ(xen.pauses, 0) << "each pause has its end";
}
TEST_F(AppearingTest, the_guest_stands_still_until_the_contents_are_there) {
  bool stood = false;
  xen.when_paused = [&] { stood = !shown(); };
  ASSERT_TRUE(show().ok());
  EXPECT_TRUE(stood);
  EXPECT_TRUE(shown());
}
TEST_F(AppearingTest, a_guest_that_cannot_be_stopped_goes_on_trapping) {
  xen.fail["pause"] = EPERM;
  ASSERT_TRUE(show().ok());
  EXPECT_FALSE(shown());
  EXPECT_TRUE(domain->waiting());
  domain->dispatch();
  EXPECT_TRUE(shown());
  EXPECT_FALSE(domain->waiting());
}
TEST_F(AppearingTest, not_under_the_read_that_asks_for_it) {
  handler.during = [this] { EXPECT_TRUE(show().ok()); };
  (void)xen.cpu_read(kBar0 + kPage, 4);
  EXPECT_FALSE(shown());
  EXPECT_TRUE(domain->waiting());
  (void)xen.config_read(0, 4);
  EXPECT_TRUE(shown());
  EXPECT_FALSE(xen.crashed);
}
TEST_F(AppearingTest, another_vcpus_read_is_completed_first) {
  xen.post(1, read_of(kPage));
  domain->dispatch();
  handler.during = [this] { EXPECT_TRUE(show().ok()); };
  xen.cpu_write(kBar0 + kOther, 4, 1);
  EXPECT_FALSE(shown()) << "it may not have taken its answer yet";
  ASSERT_TRUE(xen.take(1, taken));
  domain->dispatch();
  EXPECT_TRUE(shown());
  xen.post(1, read_of(kOther));
  EXPECT_FALSE(xen.crashed);
}
TEST_F(AppearingTest, a_read_completed_long_ago_keeps_nothing_waiting) {
  (void)xen.io(read_of(kPage), 1);
  handler.during = [this] { EXPECT_TRUE(show().ok()); };
  xen.cpu_write(kBar0 + kOther, 4, 1);
  EXPECT_TRUE(shown());
}
TEST_F(AppearingTest, where_xen_completes_at_the_emulator_nothing_waits) {
  xen.by_address = true;
  handler.during = [this] { EXPECT_TRUE(show().ok()); };
  (void)xen.cpu_read(kBar0 + kPage, 4);
  EXPECT_TRUE(shown());
  EXPECT_FALSE(domain->waiting());
}
TEST_F(AppearingTest, a_page_for_which_there_is_no_room_is_not_asked_for_again_and_again) {
  xen.fail["populate"] = ENOMEM;
  ASSERT_TRUE(show().ok());
  EXPECT_FALSE(shown());
  EXPECT_FALSE(domain->waiting());
  const size_t calls = xen.log.size();
  domain->dispatch();
  EXPECT_EQ(xen.log.size(), calls);
}
TEST_F(AppearingTest, what_is_wanted_no_more_does_not_appear) {
  xen.fail["pause"] = EPERM;
  ASSERT_TRUE(show().ok());
  ASSERT_TRUE(domain->set_direct_read(Range::bar0, kPage, kPageSize, false).ok());
  domain->dispatch();
  EXPECT_FALSE(shown());
  EXPECT_FALSE(domain->waiting());
}

}  // namespace
}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// A guest's accesses as they reach the mediator, and what the mediator may do to the guest.
#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

class XenDomainTest : public XenWorld {
 protected:
  void SetUp() override { ASSERT_EQ(open(), ""); }
  void post_and_dispatch(const Ioreq& request) { xen.io(request); }
};

TEST_F(XenDomainTest, config_accesses_arrive_with_their_own_size) {
  EXPECT_EQ(xen.config_read(1, 1), 0x11u);
  xen.config_write(0x10, 4, 0xffffffff);
  EXPECT_EQ(handler.traps, (std::vector<Trap>{{'r', Range::config, 1, 1, 0},
                                              {'w', Range::config, 0x10, 4, 0xffffffff}}));
}
TEST_F(XenDomainTest, config_accesses_of_other_functions_or_beyond_the_end_are_nobodys) {
  const Ioreq other{uint64_t{3 << 3} << 32, 0, 1, 4, 0, 0, Ioreq::kRead, IoType::config};
  EXPECT_EQ(xen.io(other), 0xffffffffu);
  EXPECT_EQ(xen.config_read(254, 4), 0xffffffffu);
  EXPECT_TRUE(handler.traps.empty());
}
TEST_F(XenDomainTest, a_bar_is_reached_where_it_was_placed_last) {
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{0xc0000000}, kBar2Bytes).ok());
  EXPECT_EQ(xen.claims, (std::vector{fake::FakeXen::Claim{0xc0000000, 0xcfffffff}}));
  xen.cpu_write(0xc0000018, 8, 5);
  EXPECT_EQ(xen.cpu_read(kBar2, 4), 0xffffffffu);
  EXPECT_EQ(handler.traps, (std::vector<Trap>{{'w', Range::bar2, 0x18, 8, 5}}));
}
TEST_F(XenDomainTest, a_removed_bar_answers_nothing) {
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  ASSERT_TRUE(domain->remove(Range::bar2).ok());
  EXPECT_TRUE(xen.claims.empty());
  EXPECT_EQ(xen.cpu_read(kBar2, 8), ~uint64_t{0});
  EXPECT_TRUE(handler.traps.empty());
}
TEST_F(XenDomainTest, bars_that_clash_for_a_moment_end_up_where_they_belong) {
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  EXPECT_FALSE(domain->place(Range::bar0, Gpa{kBar2 + kBar0Bytes}, kBar0Bytes).ok());
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{0xc0000000}, kBar2Bytes).ok());
  (void)xen.cpu_read(kBar2 + kBar0Bytes + 8, 4);
  EXPECT_EQ(handler.traps, (std::vector<Trap>{{'r', Range::bar0, 8, 4, 0}}));
}
TEST_F(XenDomainTest, placements_that_make_no_sense_are_refused) {
  EXPECT_EQ(domain->place(Range::config, Gpa{0x1000}, 0x1000).error(), Error::bad_argument);
  EXPECT_EQ(domain->place(Range::bar0, Gpa{0}, 0x1000).error(), Error::bad_argument);
  EXPECT_EQ(domain->place(Range::bar0, Gpa{0x1800}, 0x1000).error(), Error::bad_argument);
  EXPECT_EQ(domain->place(Range::bar0, Gpa{~kPageMask}, 0x2000).error(), Error::bad_argument);
}
TEST_F(XenDomainTest, an_access_across_the_end_of_a_bar_reaches_the_part_inside) {
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  EXPECT_EQ(xen.cpu_read(kBar2 + kBar2Bytes - 4, 8), 0xffffffff44332211u);
  EXPECT_EQ(handler.traps, (std::vector<Trap>{{'r', Range::bar2, kBar2Bytes - 4, 4, 0}}));
}
TEST_F(XenDomainTest, without_a_handler_reads_give_ones) {
  domain->attach(nullptr);
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  EXPECT_EQ(xen.cpu_read(kBar2, 4), 0xffffffffu);
  EXPECT_EQ(xen.config_read(0, 2), 0xffffu);
  xen.cpu_write(kBar2, 4, 1);
}

TEST_F(XenDomainTest, a_write_into_a_protected_page_is_stored_then_reported) {
  ASSERT_TRUE(domain->protect(Gfn{4}).ok());
  handler.during = [&] { EXPECT_EQ(xen.ram<uint64_t>(0x4010), 0x77u); };
  xen.cpu_write(0x4010, 8, 0x77);
  EXPECT_EQ(handler.traps, (std::vector<Trap>{{'p', Range::config, 0x4010, 8, 0}}));
  EXPECT_EQ(domain->counts().page_writes, 1u);
  EXPECT_EQ(xen.cpu_read(0x4010, 8), 0x77u);
  EXPECT_EQ(xen.exits, 1u) << "reads are free";
}
TEST_F(XenDomainTest, a_released_page_is_free_and_what_was_on_its_way_is_stored) {
  ASSERT_TRUE(domain->protect(Gfn{4}).ok());
  ASSERT_TRUE(domain->protect(Gfn{4}).ok()) << "twice is once";
  ASSERT_TRUE(domain->unprotect(Gfn{4}).ok());
  EXPECT_EQ(xen.typed_pages(), 0u);
  post_and_dispatch({0x4000, 9, 1, 4, 0, 0, 0, IoType::memory});
  EXPECT_EQ(xen.ram<uint32_t>(0x4000), 9u);
  EXPECT_TRUE(handler.traps.empty());
  EXPECT_EQ(domain->unprotect(Gfn{4}).error(), Error::bad_address);
}
TEST_F(XenDomainTest, a_page_can_be_released_while_its_write_is_reported) {
  ASSERT_TRUE(domain->protect(Gfn{4}).ok());
  handler.during = [&] { EXPECT_TRUE(domain->unprotect(Gfn{4}).ok()); };
  xen.cpu_write(0x4000, 8, 1);
  xen.cpu_write(0x4008, 8, 2);
  EXPECT_EQ(handler.traps.size(), 1u);
  EXPECT_EQ(xen.ram<uint64_t>(0x4008), 2u);
}
TEST_F(XenDomainTest, device_data_moved_into_a_protected_page_is_reported_too) {
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  ASSERT_TRUE(domain->protect(Gfn{4}).ok());
  post_and_dispatch({kBar2, 0x4000, 2, 4, 0, 0, Ioreq::kRead | Ioreq::kPointer, IoType::memory});
  EXPECT_EQ(handler.traps, (std::vector<Trap>{{'r', Range::bar2, 0, 4, 0},
                                              {'p', Range::config, 0x4000, 4, 0},
                                              {'r', Range::bar2, 4, 4, 0},
                                              {'p', Range::config, 0x4004, 4, 0}}));
  EXPECT_EQ(xen.ram<uint64_t>(0x4000), 0x4433221144332211u);
}
TEST_F(XenDomainTest, holes_and_failures_cannot_be_protected) {
  EXPECT_EQ(domain->protect(Gfn{1 << 20}).error(), Error::bad_address);
  xen.fail["set_type"] = EINVAL;
  EXPECT_EQ(domain->protect(Gfn{4}).error(), Error::bad_argument);
  EXPECT_EQ(domain->protected_pages(), 0u);
}
TEST_F(XenDomainTest, a_protected_page_given_back_can_be_released) {
  ASSERT_TRUE(domain->protect(Gfn{4}).ok());
  xen.remove_page(4);
  post_and_dispatch({0, ~uint64_t{0}, 0, 0, 0, 0, 0, IoType::invalidate});
  EXPECT_TRUE(domain->unprotect(Gfn{4}).ok());
  EXPECT_EQ(domain->protected_pages(), 0u);
}
TEST_F(XenDomainTest, a_release_that_fails_keeps_the_page_watched) {
  ASSERT_TRUE(domain->protect(Gfn{4}).ok());
  xen.fail["set_type"] = EBUSY;
  EXPECT_EQ(domain->unprotect(Gfn{4}).error(), Error::busy);
  xen.cpu_write(0x4000, 8, 1);
  EXPECT_EQ(handler.traps.size(), 1u);
}

TEST_F(XenDomainTest, invalidation_is_answered_and_drops_what_was_mapped) {
  uint64_t v = 0;
  ASSERT_TRUE(domain->read(Gpa{0x5000}, std::as_writable_bytes(std::span{&v, 1})).ok());
  xen.remove_page(5);
  xen.post(1, {0, ~uint64_t{0}, 0, 0, 0, 0, 0, IoType::invalidate});
  domain->dispatch();
  EXPECT_TRUE(xen.take(1, v));
  EXPECT_EQ(domain->mapped_bytes(), 0u);
  EXPECT_FALSE(domain->read(Gpa{0x5000}, std::as_writable_bytes(std::span{&v, 1})).ok());
}
TEST_F(XenDomainTest, kinds_of_request_nobody_asked_for_are_answered) {
  EXPECT_EQ(xen.io({0x600, 0, 1, 4, 0, 0, Ioreq::kRead, IoType::port}), ~uint64_t{0});
  EXPECT_EQ(xen.io({0, 0, 1, 4, 0, 0, Ioreq::kRead, IoType{77}}), ~uint64_t{0});
  EXPECT_EQ(domain->counts().strays, 2u);
}
TEST_F(XenDomainTest, a_request_is_not_read_again_while_it_is_answered) {
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  handler.during = [&] {
    xen.slots[0].count = 1000;
    xen.slots[0].address = kBar2 + 0x100;
  };
  post_and_dispatch({kBar2, 1, 2, 4, 0, 0, 0, IoType::memory});
  EXPECT_EQ(handler.traps,
            (std::vector<Trap>{{'w', Range::bar2, 0, 4, 1}, {'w', Range::bar2, 4, 4, 1}}));
}
TEST_F(XenDomainTest, dispatch_from_a_handler_does_nothing) {
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  xen.post(1, {kBar2 + 8, 1, 1, 4, 0, 0, 0, IoType::memory});
  handler.during = [&] {
    const size_t before = handler.traps.size();
    domain->dispatch();
    EXPECT_EQ(handler.traps.size(), before);
  };
  post_and_dispatch({kBar2, 1, 1, 4, 0, 0, 0, IoType::memory});
  EXPECT_EQ(handler.traps.size(), 2u);
}
TEST_F(XenDomainTest, who_asks_is_seen_before_the_event_is_taken) {
  EXPECT_FALSE(domain->asks());
  xen.post(1, {uint64_t{2 << 3} << 32, 0, 1, 4, 0, 0, Ioreq::kRead, IoType::config});
  EXPECT_TRUE(domain->asks());
  domain->dispatch();
  EXPECT_FALSE(domain->asks());
}
TEST_F(XenDomainTest, dispatch_answers_no_more_than_it_is_told_to) {
  xen.pump = nullptr;
  for (unsigned v = 0; v < 2; ++v)
    xen.post(v, {uint64_t{2 << 3} << 32, 0, 1, 4, 0, 0, Ioreq::kRead, IoType::config});
  domain->dispatch(1);
  EXPECT_EQ(handler.traps.size(), 1u);
  domain->dispatch(1);
  EXPECT_EQ(handler.traps.size(), 2u);
}
TEST_F(XenDomainTest, dispatch_ends_when_it_is_told_that_it_is_enough) {
  xen.pump = nullptr;
  for (unsigned v = 0; v < 2; ++v)
    xen.post(v, {uint64_t{2 << 3} << 32, 0, 1, 4, 0, 0, Ioreq::kRead, IoType::config});
  domain->dispatch(64, [&] { return handler.traps.size() == 1; });
  EXPECT_EQ(handler.traps.size(), 1u);
  EXPECT_TRUE(domain->asks());
  domain->dispatch(64, [] { return false; });
  EXPECT_EQ(handler.traps.size(), 2u);
}
TEST_F(XenDomainTest, an_event_without_a_request_is_ignored) {
  xen.events.push_back(1100);
  xen.events.push_back(4711);
  domain->dispatch();
  EXPECT_EQ(xen.slots[0].state(), IoState::none);
  EXPECT_TRUE(handler.traps.empty());
}

TEST_F(XenDomainTest, interrupts_pass_address_and_data_through) {
  ASSERT_TRUE(domain->inject_msi(0x12345600fee00000, 0x4321).ok());
  EXPECT_EQ(xen.msis, (std::vector<std::pair<uint64_t, uint32_t>>{{0x12345600fee00000, 0x4321}}));
  xen.fail["inject_msi"] = ESRCH;
  EXPECT_EQ(domain->inject_msi(1, 2).error(), Error::gone);
  EXPECT_EQ(domain->counts().interrupts, 1u);
}
TEST_F(XenDomainTest, ram_can_be_added_where_there_is_none) {
  ASSERT_TRUE(domain->add_ram(Gfn{0xfdffc}, 3).ok());
  EXPECT_EQ(domain->add_ram(Gfn{0xfdffe}, 1).error(), Error::busy);
  uint32_t v = 7;
  EXPECT_TRUE(domain->write(Gpa{0xfdffc000}, std::as_bytes(std::span{&v, 1})).ok());
  xen.fail["populate"] = ENOMEM;
  EXPECT_EQ(domain->add_ram(Gfn{0xfe000}, 3).error(), Error::no_memory);
}

}  // namespace
}  // namespace hv::xen

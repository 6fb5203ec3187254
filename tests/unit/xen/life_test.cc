// SPDX-License-Identifier: MIT
// Beginning and end of a domain's emulator: refusals name cause and cure, nothing stays behind.
#include <algorithm>

#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

class XenLifeTest : public XenWorld {
 protected:
  void expect_refused(const std::string& words) {
    const std::string why = open();
    EXPECT_NE(why.find(words), std::string::npos) << why;
    EXPECT_NE(why.find("domain 7"), std::string::npos) << why;
    EXPECT_EQ(why.find('\n'), std::string::npos);
    EXPECT_FALSE(xen.created);
    EXPECT_EQ(frames.open_slot().value(), 1u) << "a slot leaked";
  }
  [[nodiscard]] auto position(const std::string& call) const {
    return std::ranges::find(xen.log, call) - xen.log.begin();
  }
};

TEST_F(XenLifeTest, a_pv_guest_is_refused) {
  xen.info.hvm = false;
  expect_refused("type=\"hvm\"");
}
TEST_F(XenLifeTest, a_pvh_guest_is_refused) {
  xen.info.device_model = false;
  expect_refused("PVH");
}
TEST_F(XenLifeTest, a_guest_without_hap_is_refused) {
  xen.info.hap = false;
  expect_refused("hap=1");
}
TEST_F(XenLifeTest, populate_on_demand_is_refused) {
  xen.pod = 5;
  expect_refused("maxmem equal to memory");
}
TEST_F(XenLifeTest, a_domain_that_is_not_there_is_refused) {
  xen.fail["info"] = ESRCH;
  expect_refused("No such process");
}
TEST_F(XenLifeTest, a_dying_domain_is_refused) {
  xen.info.dying = true;
  expect_refused("shutting down");
}
TEST_F(XenLifeTest, every_step_of_the_start_can_fail_and_is_undone) {
  for (const char* call :
       {"vcpus", "create_server", "map_requests", "claim_pci", "claim_writes", "enable", "bind"}) {
    xen.fail[call] = EBUSY;
    const std::string why = open();
    EXPECT_NE(why.find("busy"), std::string::npos) << call << ": " << why;
    EXPECT_FALSE(xen.created) << call;
    EXPECT_TRUE(xen.bound.empty()) << call;
  }
  EXPECT_EQ(open(), "");
}
TEST_F(XenLifeTest, closing_answers_a_request_that_waits) {
  ASSERT_EQ(open(), "");
  xen.post(1, {uint64_t{2 << 3} << 32, 0, 1, 4, 0, 0, Ioreq::kRead, IoType::config});
  domain->close();
  EXPECT_FALSE(xen.destroyed_with_request);
  EXPECT_TRUE(xen.destroyed);
  EXPECT_EQ(handler.traps.size(), 1u);
}
TEST_F(XenLifeTest, closing_stops_claiming_before_it_destroys) {
  ASSERT_EQ(open(), "");
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  domain->close();
  EXPECT_LT(position("drop_pci"), position("disable"));
  EXPECT_LT(position("drop_mmio"), position("disable"));
  EXPECT_LT(position("drop_writes"), position("destroy_server"));
  EXPECT_LT(position("disable"), position("destroy_server"));
  EXPECT_LT(position("unmap_requests"), position("destroy_server"));
  EXPECT_TRUE(xen.claims.empty());
}
TEST_F(XenLifeTest, closing_leaves_the_guest_its_memory_and_no_mapping) {
  ASSERT_EQ(open(), "");
  const size_t ram = xen.p2m.size();
  add_register_pages();
  ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).ok());
  ASSERT_TRUE(domain->protect(Gfn{3}).ok());
  const Gfn gfn{3};
  BusFrame frame;
  domain->pin({&gfn, 1}, {&frame, 1});
  domain->close();
  EXPECT_EQ(xen.p2m.size(), ram);
  EXPECT_EQ(xen.typed_pages(), 0u);
  EXPECT_EQ(xen.mapped_pages, 0);
  EXPECT_EQ(frames.page(frame), nullptr);
  EXPECT_TRUE(xen.bound.empty());
}
TEST_F(XenLifeTest, closing_a_dead_domain_ends_though_every_call_fails) {
  ASSERT_EQ(open(), "");
  add_register_pages();
  ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).ok());
  for (const char* call : {"drop_pci", "drop_mmio", "drop_writes", "disable", "destroy_server",
                           "release", "set_max_pages", "info"})
    xen.fail[call] = ESRCH;
  domain->close();
  EXPECT_EQ(xen.mapped_pages, 0);
  store<uint32_t>(&registers[0], 1);
}
TEST_F(XenLifeTest, a_vcpu_of_a_paused_domain_does_not_hold_up_closing) {
  ASSERT_EQ(open(), "");
  xen.slots[0].flags = static_cast<uint8_t>(IoState::answered);
  domain->close();
  EXPECT_GE(xen.slept, 1u);
  EXPECT_TRUE(xen.destroyed);
}
TEST_F(XenLifeTest, after_closing_every_call_says_gone) {
  ASSERT_EQ(open(), "");
  domain->close();
  domain->close();
  domain->dispatch();
  const Gfn gfn{3};
  BusFrame frame{1};
  domain->pin({&gfn, 1}, {&frame, 1});
  EXPECT_EQ(frame, kNoFrame);
  domain->unpin({&gfn, 1});
  std::byte b[1];
  EXPECT_EQ(domain->read(Gpa{0}, b).error(), Error::gone);
  EXPECT_EQ(domain->write(Gpa{0}, b).error(), Error::gone);
  EXPECT_EQ(domain->protect(gfn).error(), Error::gone);
  EXPECT_EQ(domain->unprotect(gfn).error(), Error::gone);
  EXPECT_EQ(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).error(), Error::gone);
  EXPECT_EQ(domain->remove(Range::bar0).error(), Error::gone);
  EXPECT_EQ(domain->register_pages(Range::bar0, 0, 4096).error(), Error::gone);
  EXPECT_EQ(domain->inject_msi(0, 0).error(), Error::gone);
  EXPECT_EQ(domain->add_ram(gfn, 1).error(), Error::gone);
  EXPECT_EQ(domain->event_fd(), -1);
}

}  // namespace
}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// A process ends with guests in it, and the next one goes on: nobody waits for ever, nothing that
// the guest was told changes.
#include <unistd.h>

#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

class AdoptTest : public XenWorld {
 protected:
  void SetUp() override {
    file = memfd_create("pages", MFD_CLOEXEC);
    ASSERT_GE(file, 0);
    config.pages_file = file;
    limit = xen.info.max_pages;
    ASSERT_EQ(open(), "");
    add_register_pages();
    ASSERT_TRUE(domain->set_direct_read(Range::bar0, 0, kPageSize, false).ok());
    ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).ok());
    ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  }
  ~AdoptTest() override {
    domain.reset();
    close(file);
  }
  /// The process ends, and all that it has of the guest with it.
  void die() {
    record = domain->record();
    domain->leave();
    domain.reset();
    xen.pump = nullptr;
    handler.traps.clear();
  }
  std::string adopt() {
    auto adopted = XenDomain::adopt(DomId{7}, config, record, xen.calls());
    if (!adopted.ok()) return adopted.error();
    domain = std::move(*adopted);
    return {};
  }
  /// As the mediator does it.
  void go_on() {
    registers = domain->register_pages(Range::bar0, 0, 4 * kPageSize).value();
    entries = domain->register_pages(Range::bar0, 8 << 20, kPageSize).value();
    ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).ok());
    domain->attach(&handler);
    domain->resume();
    xen.pump = [this] { domain->dispatch(); };
    domain->dispatch();
  }
  int file = -1;
  uint64_t limit = 0;
  Record record;
};

TEST_F(AdoptTest, a_vcpu_that_waits_is_answered_by_the_next_process) {
  die();
  xen.post(0, {.address = kBar2 + 0x1000,
               .data = 0x55,
               .count = 1,
               .size = 4,
               .port = 0,
               .pad = 0,
               .flags = 0,
               .type = IoType::memory});
  ASSERT_EQ(adopt(), "");
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  go_on();
  ASSERT_EQ(handler.traps.size(), 1u);
  EXPECT_EQ(handler.traps[0], (Trap{'w', Range::bar2, 0x1000, 4, 0x55}));
  uint64_t data = 0;
  EXPECT_TRUE(xen.take(0, data));
}
TEST_F(AdoptTest, what_was_begun_is_done_again_and_what_was_answered_is_told_again) {
  die();
  xen.post(0, {.address = kBar0 + 8,
               .data = 0,
               .count = 1,
               .size = 4,
               .port = 0,
               .pad = 0,
               .flags = Ioreq::kRead,
               .type = IoType::memory});
  xen.slots[0].flags = Ioreq::kRead | static_cast<uint8_t>(IoState::in_process);
  xen.slots[1].flags = static_cast<uint8_t>(IoState::answered);
  ASSERT_EQ(adopt(), "");
  EXPECT_EQ(xen.notified.back(), xen.bound.at(xen.slots[1].port));
  go_on();
  EXPECT_EQ(handler.traps.size(), 1u);
  EXPECT_EQ(xen.slots[0].state(), IoState::answered);
}
TEST_F(AdoptTest, registers_and_entries_keep_their_values_in_the_guest_and_out_of_it) {
  registers[0] = std::byte{1};          // a page that traps: in the file
  registers[kPageSize] = std::byte{2};  // one the guest reads
  entries[16] = std::byte{3};
  die();
  ASSERT_EQ(adopt(), "");
  go_on();
  EXPECT_EQ(registers[0], std::byte{1});
  EXPECT_EQ(registers[kPageSize], std::byte{2});
  EXPECT_EQ(entries[16], std::byte{3});
  const unsigned exits = xen.exits;
  EXPECT_EQ(xen.cpu_read(kBar0 + kPageSize, 1), 2u);
  EXPECT_EQ(xen.exits, exits) << "it reads without an exit, as before";
  registers[kPageSize] = std::byte{9};
  EXPECT_EQ(xen.cpu_read(kBar0 + kPageSize, 1), 9u) << "and sees what is written from here";
  xen.cpu_write(kBar0 + kPageSize, 4, 5);
  EXPECT_EQ(handler.traps.back(), (Trap{'w', Range::bar0, kPageSize, 4, 5}));
}
TEST_F(AdoptTest, a_page_that_traps_keeps_its_values_however_often_that_happens) {
  ASSERT_TRUE(domain->set_direct_read(Range::bar0, 0, 2 * kPageSize, false).ok());
  registers[0] = std::byte{1};
  for (uint8_t n = 1; n < 4; ++n) {
    die();
    ASSERT_EQ(adopt(), "");
    EXPECT_EQ(domain->left(Range::bar0, 0)[0], std::byte{n});
    go_on();
    // A new vGPU says anew what traps.
    ASSERT_TRUE(domain->set_direct_read(Range::bar0, 0, 4 * kPageSize, true).ok());
    ASSERT_TRUE(domain->set_direct_read(Range::bar0, 0, kPageSize, false).ok());
    ASSERT_TRUE(domain->set_direct_read(Range::bar0, kPageSize, kPageSize, false).ok());
    registers[0] = std::byte(n + 1);
  }
  EXPECT_FALSE(xen.split) << "Linux would have refused, and the page stayed the guest's";
}
TEST_F(AdoptTest, a_page_whose_type_was_off_traps_again) {
  die();
  for (auto& [gfn, page] : xen.p2m) page.typed = false;
  ASSERT_EQ(adopt(), "");
  go_on();
  EXPECT_EQ(xen.typed_pages(), 4u);
}
TEST_F(AdoptTest, protected_pages_are_plain_again_until_they_are_protected_anew) {
  ASSERT_TRUE(domain->protect(Gfn{5}).ok());
  die();
  ASSERT_TRUE(xen.p2m.at(5).typed);
  ASSERT_EQ(adopt(), "");
  EXPECT_FALSE(xen.p2m.at(5).typed);
  EXPECT_TRUE(domain->protect(Gfn{5}).ok());
}
TEST_F(AdoptTest, a_write_under_way_finds_its_page_as_it_was) {
  ASSERT_TRUE(domain->protect(Gfn{5}).ok());
  die();
  xen.post(0, {.address = 0x5008,
               .data = 0x77,
               .count = 1,
               .size = 4,
               .port = 0,
               .pad = 0,
               .flags = 0,
               .type = IoType::memory});
  ASSERT_EQ(adopt(), "");
  EXPECT_TRUE(xen.p2m.at(5).typed);
  go_on();
  EXPECT_EQ(xen.ram<uint32_t>(0x5008), 0x77u);
  uint64_t data = 0;
  EXPECT_TRUE(xen.take(0, data));
  xen.cpu_write(kBar0, 4, 1);  // its vCPU's next request: that one is complete
  EXPECT_FALSE(xen.p2m.at(5).typed) << "nobody tracks it any more";
}
TEST_F(AdoptTest, what_was_left_is_seen_before_it_is_taken) {
  registers[8] = std::byte{7};
  die();
  ASSERT_EQ(adopt(), "");
  ASSERT_EQ(domain->left(Range::bar0, 0).size(), 4 * kPageSize);
  EXPECT_EQ(domain->left(Range::bar0, 0)[8], std::byte{7});
  EXPECT_TRUE(domain->left(Range::bar0, kPageSize).empty());
  ASSERT_TRUE(domain->register_pages(Range::bar0, 0, 4 * kPageSize).ok());
  EXPECT_TRUE(domain->left(Range::bar0, 0).empty());
}
TEST_F(AdoptTest, what_the_record_says_changes_only_when_it_is_counted) {
  const uint64_t before = domain->changes();
  const Record r = domain->record();
  xen.cpu_write(kBar0 + kPageSize, 4, 1);
  EXPECT_EQ(domain->changes(), before);
  EXPECT_EQ(domain->record(), r);
  ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0 + kBar0Bytes}, kBar0Bytes).ok());
  EXPECT_NE(domain->changes(), before);
  const uint64_t moved = domain->changes();
  ASSERT_TRUE(domain->set_direct_read(Range::bar0, kPageSize, kPageSize, false).ok());
  EXPECT_NE(domain->changes(), moved);
}
TEST_F(AdoptTest, the_guest_stands_still_meanwhile_and_only_meanwhile) {
  die();
  ASSERT_EQ(adopt(), "");
  EXPECT_EQ(xen.pauses, 1);
  EXPECT_TRUE(domain->record().paused);
  go_on();
  EXPECT_EQ(xen.pauses, 0);
  EXPECT_FALSE(domain->record().paused);
}
TEST_F(AdoptTest, a_process_that_ended_while_taking_over_does_not_leave_it_paused) {
  die();
  ASSERT_EQ(adopt(), "");
  record = domain->record();
  domain->leave();
  EXPECT_EQ(xen.pauses, 1);
  ASSERT_EQ(adopt(), "");
  EXPECT_EQ(xen.pauses, 1);
  domain->resume();
  EXPECT_EQ(xen.pauses, 0);
}
TEST_F(AdoptTest, another_domain_of_that_number_is_not_touched) {
  die();
  xen.info.uuid[3] = 9;
  xen.log.clear();
  EXPECT_NE(adopt().find("another domain"), std::string::npos);
  EXPECT_TRUE(xen.log.empty());
}
TEST_F(AdoptTest, a_failure_leaves_the_server_and_the_domain_running) {
  die();
  for (const char* call : {"map_requests", "claim_writes", "enable", "bind", "pause"}) {
    xen.fail[call] = EIO;
    EXPECT_NE(adopt(), "") << call;
    EXPECT_FALSE(xen.destroyed) << call;
    EXPECT_EQ(xen.pauses, 0) << call;
    EXPECT_TRUE(xen.bound.empty()) << call;
  }
  EXPECT_EQ(adopt(), "");
}
TEST_F(AdoptTest, a_record_that_does_not_fit_is_refused) {
  die();
  record.blocks[0].in_guest.push_back({3, 5});
  EXPECT_NE(adopt(), "");
  record.blocks[0].in_guest.back() = {~size_t{0}, 2};
  EXPECT_NE(adopt(), "");
  record.blocks[0].in_guest.pop_back();
  record.blocks[1].offset = 12;
  EXPECT_NE(adopt(), "");
}
TEST_F(AdoptTest, an_adopted_domain_ends_as_any_other) {
  die();
  ASSERT_EQ(adopt(), "");
  go_on();
  domain->close();
  EXPECT_TRUE(xen.destroyed);
  EXPECT_FALSE(xen.destroyed_with_request);
  EXPECT_EQ(xen.typed_pages(), 0u);
  EXPECT_EQ(xen.mapped_pages, 0);
  EXPECT_EQ(xen.info.max_pages, limit) << "its memory limit is its own again";
}
TEST_F(AdoptTest, a_domain_on_hold_runs_again_in_other_hands) {
  domain->hold();
  domain->hold();
  EXPECT_EQ(xen.pauses, 1);
  die();
  EXPECT_EQ(xen.pauses, 1);
  ASSERT_EQ(adopt(), "");
  domain->resume();
  EXPECT_EQ(xen.pauses, 0);
}
TEST_F(AdoptTest, leaving_changes_nothing_in_the_guest) {
  xen.log.clear();
  record = domain->record();
  domain->leave();
  EXPECT_EQ(xen.log, std::vector<std::string>{"unmap_requests"});
  EXPECT_FALSE(xen.destroyed);
  EXPECT_EQ(xen.mapped_pages, 0);
}

}  // namespace
}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// Pages that stop trapping on a host where Xen completes a write wherever its page is by then
// (AMD): done in the middle of such a write, the guest would crash at its next request.
#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

constexpr uint64_t kTable = 8 << 20;
constexpr uint64_t kPage = 0x20;

class CompletionTest : public XenWorld {
 protected:
  void SetUp() override {
    xen.by_address = false;
    config.late_offset = kTable;
    config.late_bytes = 4 * kPageSize;
    ASSERT_EQ(open(), "");
    table = domain->register_pages(Range::bar0, kTable, 4 * kPageSize).value();
    ASSERT_TRUE(domain->set_direct_read(Range::bar0, kTable, 4 * kPageSize, true).ok());
    ASSERT_TRUE(domain->place(Range::bar0, Gpa{kBar0}, kBar0Bytes).ok());
    handler.during = [this] { react(handler.traps.back()); };
  }
  void react(const Trap& t) {
    if (t.kind == 'w' && t.offset >= kTable) store(&table[t.offset - kTable], t.value);
    if (t.kind == 'p' && release_at_once) (void)domain->unprotect(Gfn{kPage});
  }
  void write_entry(unsigned index, uint64_t value) {
    xen.cpu_write(kBar0 + kTable + index * 8, 8, value);
  }
  void write_page(uint64_t value) { xen.cpu_write(kPage << kPageShift, 8, value); }
  bool typed() { return xen.p2m.at(kPage).typed; }
  std::span<std::byte> table;
  bool release_at_once = true;
};

TEST_F(CompletionTest, a_page_released_by_its_own_write_traps_until_another_request) {
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  write_page(1);
  EXPECT_TRUE(typed());
  write_page(2);
  EXPECT_EQ(xen.ram<uint64_t>(kPage << kPageShift), 2u) << "what is written while it leaves";
  EXPECT_EQ(handler.traps.size(), 1u) << "is no longer reported";
  (void)xen.config_read(0, 4);
  EXPECT_FALSE(typed());
  write_page(3);
  (void)xen.config_read(0, 4);
  EXPECT_FALSE(xen.crashed);
}
TEST_F(CompletionTest, the_fake_tells_when_it_is_done_too_early) {
  xen.p2m.at(kPage).typed = true;
  handler.during = [&] { xen.p2m.at(kPage).typed = false; };
  ASSERT_TRUE(domain->protect(Gfn{kPage + 1}).ok());
  xen.cpu_write((kPage + 1) << kPageShift, 8, 1);
  EXPECT_FALSE(xen.crashed);
  handler.during = [&] { xen.p2m.at(kPage + 1).typed = false; };
  xen.cpu_write((kPage + 1) << kPageShift, 8, 1);
  (void)xen.config_read(0, 4);
  EXPECT_TRUE(xen.crashed);
}
TEST_F(CompletionTest, a_page_is_released_at_once_by_another_pages_request) {
  release_at_once = false;
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  write_page(1);
  handler.during = [this] { (void)domain->unprotect(Gfn{kPage}); };
  (void)xen.config_read(0, 4);
  EXPECT_FALSE(typed());
  EXPECT_FALSE(domain->waiting());
}
TEST_F(CompletionTest, another_vcpus_write_keeps_a_page_trapping) {
  release_at_once = false;
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  const Ioreq write{.address = kPage << kPageShift,
                    .data = 5,
                    .count = 1,
                    .size = 8,
                    .port = 0,
                    .pad = 0,
                    .flags = 0,
                    .type = IoType::memory};
  xen.post(1, write);
  domain->dispatch();
  handler.during = [this] { (void)domain->unprotect(Gfn{kPage}); };
  (void)xen.config_read(0, 4);
  EXPECT_TRUE(typed()) << "it did not take its answer yet";
  uint64_t data = 0;
  ASSERT_TRUE(xen.take(1, data));
  domain->dispatch();
  EXPECT_FALSE(typed());
  xen.post(1, write);
  EXPECT_FALSE(xen.crashed);
}
TEST_F(CompletionTest, without_another_request_the_page_is_released_while_the_domain_stands) {
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  write_page(1);
  EXPECT_TRUE(domain->waiting());
  unsigned paused = 0;
  xen.when_paused = [&] { paused += typed(); };
  domain->dispatch();
  EXPECT_EQ(paused, 1u);
  EXPECT_FALSE(typed());
  EXPECT_EQ(xen.pauses, 0);
  EXPECT_FALSE(domain->waiting());
}
TEST_F(CompletionTest, a_request_that_comes_before_the_domain_stands_is_answered_first) {
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  write_page(1);
  xen.when_paused = [&] {
    xen.when_paused = nullptr;
    xen.post(0, {.address = kPage << kPageShift,
                 .data = 2,
                 .count = 1,
                 .size = 8,
                 .port = 0,
                 .pad = 0,
                 .flags = 0,
                 .type = IoType::memory});
  };
  domain->dispatch();
  EXPECT_TRUE(typed());
  EXPECT_EQ(xen.pauses, 0);
  EXPECT_EQ(xen.ram<uint64_t>(kPage << kPageShift), 2u);
}
TEST_F(CompletionTest, a_domain_that_cannot_be_stopped_keeps_its_page_trapping) {
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  write_page(1);
  xen.fail["pause"] = ESRCH;
  domain->dispatch();
  EXPECT_TRUE(typed());
  EXPECT_TRUE(domain->waiting());
}
TEST_F(CompletionTest, a_leaving_page_that_is_protected_anew_is_reported_again) {
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  write_page(1);
  release_at_once = false;
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  EXPECT_FALSE(domain->waiting());
  write_page(2);
  EXPECT_EQ(handler.traps.size(), 2u);
  EXPECT_TRUE(typed());
}
TEST_F(CompletionTest, a_leaving_page_that_was_replaced_is_typed_when_protected_anew) {
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  write_page(1);
  xen.remove_page(kPage);
  xen.add_page(kPage);
  ASSERT_TRUE(domain->protect(Gfn{kPage}).ok());
  EXPECT_TRUE(typed());
}
TEST_F(CompletionTest, a_run_opens_the_pages_behind_its_own) {
  for (unsigned i = 0; i < 2048; ++i) write_entry(i, i + 1);
  (void)xen.config_read(0, 4);
  EXPECT_EQ(xen.exits, 512 + 1u);
  EXPECT_FALSE(xen.crashed);
  ASSERT_EQ(handler.traps.size(), 2049u);
  for (unsigned i = 0; i < 2048; ++i)
    ASSERT_EQ(handler.traps[i], (Trap{'w', Range::bar0, kTable + i * 8, 8, i + 1}));
  EXPECT_EQ(xen.typed_pages(), 4u);
}
TEST_F(CompletionTest, a_run_that_ends_in_its_page_opens_none) {
  for (unsigned i = 0; i < 511; ++i) write_entry(i, i + 1);
  EXPECT_EQ(xen.typed_pages(), 4u);
}
TEST_F(CompletionTest, a_page_that_another_vcpu_writes_is_not_opened) {
  xen.post(1, {.address = kBar0 + kTable + 2 * kPageSize,
               .data = 5,
               .count = 1,
               .size = 8,
               .port = 0,
               .pad = 0,
               .flags = 0,
               .type = IoType::memory});
  domain->dispatch();
  for (unsigned i = 0; i < 512; ++i) write_entry(i, i + 1);
  EXPECT_EQ(xen.typed_pages(), 3u) << "that before it, only";
}

}  // namespace
}  // namespace hv::xen

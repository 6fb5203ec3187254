// SPDX-License-Identifier: MIT
// The render engine's clock: read without exits and refreshed while its guest submits, exact
// otherwise.
#include "tests/unit/core/core_world.h"

namespace core_test {
namespace {

constexpr uint32_t kClock = 0x2358;
constexpr uint64_t kContext = 0x100000, kMs = 1'000'000;

class ClockPageTest : public CoreWorld {
 protected:
  void SetUp() override {
    CoreWorld::SetUp();
    clock.now = 5'000 * kMs;
    add_guest().make_context(kContext);
    ASSERT_TRUE(g().domain.place(hv::Range::bar0, hv::Gpa{kBar0}, 16 << 20).ok());
  }
  Guest& g() { return *guests[0]; }
  void submit() {
    g().emit(kContext, {kNoop, kNoop});
    g().submit(Guest::descriptor(kContext, 1));
    finish();
  }
  /// As the guest's CPU reads it, through a trap or not.
  uint32_t read(uint32_t offset = kClock) {
    return static_cast<uint32_t>(g().domain.cpu_read(hv::Gpa{kBar0 + offset}, 4));
  }
  bool traps(uint32_t offset = kClock) {
    const uint64_t before = g().domain.counts().register_reads;
    (void)read(offset);
    return g().domain.counts().register_reads != before;
  }
  static constexpr uint64_t kBar0 = 0xf0000000;
};

TEST_F(ClockPageTest, a_guest_that_submits_nothing_reads_a_running_clock) {
  const uint32_t first = read();
  clock.now += 1'000;
  EXPECT_EQ(read() - first, 12u);
}
TEST_F(ClockPageTest, a_guest_that_submits_reads_the_page_without_exits) {
  submit();
  EXPECT_FALSE(traps(0x20a8));
}
TEST_F(ClockPageTest, the_clock_is_refreshed_with_submissions_and_in_between) {
  submit();
  const uint32_t first = read();
  clock.now += kMs;
  EXPECT_LE(mediator->next_deadline_ns(), clock.now);
  mediator->poll();
  EXPECT_EQ(read() - first, 12'000u);
  clock.now += kMs / 2;
  submit();
  EXPECT_EQ(read() - first, 18'000u);
  EXPECT_FALSE(traps());
}
TEST_F(ClockPageTest, it_is_exact_again_soon_after_the_last_submission) {
  submit();
  const uint32_t first = read();
  for (unsigned i = 0; i < 250; ++i) advance(kMs);
  const uint32_t later = read();
  EXPECT_EQ(later - first, 250u * 12'000);
  clock.now += 1'000;
  EXPECT_EQ(read() - later, 12u);
  EXPECT_GT(mediator->next_deadline_ns(), clock.now + 1'000 * kMs) << "nobody is woken for it";
}
TEST_F(ClockPageTest, who_reads_the_clock_between_submissions_goes_on_reading_an_exact_one) {
  (void)read();
  for (unsigned i = 0; i < 3; ++i) {
    submit();
    ASSERT_TRUE(traps()) << i;
    clock.now += 100 * kMs;
  }
  EXPECT_TRUE(traps(0x20a8));
}
TEST_F(ClockPageTest, who_has_not_read_it_for_long_has_no_exits) {
  (void)read();
  submit();
  clock.now += 999 * kMs;
  submit();
  EXPECT_TRUE(traps(0x20a8));
  clock.now += kMs;
  submit();
  EXPECT_FALSE(traps(0x20a8));
}
TEST_F(ClockPageTest, a_read_long_before_the_first_submission_is_forgotten) {
  (void)read();
  clock.now += 1'000 * kMs;
  submit();
  EXPECT_FALSE(traps(0x20a8));
}
TEST_F(ClockPageTest, it_never_goes_back) {
  uint32_t last = read();
  for (unsigned i = 0; i < 400; ++i) {
    clock.now += 10 * kMs;
    if (i % 100 < 5) submit();
    mediator->poll();
    const uint32_t now = i % 7 ? last : read();
    EXPECT_GE(now, last);
    last = now;
  }
}
TEST_F(ClockPageTest, another_guests_submissions_do_not_change_it) {
  add_guest().make_context(kContext);
  guests[1]->emit(kContext, {kNoop, kNoop});
  guests[1]->submit(Guest::descriptor(kContext, 1));
  EXPECT_TRUE(traps());
}

}  // namespace
}  // namespace core_test

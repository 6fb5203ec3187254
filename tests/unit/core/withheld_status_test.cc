// SPDX-License-Identifier: MIT
// A guest that submits and waits in turn is told that its engine is idle together with what comes
// next, or soon after it stops.
#include "tests/unit/core/core_world.h"

namespace core_test {
namespace {

namespace csb = gen9::csb;
constexpr uint64_t kContext = 0x100000, kUs = 1'000;
constexpr uint32_t kUserInterrupt = 0x02u << 23;
constexpr uint32_t kDone = csb::kContextComplete | csb::kActiveToIdle;

class WithheldStatusTest : public CoreWorld {
 protected:
  void SetUp() override {
    CoreWorld::SetUp();
    clock.now = 5'000'000'000;
    add_guest().make_context(kContext);
    write(0x4430c, ~0u);  // GT0: all on, none masked
    write(0x44304, 0);
    write(0x44200, 1u << 31);
  }
  Guest& g() { return *guests[0]; }
  void write(uint64_t at, uint32_t value) { g().traps->on_write(hv::Range::bar0, at, 4, value); }
  void submit() {
    g().emit(kContext, {kUserInterrupt, kNoop});
    g().submit(Guest::descriptor(kContext, 1));
  }
  /// The guest's interrupt handler: what came, acknowledged.
  uint32_t interrupt() {
    const auto came = static_cast<uint32_t>(g().traps->on_read(hv::Range::bar0, 0x44308, 4));
    write(0x44308, came);
    return came;
  }
  /// One submission that is waited for, after a pause; the interrupt at its end.
  uint32_t turn(uint64_t pause = 20 * kUs) {
    advance(pause);
    submit();
    advance(50 * kUs);
    finish();
    return interrupt();
  }
  void turns(unsigned n) {
    while (n-- > 0) (void)turn();
  }
  uint32_t last_event() { return g().csb_event(g().csb_write_index()); }
  static constexpr uint32_t kUser = 1, kSwitch = 1u << 8;
};

TEST_F(WithheldStatusTest, one_that_submits_now_and_then_is_told_at_once) {
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(turn(3'000 * kUs), kUser | kSwitch);
    EXPECT_EQ(last_event(), kDone);
  }
}
TEST_F(WithheldStatusTest, one_that_submits_again_and_again_is_told_with_the_next) {
  turns(5);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(turn(), kUser);
    EXPECT_EQ(last_event(), csb::kIdleToActive);
  }
  EXPECT_EQ(g().stats().submissions, 25u);
}
TEST_F(WithheldStatusTest, every_event_comes_and_in_order) {
  std::vector<uint32_t> seen;
  uint32_t at = g().csb_write_index();
  const auto take = [&] {
    while (at != g().csb_write_index()) {
      at = (at + 1) % gen9::kCsbEntries;
      seen.push_back(g().csb_event(at));
    }
  };
  at = 5;  // as after the driver's reset of the pointer
  for (int i = 0; i < 12; ++i) {
    (void)turn();
    take();
  }
  advance(60'000 * kUs);
  take();
  ASSERT_EQ(seen.size(), 24u);
  for (size_t i = 0; i < seen.size(); ++i)
    EXPECT_EQ(seen[i], i % 2 ? kDone : csb::kIdleToActive) << i;
}
TEST_F(WithheldStatusTest, one_that_stops_is_told_soon) {
  turns(8);
  ASSERT_EQ(last_event(), csb::kIdleToActive);
  EXPECT_LE(mediator->next_deadline_ns(), clock.now + 3'000 * kUs);
  advance(3'000 * kUs);
  EXPECT_EQ(interrupt(), kSwitch);
  EXPECT_EQ(last_event(), kDone);
  (void)turn(3'000 * kUs);
  EXPECT_EQ(last_event(), kDone) << "and has to prove itself anew";
}
TEST_F(WithheldStatusTest, a_list_without_a_user_interrupt_is_told_at_once) {
  turns(8);
  advance(20 * kUs);
  g().emit(kContext, {kNoop, kNoop});
  g().submit(Guest::descriptor(kContext, 1));
  finish();
  EXPECT_EQ(interrupt() & kSwitch, kSwitch);
  EXPECT_EQ(last_event(), kDone);
}
TEST_F(WithheldStatusTest, a_reset_forgets_what_was_withheld) {
  turns(8);
  write(gen9::kGdrst, 2);
  g().mmio(EngineId::rcs, rel::kRingMode, hv::masked_enable(gen9::kModeRunListEnable));
  advance(60'000 * kUs);
  EXPECT_NE(last_event(), kDone);
}

}  // namespace
}  // namespace core_test

// SPDX-License-Identifier: MIT
// What is taken for a hang: an engine that was seen standing still, not one that was not looked at.
#include "tests/unit/core/core_world.h"

namespace core_test {
namespace {

constexpr uint64_t kContext = 0x100000, kMs = 1'000'000;

class HangTest : public CoreWorld {
 protected:
  /// One guest's context has the engine, will not leave it, and another guest waits.
  void SetUp() override {
    CoreWorld::SetUp();
    gpu.obeys_preemption = false;
    for (int i = 0; i < 2; ++i) {
      Guest& g = add_guest();
      g.make_context(kContext);
      g.emit(kContext, {kNoop, kNoop});
      g.submit(Guest::descriptor(kContext, 1));
    }
    advance(2 * kMs);  // its slice is over
    ASSERT_EQ(gpu.preempt_requests, 1u);
  }
  uint64_t hangs() { return guests[0]->stats().hangs; }
  /// Looks at the GPU as often as it is due, for so long.
  void look_for(uint64_t ns) {
    for (const uint64_t end = clock.now + ns; clock.now < end;)
      advance(std::min(end, std::max(mediator->next_deadline_ns(), clock.now + 1)) - clock.now);
  }
};

TEST_F(HangTest, standing_still_under_the_mediators_eyes_is_one) {
  look_for(config.hang_ns - 1);
  EXPECT_EQ(hangs(), 0u);
  look_for(2);
  EXPECT_EQ(hangs(), 1u);
}
TEST_F(HangTest, a_mediator_that_did_not_run_for_long_has_seen_nothing) {
  advance(20 * config.hang_ns);
  EXPECT_EQ(hangs(), 0u);
  look_for(config.hang_ns);
  EXPECT_EQ(hangs(), 1u);
}
TEST_F(HangTest, a_model_that_was_not_run_is_not_held_against_its_guest) {
  gpu_speed = 0.01;
  look_for(3 * config.hang_ns);
  EXPECT_EQ(hangs(), 0u);
  gpu_speed = 1;
  look_for(config.hang_ns);
  EXPECT_EQ(hangs(), 1u);
}
TEST_F(HangTest, a_slow_model_is_given_time) {
  gpu_speed = 0.125;
  look_for(config.hang_ns);
  EXPECT_EQ(hangs(), 0u);
  look_for(config.hang_ns);
  EXPECT_EQ(hangs(), 1u);
}
TEST_F(HangTest, a_dead_gpu_is_found_out) {
  gpu_speed = 0;
  look_for(17 * config.hang_ns);
  EXPECT_EQ(hangs(), 1u);
}
TEST_F(HangTest, being_late_each_time_does_not_put_it_off_for_ever) {
  for (int i = 0; i < 2; ++i) advance(3 * config.hang_ns);
  EXPECT_EQ(hangs(), 1u);
}
TEST_F(HangTest, progress_is_none_but_who_never_leaves_is_taken_off) {
  unsigned looks = 0;
  for (; hangs() == 0 && looks < 100; ++looks) {
    ++gpu.progress_value;
    look_for(config.hang_ns / 4);
  }
  EXPECT_EQ(looks, 20u);  // five times as long
}

}  // namespace
}  // namespace core_test

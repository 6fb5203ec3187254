// SPDX-License-Identifier: MIT
// A device that goes on with the registers of an earlier one: what the guest set is there, what
// must be checked is checked again, and nothing that writing asks for is asked again.
#include "tests/unit/device/device_fixture.h"

namespace device_test {
namespace {

class ResumeTest : public DeviceTest {
 protected:
  /// The process ends, and another begins with what the registers held.
  void restart() {
    const std::vector<std::byte> saved = memory_;
    make(config_);
    device_->resume(saved);
  }
  void patch(uint32_t at, uint32_t v) { hv::store(memory_.data() + at, v); }
};

TEST_F(ResumeTest, what_the_guest_set_is_there_again) {
  see_pvinfo();
  w32(0x44304, 0xfffffefe);  // GT interrupt mask
  w32(0x4430c, 0x101);       // and enable
  w32(0x229c, 0x80008000);   // run lists
  w32(0x2080, 0x10000);      // status page
  w32(0x23a0, 0xffff0505);
  w32(0xc800, 0x39);  // MOCS
  w32(0x70180, 0xc4000000);
  restart();
  EXPECT_EQ(r32(0x44304), 0xfffffefeu);
  EXPECT_EQ(r32(0x4430c), 0x101u);
  EXPECT_EQ(r32(0x229c) & 0x8000, 0x8000u);
  EXPECT_EQ(r32(0x2080), 0x10000u);
  EXPECT_EQ(r32(0x23a0) & 7, 5u) << "or the driver would read old events";
  EXPECT_EQ(r32(0xc800), 0x39u);
  EXPECT_EQ(sink_.status_pages.back(), (std::pair{EngineId::rcs, 0x10000u}));
  EXPECT_TRUE(dev().pvinfo_seen());
  EXPECT_TRUE(sink_.failsafes.empty());
}
TEST_F(ResumeTest, nothing_is_asked_of_the_engines_again) {
  see_pvinfo();
  w32(0x229c, 0x80008000);
  w32(0x2230, 1);
  w32(0x941c, 1u << 3);
  restart();
  EXPECT_TRUE(sink_.elsp.empty());
  EXPECT_TRUE(sink_.resets.empty());
  EXPECT_TRUE(sink_.notifies.empty());
}
TEST_F(ResumeTest, values_no_write_would_have_left_are_refused) {
  see_pvinfo();
  w32(0x229c, 0x80008000);
  patch(0x24d0, 0x2230);  // opens ELSP to user batches
  patch(0x2080, 0xfffff000);
  restart();
  EXPECT_EQ(r32(0x24d0), 0u);
  EXPECT_EQ(r32(0x2080), 0u);
  EXPECT_EQ(sink_.failsafes, std::vector{FailsafeReason::bad_status_page});
}
TEST_F(ResumeTest, what_describes_the_vgpu_is_not_taken_from_the_guest) {
  const uint32_t low = r32(0x78044);
  patch(0x78044, 0xffffffff);
  restart();
  EXPECT_EQ(r32(0x78044), low);
}
TEST_F(ResumeTest, a_pipe_that_ran_runs_on_and_its_frames_are_counted_on) {
  see_pvinfo();
  w32(0x70008, 0x80000000);
  sink_.now += 1'000'000'000;
  const uint32_t frames = r32(0x70040);
  EXPECT_GT(frames, 10u);
  const uint64_t now = sink_.now;
  restart();
  sink_.now = now + 100'000'000;
  EXPECT_GE(r32(0x70040), frames);
  EXPECT_LT(r32(0x70040), frames + 100);
}
TEST_F(ResumeTest, a_guest_that_never_looked_at_the_vgpu_is_still_new) {
  restart();
  EXPECT_FALSE(dev().pvinfo_seen());
}

}  // namespace
}  // namespace device_test

// SPDX-License-Identifier: MIT
// A vCPU that runs code from a protected page would fault for ever: it is found and the page let
// go.
#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

class WatchdogTest : public XenWorld {
 protected:
  void SetUp() override {
    ASSERT_EQ(open(), "");
    xen.info.max_vcpu = 1;
    ASSERT_TRUE(domain->protect(Gfn{5}).ok());
    ASSERT_TRUE(domain->protect(Gfn{6}).ok());
    look(0);
  }
  /// A second in which the domain computed for so many milliseconds.
  void look(uint64_t ran_ms) {
    xen.info.cpu_ns += ran_ms * 1'000'000;
    domain->watch(now += kSecond);
  }
  uint64_t now = kSecond;
};

TEST_F(WatchdogTest, a_page_that_code_runs_from_is_let_go) {
  xen.code_at[1] = 5;
  look(1000);
  EXPECT_FALSE(xen.p2m.at(5).typed);
  EXPECT_TRUE(xen.p2m.at(6).typed) << "only that one";
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("code runs"), std::string::npos);
  EXPECT_EQ(handler.traps[0], (Trap{'p', Range::config, 0x5000, 8, 0})) << "the shadow is told";
}
TEST_F(WatchdogTest, the_shadow_may_let_it_go_by_itself) {
  handler.during = [this] {
    if (handler.traps.size() == 3) (void)domain->unprotect(Gfn{5});
  };
  xen.code_at[0] = 5;
  look(1000);
  EXPECT_EQ(handler.traps.size(), 3u);
  EXPECT_FALSE(xen.p2m.at(5).typed);
}
TEST_F(WatchdogTest, it_is_not_protected_again) {
  xen.code_at[0] = 5;
  look(1000);
  EXPECT_EQ(domain->protect(Gfn{5}).error(), Error::busy);
  EXPECT_TRUE(domain->protect(Gfn{7}).ok());
}
TEST_F(WatchdogTest, a_guest_that_sleeps_or_asks_is_not_looked_at) {
  xen.code_at[0] = 5;
  xen.log.clear();
  look(100);
  xen.config_read(0, 4);
  look(1000);
  EXPECT_TRUE(xen.log.empty());
  EXPECT_TRUE(xen.p2m.at(5).typed);
}
TEST_F(WatchdogTest, computing_elsewhere_changes_nothing) {
  xen.code_at[0] = 100;
  look(1000);
  xen.code_at[0] = 5;
  xen.fail["running_at"] = EIO;
  look(1000);
  EXPECT_TRUE(xen.p2m.at(5).typed);
  EXPECT_TRUE(handler.traps.empty());
}
TEST_F(WatchdogTest, without_protected_pages_nobody_is_asked) {
  ASSERT_TRUE(domain->unprotect(Gfn{5}).ok());
  ASSERT_TRUE(domain->unprotect(Gfn{6}).ok());
  xen.fail["info"] = EIO;
  look(1000);
  EXPECT_EQ(xen.fail.count("info"), 1u);
}
TEST_F(WatchdogTest, a_guest_full_of_code_pages_is_remembered_within_bounds) {
  for (uint64_t g = 10; g < 200; ++g) {
    ASSERT_TRUE(domain->protect(Gfn{g}).ok()) << g;
    xen.code_at[0] = g;
    look(1000);
    ASSERT_FALSE(xen.p2m.at(g).typed) << g;
  }
}

}  // namespace
}  // namespace hv::xen

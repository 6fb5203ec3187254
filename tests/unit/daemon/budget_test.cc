// SPDX-License-Identifier: MIT
// A guest that makes the mediator work more than it may is answered later; others are not.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <map>
#include <sstream>

#include "dom0/daemon/local_backend.h"
#include "dom0/daemon/service.h"
#include "shadow/gen9/regs.h"

namespace xengvtd {
namespace {

constexpr uint64_t kMs = 1'000'000;
constexpr uint32_t kNotify = gen9::kPvInfo + 0x818, kPdp0 = gen9::kPvInfo + 0x838;

struct TestClock {
  static inline std::atomic<uint64_t> now = 0;
  static uint64_t time_ns() { return now; }
  static uint64_t ticks() { return 0; }
};

/// Resets its GPU as often as it is told to, each time with one access.
class Resetter final : public BackendGuest {
 public:
  Resetter(hv::local::Machine& machine, const Backend::Identity& who)
      : domain_(machine, who.id, who.name, 16u << 20), fd_(eventfd(0, EFD_SEMAPHORE)) {}
  void ask(uint64_t times) {
    [[maybe_unused]] const auto n = ::write(fd_.get(), &times, sizeof times);
    waiting_ += times;
  }
  uint64_t done = 0;
  /// It says that it has an address space, of a table at each level.
  void make_space() {
    for (uint64_t table = 1; table < 4; ++table) {
      const uint64_t next = (table + 1) << hv::kPageShift | 3;
      ASSERT_TRUE(
          domain_.write(hv::Gpa{table << hv::kPageShift}, std::as_bytes(std::span{&next, 1})).ok());
    }
    constexpr uint32_t kCreate = 4;
    (void)handler_->on_read(hv::Range::bar0, gen9::kPvInfo, 8);
    handler_->on_write(hv::Range::bar0, kPdp0, 4, uint64_t{1} << hv::kPageShift);
    handler_->on_write(hv::Range::bar0, kPdp0 + 4, 4, 0);
    handler_->on_write(hv::Range::bar0, kNotify, 4, kCreate);
  }
  [[nodiscard]] uint64_t tracked_pages() const { return domain_.protected_pages(); }

  hv::Domain& domain() override { return domain_; }
  hv::Result<void, Problem> go_live(hv::TrapHandler& handler) override {
    handler_ = &handler;
    return {};
  }
  void quiesce() override { waiting_ = 0; }
  [[nodiscard]] int event_fd() const override { return fd_.get(); }
  [[nodiscard]] bool asks() const override { return waiting_ > 0; }
  bool dispatch(const std::function<bool()>& enough) override {
    for (; waiting_ > 0; ++done, --waiting_) {
      uint64_t one;
      [[maybe_unused]] const auto n = ::read(fd_.get(), &one, sizeof one);
      handler_->on_write(hv::Range::bar0, gen9::kGdrst, 4, 1);
      if (enough && enough()) return ++done, --waiting_, true;
    }
    return true;
  }
  [[nodiscard]] hv::local::TrapCounts counts() const override {
    hv::local::TrapCounts t;
    t.register_writes = done;
    return t;
  }

 private:
  hv::local::LocalDomain domain_;
  Fd fd_;
  hv::TrapHandler* handler_ = nullptr;
  uint64_t waiting_ = 0;
};

class ResetterBackend final : public LocalBackend {
 public:
  using LocalBackend::LocalBackend;
  hv::Result<std::unique_ptr<BackendGuest>, Problem> attach(const Identity& who) override {
    auto made = std::make_unique<Resetter>(machine_, who);
    guests[who.id.v] = made.get();
    return std::unique_ptr<BackendGuest>(std::move(made));
  }
  std::map<uint16_t, Resetter*> guests;

 private:
  hv::local::Machine machine_{256u << 20};
};

class BudgetedService : public testing::Test {
 protected:
  void SetUp() override {
    config_.spin_us = 0;
    service_.emplace(config_, backend_, clock_, log_);
    ASSERT_EQ(service_->start(), "");
    for (const char* id : {"1", "2"}) ASSERT_TRUE(service_->attach(id, "tiny", {}).ok());
    while (comes(0)) service_->pump();
  }
  bool comes(int ms) {
    pollfd p{service_->event_fd(), POLLIN, 0};
    return poll(&p, 1, ms) == 1;
  }
  Resetter& guest(uint16_t id) { return *backend_.guests.at(id); }

  Config config_ = default_config();
  WallClock clock_{ClockSource{TestClock::time_ns, TestClock::ticks}};
  std::ostringstream logged_;
  Log log_{logged_, LogLevel::debug, false};
  ResetterBackend backend_{clock_};
  std::optional<Service> service_;
};

TEST_F(BudgetedService, WhoIsOverIsAnsweredWhenItHasPaidAndOthersAtOnce) {
  guest(1).ask(200);  // of 0.1 ms each, where 8 are a burst
  guest(2).ask(1);
  service_->pump();
  EXPECT_EQ(guest(1).done, 80u) << "the rest of what was there waits too";
  EXPECT_EQ(guest(2).done, 1u);
  guest(1).ask(1);
  guest(2).ask(1);
  service_->pump();
  EXPECT_EQ(guest(1).done, 80u);
  EXPECT_EQ(guest(2).done, 2u);
  EXPECT_FALSE(comes(0)) << "what waits does not keep the daemon awake";

  TestClock::now += 12 * kMs - 1000;
  service_->pump();
  EXPECT_EQ(guest(1).done, 80u);
  TestClock::now += 1000;
  service_->pump();
  EXPECT_EQ(guest(1).done, 140u) << "it has a burst again, less what it still owes";
  TestClock::now += 12 * kMs;
  service_->pump();
  TestClock::now += 12 * kMs;
  service_->pump();
  EXPECT_EQ(guest(1).done, 201u);
  EXPECT_EQ(service_->guests().at(0).stats.resets, 201u);
}

TEST_F(BudgetedService, TheDaemonWakesForWhoIsHeldBack) {
  guest(1).ask(100);
  service_->pump();
  ASSERT_EQ(guest(1).done, 80u);
  ASSERT_FALSE(comes(0));
  TestClock::now += 12 * kMs;  // the timer goes by its own clock
  ASSERT_TRUE(comes(500));
  service_->pump();
  EXPECT_EQ(guest(1).done, 100u);
  guest(1).ask(1);
  ASSERT_TRUE(comes(500)) << "its events count again";
  service_->pump();
  EXPECT_EQ(guest(1).done, 101u);
}

TEST_F(BudgetedService, WhatAGuestLeavesIsTakenApartWhileOthersAreServed) {
  guest(1).make_space();
  ASSERT_EQ(guest(1).tracked_pages(), 3u) << "tables, and a leaf that is not read yet";
  guest(1).ask(80);  // it has spent its time
  service_->pump();
  ASSERT_TRUE(service_->detach("1").ok());
  EXPECT_EQ(service_->guests().size(), 1u);
  const auto again = service_->attach("1", "tiny", {});
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.error().cause.find("still being taken apart"), std::string::npos);
  guest(2).ask(1);
  service_->pump();
  EXPECT_EQ(guest(2).done, 1u);
  for (int i = 0; i < 4; ++i) {
    TestClock::now += 12 * kMs;
    service_->pump();
  }
  EXPECT_TRUE(service_->attach("1", "tiny", {}).ok());
}

TEST_F(BudgetedService, TheEndOfTheDaemonWaitsForNobody) {
  guest(1).make_space();
  guest(1).ask(80);
  service_->pump();
  ASSERT_TRUE(service_->detach("1").ok());
  service_.reset();
}

}  // namespace
}  // namespace xengvtd

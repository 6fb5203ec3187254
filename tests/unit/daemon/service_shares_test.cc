// SPDX-License-Identifier: MIT
// Shares as owners write them, through a running service whose CPU scheduler is a fake.
#include <gmock/gmock.h>
#include <poll.h>

#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <filesystem>
#include <sstream>

#include "dom0/daemon/control.h"
#include "dom0/daemon/local_backend.h"
#include "tests/fake/fake_cpu.h"

namespace xengvtd {
namespace {

using testing::HasSubstr;
namespace json = boost::json;

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(hv::Clock& clock) : local_(clock) {}
  [[nodiscard]] std::string name() const override { return "fake"; }
  CpuPort* cpu() override { return &cpu_; }
  gpu::model::DmaBus& bus() override { return local_.bus(); }
  hv::Result<Identity, Problem> identify(const std::string& d) override {
    return local_.identify(d);
  }
  hv::Result<std::unique_ptr<BackendGuest>, Problem> attach(const Identity& who) override {
    return local_.attach(who);
  }
  LocalBackend local_;
  fake::FakeCpu cpu_;
};

class ServiceShares : public testing::Test {
 protected:
  ServiceShares() {
    char name[] = "/tmp/xengvt-shares-XXXXXX";
    config_.state = mkdtemp(name);
    config_.types.erase(config_.types.begin() + 1, config_.types.end());
    config_.types[0].shares.share.fixed = 4000;
  }
  ~ServiceShares() override { std::filesystem::remove_all(config_.state); }
  void start() {
    service_.emplace(config_, backend_, clock_, log_);
    ASSERT_EQ(service_->start(), "");
  }
  void attach(uint16_t id) {
    backend_.cpu_.make(hv::DomId{id});
    ASSERT_EQ(error("attach", id, R"("type":"tiny")"), "");
  }
  std::string error(const std::string& request, uint16_t id, const std::string& more) {
    return error(R"({"request":")" + request + R"(","domain":")" + std::to_string(id) + "\"," +
                 more + "}");
  }
  std::string error(const std::string& line) {
    const json::object o = json::parse(answer(*service_, line).line).as_object();
    return o.at("ok").as_bool() ? "" : std::string(o.at("error").as_string());
  }
  mediator::Share share(uint16_t id) { return service_->guest(std::to_string(id))->stats.share; }
  template <class F>
  bool within(uint64_t ms, F done) {
    const uint64_t end = clock_.now_ns() + ms * 1'000'000;
    while (!done()) {
      if (clock_.now_ns() > end) return false;
      pollfd p{service_->event_fd(), POLLIN, 0};
      poll(&p, 1, 10);
      service_->pump();
    }
    return true;
  }
  Config config_ = default_config();
  WallClock clock_;
  std::ostringstream logged_;
  Log log_{logged_, LogLevel::debug, false};
  CpuBackend backend_{clock_};
  std::optional<Service> service_;
};

TEST_F(ServiceShares, WeightAndCapFollowTheDomainsCpus) {
  start();
  attach(1);
  backend_.cpu_.domains[hv::DomId{1}].share = CpuShare{777, 50};
  EXPECT_TRUE(within(2000, [&] { return share(1).weight == 777 && share(1).cap == 5000; }));
  EXPECT_EQ(error("set", 1, R"("options":{"weight":"9"})"), "");
  EXPECT_EQ(share(1).weight, 9u);
  EXPECT_EQ(share(1).cap, 5000u);
  EXPECT_EQ(error("set", 1, R"("options":{"weight":"follow","cap":"none"})"), "");
  EXPECT_EQ(share(1).weight, 777u);
  EXPECT_EQ(share(1).cap, 0u);
}

// A clock that goes by something else than timers do.
struct OtherClock {
  static inline std::atomic<uint64_t> behind_ns = 0;
  static uint64_t ticks() { return 0; }
  static uint64_t time_ns() {
    return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) -
           behind_ns;
  }
};
TEST_F(ServiceShares, ATimerThatComesTooEarlyIsSetAgain) {
  WallClock other({OtherClock::time_ns, OtherClock::ticks});
  Service service(config_, backend_, other, log_);
  ASSERT_EQ(service.start(), "");
  backend_.cpu_.make(hv::DomId{1});
  (void)answer(service, R"({"request":"attach","domain":"1","type":"tiny"})");
  const auto comes = [&](int ms) {
    pollfd p{service.event_fd(), POLLIN, 0};
    return poll(&p, 1, ms) == 1;
  };
  while (comes(10)) service.pump();  // until nothing but the next look at its CPUs is due
  OtherClock::behind_ns = 20'000'000;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(comes(500)) << "after " << i;
    service.pump();
  }
}

TEST_F(ServiceShares, APausedDomainGivesTheGpuUp) {
  start();
  attach(1);
  ASSERT_TRUE(within(2000, [&] { return service_->guest("1")->cpu.has_value(); }));
  backend_.cpu_.domains[hv::DomId{1}].paused = true;
  EXPECT_TRUE(within(2000, [&] { return service_->guest("1")->gives_up; }));
  backend_.cpu_.domains[hv::DomId{1}].paused = false;
  EXPECT_TRUE(within(2000, [&] { return !service_->guest("1")->gives_up; }));
}

TEST_F(ServiceShares, WhatBreaksARuleIsRefusedWithTheRuleAndChangesNothing) {
  start();
  attach(1);
  ASSERT_EQ(error("set", 1, R"("options":{"weight":"5","cap":"30","slice":"2"})"), "");
  const mediator::Share before = share(1);
  const std::pair<const char*, const char*> kBad[] = {
      {R"({"weight":"0"})", "a weight is 1 to 65535"},
      {R"({"weight":"65536"})", "a weight is 1 to 65535"},
      {R"({"weight":"x"})", "a weight is 1 to 65535"},
      {R"({"cap":"101"})", "a cap is 0.01 to 100 per cent"},
      {R"({"cap":"0"})", "a cap is 0.01 to 100 per cent"},
      {R"({"cap":"-1"})", "a cap is 0.01 to 100 per cent"},
      {R"({"cap":"1.234"})", "a cap is 0.01 to 100 per cent"},
      {R"({"share":"100.01"})", "a fixed share is"},
      {R"({"latency":"best"})", "a latency class is normal or interactive"},
      {R"({"slice":"31"})", "a slice is 1 to 30 ms"},
      {R"({"boost":"maybe"})", "boost is yes or no"},
      {R"({"wieght":"3"})", "not 'wieght'"},
      {R"({"cap":"20","weight":"0"})", "a weight is 1 to 65535"},
  };
  for (const auto& [options, rule] : kBad) {
    EXPECT_THAT(error("set", 1, std::string(R"("options":)") + options), HasSubstr(rule));
    EXPECT_EQ(share(1), before) << options;
  }
}

TEST_F(ServiceShares, TheGpusPolicyChangesLiveOrNotAtAll) {
  start();
  attach(1);
  const auto set = [&](const std::string& options) {
    return error(R"({"request":"set-gpu","options":)" + options + "}");
  };
  EXPECT_EQ(set(R"({"policy":"equal-share","slice":"2"})"), "");
  const auto before = service_->host().shares;
  EXPECT_EQ(before.policy, mediator::Policy::equal_share);
  EXPECT_THAT(set(R"({"policy":"fair"})"), HasSubstr("a policy is best-effort"));
  EXPECT_THAT(set(R"({"slice":"0"})"), HasSubstr("a slice is 1 to 30 ms"));
  EXPECT_THAT(set(R"({"window":"5000"})"), HasSubstr("a window is 10 to 1000 ms"));
  EXPECT_THAT(set(R"({"policy":"exclusive"})"), HasSubstr("exclusive needs"));
  EXPECT_NE(set(R"({"policy":"exclusive","holder":"7"})"), "");
  EXPECT_EQ(service_->host().shares, before);
  EXPECT_EQ(set(R"({"policy":"exclusive","holder":"1"})"), "");
  EXPECT_EQ(service_->host().holder, "local1");
  // The holder goes; nobody else is left without the GPU.
  EXPECT_EQ(error(R"({"request":"detach","domain":"1"})"), "");
  EXPECT_EQ(service_->host().shares.policy, mediator::Policy::best_effort);
}

TEST_F(ServiceShares, FixedSharesAreNeverOvercommitted) {
  config_.policy = mediator::Policy::fixed_share;
  start();
  attach(1);
  attach(2);
  backend_.cpu_.make(hv::DomId{3});
  EXPECT_THAT(error("attach", 3, R"("type":"tiny")"), HasSubstr("at most 100 per cent"));
  EXPECT_THAT(error("set", 1, R"("options":{"share":"60.01"})"), HasSubstr("at most 100 per cent"));
  EXPECT_EQ(share(1).fixed, 4000u);
  EXPECT_EQ(error("set", 1, R"("options":{"share":"20"})"), "");
  EXPECT_EQ(error("attach", 3, R"("type":"tiny")"), "");
}

TEST_F(ServiceShares, MoreGuestsThanMaxBusyAreRefused) {
  config_.max_busy = 2;
  start();
  attach(1);
  attach(2);
  backend_.cpu_.make(hv::DomId{3});
  EXPECT_THAT(error("attach", 3, R"("type":"tiny")"), HasSubstr("max-busy allows no more"));
  EXPECT_EQ(service_->guests().size(), 2u);
  EXPECT_EQ(error(R"({"request":"detach","domain":"1"})"), "");
  EXPECT_EQ(error("attach", 3, R"("type":"tiny")"), "");
}

TEST(TooMany, WithoutALimitOfItsOwnNoMoreAreTakenThanHeartbeatsAllow) {
  EXPECT_EQ(too_many(165, 0, 166), "");
  EXPECT_THAT(too_many(166, 0, 166), HasSubstr("miss heartbeats"));
  EXPECT_EQ(too_many(166, 400, 166), "") << "the owner knows better";
  EXPECT_THAT(too_many(100, 100, 166), HasSubstr("max-busy"));
}

TEST_F(ServiceShares, ARaisedWeightIsPutBackWhenTheServiceEndsAndAfterACrashAtTheNextStart) {
  start();
  attach(1);
  ASSERT_EQ(error("set", 1, R"("options":{"boost":"yes","latency":"interactive"})"), "");
  WeightLedger ledger(config_.state + "/raised-weights");
  backend_.cpu_.domains[hv::DomId{1}].share->weight = 1024;
  ASSERT_EQ(ledger.add({hv::DomId{1}, backend_.cpu_.domains[hv::DomId{1}].uuid, 256, 1024}), "");
  service_.reset();
  start();
  EXPECT_EQ(backend_.cpu_.domains[hv::DomId{1}].share->weight, 256u);
  EXPECT_TRUE(ledger.read().empty());
}

TEST(Percent, IsReadAndWrittenInHundredths) {
  uint32_t n = 0;
  EXPECT_TRUE(parse_percent("25", n) && n == 2500);
  EXPECT_TRUE(parse_percent("12.5", n) && n == 1250);
  EXPECT_TRUE(parse_percent("0.01", n) && n == 1);
  EXPECT_TRUE(parse_percent("100", n) && n == 10'000);
  for (const char* bad : {"", ".", "1.", ".5", "100.01", "1.001", "1e2", "-1", "+1", " 1", "1 "})
    EXPECT_FALSE(parse_percent(bad, n)) << bad;
  EXPECT_EQ(percent_text(1250), "12.5");
  EXPECT_EQ(percent_text(1), "0.01");
  EXPECT_EQ(percent_text(2500), "25");
}

}  // namespace
}  // namespace xengvtd

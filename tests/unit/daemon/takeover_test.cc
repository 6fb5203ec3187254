// SPDX-License-Identifier: MIT
// One daemon ends and the next goes on with its guests: over a fake Xen, with everything above it
// real.
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "dom0/daemon/model_unit.h"
#include "dom0/daemon/service.h"
#include "dom0/daemon/xen_guest.h"
#include "shadow/gen9/regs.h"
#include "tests/fake/fake_xen.h"

namespace xengvtd {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr uint64_t kBar0 = 0xf0000000;

/// A GPU that notes whether a guest may see yet what was shown to it.
class NotingUnit final : public ModelUnit {
 public:
  NotingUnit(gpu::model::DmaBus& bus, const Config& config, WallClock& clock,
             std::function<void()> interrupt, bool& left)
      : ModelUnit(bus, config, clock, std::move(interrupt)), left_(left) {}
  void guest_was_left() override { left_ = true; }

 private:
  bool& left_;
};

/// A host with domain 7.
class FakeBackend final : public Backend {
 public:
  FakeBackend(fake::FakeXen& xen, hv::Clock& clock, const std::string& folder)
      : xen_(xen), clock_(clock), folder_(folder), bus_(frames_) {}
  [[nodiscard]] std::string name() const override { return "fake"; }
  gpu::model::DmaBus& bus() override { return bus_; }
  hv::Result<Identity, Problem> identify(const std::string&) override {
    return Identity{hv::DomId{7}, "seven"};
  }
  hv::Result<std::unique_ptr<BackendGuest>, Problem> attach(const Identity&) override {
    Fd pages = folder_.pages(hv::DomId{7}, true);
    auto domain = hv::xen::XenDomain::open(hv::DomId{7}, config(pages.get()), xen_.calls());
    if (!domain.ok()) return Problem{domain.error(), ""};
    return guest(std::move(*domain), std::move(pages));
  }
  bool is_there(const hv::xen::Record& r) override { return r.uuid == xen_.info.uuid; }
  hv::Result<std::unique_ptr<BackendGuest>, Problem> adopt(const Identity&,
                                                           const hv::xen::Record& r) override {
    Fd pages = folder_.pages(hv::DomId{7}, false);
    auto domain = hv::xen::XenDomain::adopt(hv::DomId{7}, config(pages.get()), r, xen_.calls());
    if (!domain.ok()) return Problem{domain.error(), "destroy it"};
    return guest(std::move(*domain), std::move(pages));
  }
  hv::Result<std::unique_ptr<GpuUnit>, Problem> make_gpu(const Config& config, WallClock& clock,
                                                         std::function<void()> interrupt) override {
    return std::unique_ptr<GpuUnit>(
        std::make_unique<NotingUnit>(bus(), config, clock, std::move(interrupt), guest_was_left));
  }
  XenGuest* last = nullptr;
  bool guest_was_left = false;

 private:
  hv::xen::XenConfig config(int pages) {
    hv::xen::XenConfig c;
    c.frames = &frames_;
    c.pages_file = pages;
    return c;
  }
  std::unique_ptr<BackendGuest> guest(std::unique_ptr<hv::xen::XenDomain> domain, Fd pages) {
    auto g = std::make_unique<XenGuest>(std::move(domain), clock_, std::move(pages));
    last = g.get();
    return g;
  }
  fake::FakeXen& xen_;
  hv::Clock& clock_;
  KeepFolder folder_;
  hv::xen::FrameSpace frames_;
  FrameBus bus_;
};

class Takeover : public testing::Test {
 protected:
  Takeover() {
    xen_.info.max_pages = fake::FakeXen::kMaxFrames;
    xen_.event_fd = eventfd(1, 0);  // always readable
    config_.guests = (fs::temp_directory_path() / ("xengvtd_" + std::to_string(getpid()))).string();
    fs::remove_all(config_.guests);
    begin();
  }
  ~Takeover() override {
    service_.reset();
    fs::remove_all(config_.guests);
    ::close(xen_.event_fd);
  }
  void begin() {
    backend_ = std::make_unique<FakeBackend>(xen_, clock_, config_.guests);
    service_ = std::make_unique<Service>(config_, *backend_, clock_, log_);
    ASSERT_EQ(service_->start(), "");
    xen_.pump = [this] { service_->pump(); };
  }
  /// Ends without notice: what is written down is all that is left.
  void die() {
    const fs::path aside = config_.guests + ".aside";
    fs::remove_all(aside);
    fs::copy(config_.guests, aside);
    backend_->last->leave();
    service_.reset();
    fs::remove_all(config_.guests);
    fs::rename(aside, config_.guests);
  }
  void hand_over() {
    service_->leave();
    service_.reset();
  }
  void boot_guest() {
    ASSERT_TRUE(service_->attach("7", "tiny", {}).ok());
    xen_.config_write(0x10, 4, kBar0);
    xen_.config_write(0x14, 4, 0);
    xen_.config_write(0xb0, 4, 0xfee00000);
    xen_.config_write(0xb8, 2, 0x4021);
    xen_.config_write(0xae, 2, 1);
    xen_.config_write(4, 2, 6);
    (void)xen_.cpu_read(kBar0 + gen9::kPvInfo, 8);
    xen_.cpu_write(kBar0 + 0x44304, 4, 0xfffffffe);
    xen_.cpu_write(kBar0 + gen9::kGttOffset + 8, 8, 0x5001);
    xen_.cpu_write(kBar0 + 0x2229c, 4, 0x80008000);
  }
  std::string logged() { return logged_.str(); }

  fake::FakeXen xen_;
  Config config_ = default_config();
  WallClock clock_;
  std::ostringstream logged_;
  Log log_{logged_, LogLevel::debug, false};
  std::unique_ptr<FakeBackend> backend_;
  std::unique_ptr<Service> service_;
};

TEST_F(Takeover, TheNextDaemonGoesOnWhereOneEndedWithoutNotice) {
  boot_guest();
  die();
  EXPECT_FALSE(xen_.destroyed);
  begin();
  ASSERT_EQ(service_->guests().size(), 1u);
  EXPECT_EQ(service_->guests()[0].stats.name, "seven");
  EXPECT_FALSE(backend_->guest_was_left);
  EXPECT_EQ(service_->guests()[0].type, *config_.find_type("tiny"));
  EXPECT_EQ(xen_.pauses, 0);
  EXPECT_EQ(xen_.config_read(0x10, 4) & ~0xfull, kBar0);
  EXPECT_EQ(xen_.config_read(0xac, 4) >> 16 & 1, 1u) << "interrupts are on";
  EXPECT_EQ(xen_.cpu_read(kBar0 + 0x44304, 4), 0xfffffffeu);
  EXPECT_EQ(xen_.cpu_read(kBar0 + gen9::kGttOffset + 8, 8), 0x5001u);
  EXPECT_EQ(xen_.cpu_read(kBar0 + 0x2229c, 4) & 0x8000, 0x8000u);
  EXPECT_THAT(logged(), HasSubstr("taken over"));
}
TEST_F(Takeover, AVcpuThatWaitedIsAnswered) {
  boot_guest();
  die();
  xen_.pump = nullptr;
  xen_.post(0, {.address = uint64_t{2 << 3} << 32,
                .data = 0,
                .count = 1,
                .size = 4,
                .port = 0,
                .pad = 0,
                .flags = hv::xen::Ioreq::kRead,
                .type = hv::xen::IoType::config});
  begin();
  service_->pump();
  uint64_t data = 0;
  ASSERT_TRUE(xen_.take(0, data));
  EXPECT_EQ(data & 0xffff, 0x8086u);
}
TEST_F(Takeover, AGuestLeftOnPurposeStandsStillUntilTheNextDaemonIsThere) {
  boot_guest();
  hand_over();
  EXPECT_EQ(xen_.pauses, 1);
  EXPECT_FALSE(xen_.destroyed);
  begin();
  EXPECT_EQ(xen_.pauses, 0);
  EXPECT_EQ(service_->guests().size(), 1u);
  EXPECT_EQ(xen_.cpu_read(kBar0 + 0x44304, 4), 0xfffffffeu);
}
TEST_F(Takeover, ADaemonThatIsToldToEndLeavesNothing) {
  boot_guest();
  service_.reset();
  EXPECT_TRUE(xen_.destroyed);
  EXPECT_TRUE(fs::is_empty(config_.guests));
  begin();
  EXPECT_TRUE(service_->guests().empty());
}
TEST_F(Takeover, WhatItsOwnerSetGoesOn) {
  boot_guest();
  ASSERT_TRUE(service_->set_shares("7", {{"weight", "77"}, {"cap", "30"}, {"slice", "3"}}).ok());
  ASSERT_FALSE(service_->set_shares("7", {{"cap", "101"}}).ok());
  die();
  begin();
  ASSERT_EQ(service_->guests().size(), 1u);
  const mediator::Share share = service_->guests()[0].stats.share;
  EXPECT_EQ(share.weight, 77u);
  EXPECT_EQ(share.cap, 3000u);
  EXPECT_EQ(share.slice_ns, 3'000'000u);
}
TEST_F(Takeover, TheGpusPolicyGoesOnWithTheGuestsItWasSetFor) {
  boot_guest();
  ASSERT_TRUE(service_->set_gpu({{"policy", "exclusive"}, {"holder", "7"}, {"slice", "9"}}).ok());
  ASSERT_FALSE(service_->set_gpu({{"slice", "31"}}).ok());
  ASSERT_FALSE(service_->set_gpu({{"policy", "fair"}}).ok());
  for (const bool on_purpose : {false, true}) {
    on_purpose ? hand_over() : die();
    begin();
    const HostReport host = service_->host();
    EXPECT_EQ(host.shares.policy, mediator::Policy::exclusive);
    EXPECT_EQ(host.holder, "seven");
    EXPECT_EQ(host.shares.slice_ns, 9'000'000u);
  }
}
TEST_F(Takeover, APolicySetBeforeAnyGuestGoesOnToo) {
  ASSERT_TRUE(service_->set_gpu({{"policy", "equal-share"}, {"window", "50"}}).ok());
  boot_guest();
  die();
  begin();
  EXPECT_EQ(service_->host().shares.policy, mediator::Policy::equal_share);
  EXPECT_EQ(service_->host().shares.window_ns, 50'000'000u);
}
TEST_F(Takeover, WithoutTheGuestsTheConfigurationCountsAgain) {
  boot_guest();
  ASSERT_TRUE(service_->set_gpu({{"policy", "equal-share"}}).ok());
  die();
  xen_.info.uuid[0] ^= 1;  // another domain
  begin();
  EXPECT_EQ(service_->host().shares.policy, mediator::Policy::best_effort);
  EXPECT_TRUE(fs::is_empty(config_.guests));
}
TEST_F(Takeover, AnUnusableRecordOfTheGpuIsNamedAndTheConfigurationCounts) {
  boot_guest();
  die();
  std::ofstream(config_.guests + "/gpu") << R"({"version":1,"policy":2,"slice_ns":1})";
  begin();
  EXPECT_EQ(service_->guests().size(), 1u);
  EXPECT_EQ(service_->host().shares.policy, mediator::Policy::best_effort);
  EXPECT_THAT(logged(), HasSubstr("/gpu: "));
}
TEST_F(Takeover, NobodyWaitsForAHolderThatIsNoMore) {
  boot_guest();
  die();
  std::ofstream(config_.guests + "/gpu") << encode_kept_gpu(
      {.shares = {.policy = mediator::Policy::exclusive}, .holder = hv::DomId{9}});
  begin();
  EXPECT_EQ(service_->host().shares.policy, mediator::Policy::best_effort);
}
TEST_F(Takeover, AGuestThatIsGoneIsForgotten) {
  boot_guest();
  die();
  xen_.info.uuid[0] ^= 1;
  begin();
  EXPECT_TRUE(service_->guests().empty());
  EXPECT_TRUE(fs::is_empty(config_.guests));
}
TEST_F(Takeover, AGuestThatCannotBeTakenOverIsNamedWithACure) {
  boot_guest();
  die();
  xen_.fail["enable"] = EIO;
  begin();
  EXPECT_TRUE(service_->guests().empty());
  EXPECT_FALSE(xen_.destroyed) << "that would stop its vCPUs for ever";
  EXPECT_THAT(logged(), HasSubstr("seven: cannot be taken over"));
  EXPECT_THAT(logged(), HasSubstr("destroy it"));
  EXPECT_TRUE(backend_->guest_was_left) << "what was shown to it may be so still";
}
TEST_F(Takeover, AGuestThatEndsDaemonAfterDaemonLosesItsVgpu) {
  boot_guest();
  for (int n = 0; n < 5; ++n) {
    die();
    begin();
    ASSERT_EQ(service_->guests().size(), 1u) << n;
  }
  die();
  begin();
  EXPECT_TRUE(service_->guests().empty());
  EXPECT_TRUE(xen_.destroyed);
  EXPECT_FALSE(xen_.destroyed_with_request);
  EXPECT_EQ(xen_.pauses, 0);
  EXPECT_THAT(logged(), HasSubstr("has lost its vGPU"));
}
TEST_F(Takeover, AnUnreadableRecordIsNamedAndNoHarmDone) {
  fs::create_directories(config_.guests);
  std::ofstream(config_.guests + "/9.json") << "{\"version\":1,\"backend\":[]}";
  service_.reset();
  begin();
  EXPECT_TRUE(service_->guests().empty());
  EXPECT_THAT(logged(), HasSubstr("9.json"));
  EXPECT_TRUE(backend_->guest_was_left);
}
TEST_F(Takeover, WithoutAFolderGuestsAreServedAndNotKept) {
  service_.reset();
  config_.guests = "/proc/nothing";
  begin();
  boot_guest();
  EXPECT_EQ(service_->guests().size(), 1u);
  EXPECT_FALSE(backend_->last->record().has_value());
}

TEST(Kept, WhatIsWrittenIsRead) {
  KeptGuest g;
  g.backend.domain = hv::DomId{12};
  g.backend.uuid[15] = 0xab;
  g.backend.server = 3;
  g.backend.added_pages = 1ull << 40;
  g.backend.paused = true;
  g.backend.bars[1] = {0xf0000000, 16 << 20, 0xf0000000};
  g.backend.blocks.push_back({hv::Range::bar0, 8 << 20, 8 << 20, {{0, 5}, {7, 100}}});
  g.name = "a \"name\"\n";
  g.type = {"t", 1, 2, 3, 4, 5, 6, 7};
  g.config[255] = 0xfe;
  g.failsafe = mediator::FailsafeReason::bad_fence;
  g.takeovers = 2;
  g.taken_over_at = -1;
  g.shares = ShareSettings{.share = {.weight = 9, .cap = 250, .fixed = 1}, .boost = true};
  const auto read = decode_kept(encode_kept(g));
  ASSERT_TRUE(read.ok()) << read.error();
  EXPECT_EQ(*read, g);
}
TEST(Kept, SharesThatBreakARuleAreRefused) {
  KeptGuest g;
  g.shares = ShareSettings{};
  g.shares->share.cap = mediator::kWholeGpu + 1;
  EXPECT_FALSE(decode_kept(encode_kept(g)).ok());
}
TEST(Kept, NonsenseAboutTheGpuIsRefused) {
  const KeptGpu gpu{.shares = {.policy = mediator::Policy::fixed_share, .slice_ns = 3'000'000},
                    .holder = hv::DomId{4}};
  const std::string good = encode_kept_gpu(gpu);
  ASSERT_TRUE(decode_kept_gpu(good).ok());
  EXPECT_EQ(*decode_kept_gpu(good), gpu);
  for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(decode_kept_gpu(good.substr(0, n)).ok());
  const auto with = [&](const std::string& a, const std::string& b) {
    std::string s = good;
    s.replace(s.find(a), a.size(), b);
    return decode_kept_gpu(s).ok();
  };
  EXPECT_FALSE(with("\"version\":1", "\"version\":2"));
  EXPECT_FALSE(with("\"policy\":2", "\"policy\":4"));
  EXPECT_FALSE(with("3000000", "31000000"));
  EXPECT_FALSE(with("\"window_ns\":100000000", "\"window_ns\":1"));
  EXPECT_FALSE(with("\"holder\":4", "\"holder\":70000"));
}
TEST(Kept, NonsenseIsRefused) {
  const std::string good = encode_kept({});
  EXPECT_TRUE(decode_kept(good).ok());
  for (size_t n = 0; n < good.size(); n += 7) EXPECT_FALSE(decode_kept(good.substr(0, n)).ok());
  const auto with = [&](const std::string& a, const std::string& b) {
    std::string s = good;
    s.replace(s.find(a), a.size(), b);
    return decode_kept(s).ok();
  };
  EXPECT_FALSE(with("\"version\":1", "\"version\":2"));
  EXPECT_FALSE(with("\"failsafe\":0", "\"failsafe\":99"));
  EXPECT_FALSE(with("\"server\":0", "\"server\":70000"));
  EXPECT_FALSE(with("\"domain\":0", "\"domain\":-1"));
  EXPECT_FALSE(with("\"blocks\":[]", "\"blocks\":[{\"range\":9}]"));
  EXPECT_FALSE(with("\"bars\":[", "\"bars\":[],\"x\":["));
}

}  // namespace
}  // namespace xengvtd

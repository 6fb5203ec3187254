// SPDX-License-Identifier: MIT
// The service over a GPU that is polled and can stop obeying, as one on the PCI bus.
#include "dom0/daemon/gpu_unit.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <sstream>

#include "dom0/daemon/fd.h"
#include "dom0/daemon/local_backend.h"
#include "dom0/daemon/service.h"
#include "dom0/gpu/proxy/faults.h"

namespace xengvtd {
namespace {

using testing::HasSubstr;
namespace fault = gpu::proxy::fault;

/// The model behind faults, working while it is looked at.
class FaultyDevice final : public gpu::Device {
 public:
  explicit FaultyDevice(gpu::model::DmaBus& bus) : status_(bus), model_(status_, {}) {}
  [[nodiscard]] uint16_t device_id() const override { return model_.device_id(); }
  [[nodiscard]] uint8_t revision() const override { return model_.revision(); }
  uint32_t read32(uint32_t offset) override { return registers.read(offset, model_.now_ns()); }
  void write32(uint32_t offset, uint32_t v) override {
    registers.write(offset, v, model_.now_ns());
  }
  uint64_t read64(uint32_t offset) override { return model_.read64(offset); }
  void write64(uint32_t offset, uint64_t value) override { model_.write64(offset, value); }
  uint64_t read_ggtt(uint64_t index) override { return model_.read_ggtt(index); }
  void write_ggtt(uint64_t index, uint64_t entry) override { model_.write_ggtt(index, entry); }
  [[nodiscard]] uint64_t aperture_bytes() const override { return model_.aperture_bytes(); }
  void read_aperture(uint64_t at, std::span<std::byte> to) override {
    model_.read_aperture(at, to);
  }
  void write_aperture(uint64_t at, std::span<const std::byte> from) override {
    model_.write_aperture(at, from);
  }
  hv::Result<gpu::DmaPage> alloc_dma() override { return model_.alloc_dma(); }
  void free_dma(hv::BusFrame frame) override { model_.free_dma(frame); }
  bool interrupt_pending() override { return true; }
  uint64_t now_ns() override { return model_.now_ns(); }
  void pause_ns(uint64_t ns) override { work_until(model_.now_ns() + ns); }
  void work_until(uint64_t ns) { model_.advance_to(ns); }

 private:
  gpu::proxy::LateStatus status_;
  gpu::model::Model model_;

 public:
  gpu::proxy::FaultyRegisters registers{model_, status_};
};

class PolledUnit : public GpuUnit {
 public:
  PolledUnit(gpu::model::DmaBus& bus, bool& isolated) : isolated_(isolated), device_(bus) {}
  FaultyDevice& device() override { return device_; }
  [[nodiscard]] gpu::DriverConfig driver_config() const override {
    return {.ggtt_bytes = uint64_t{2} << 30, .silicon = true};
  }
  [[nodiscard]] std::string name() const override { return "GPU of this test"; }
  void set_occupied(bool) override {}
  uint64_t look_ns(uint64_t now) override {
    device_.work_until(device_.now_ns() + 500'000);
    return now + 500'000;
  }
  void isolate() override { isolated_ = true; }
  [[nodiscard]] Figures figures() const override { return {}; }

 private:
  bool& isolated_;
  FaultyDevice device_;
};

/// One whose interrupts come over a descriptor.
class HeardUnit final : public PolledUnit {
 public:
  using PolledUnit::PolledUnit;
  [[nodiscard]] int event_fd() const override { return line_.get(); }
  uint64_t look_ns(uint64_t) override { return UINT64_MAX; }
  void acknowledge() override {
    uint64_t n = 0;
    told += ::read(line_.get(), &n, sizeof n) == sizeof n;
  }
  void were_taken() override { taken = told; }
  void interrupt() const {
    const uint64_t n = 1;
    ASSERT_EQ(::write(line_.get(), &n, sizeof n), static_cast<ssize_t>(sizeof n));
  }
  int told = 0, taken = 0;

 private:
  Fd line_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
};

class PolledBackend final : public LocalBackend {
 public:
  using LocalBackend::LocalBackend;
  hv::Result<std::unique_ptr<GpuUnit>, Problem> make_gpu(const Config&, WallClock&,
                                                         std::function<void()>) override {
    if (with_line) {
      auto heard = std::make_unique<HeardUnit>(bus(), isolated);
      line = heard.get();
      return std::unique_ptr<GpuUnit>(std::move(heard));
    }
    auto made = std::make_unique<PolledUnit>(bus(), isolated);
    unit = made.get();
    return std::unique_ptr<GpuUnit>(std::move(made));
  }
  bool with_line = false;
  HeardUnit* line = nullptr;
  bool isolated = false;
  PolledUnit* unit = nullptr;
};

TEST(HeardGpu, WakesTheServiceAndIsHeardOnce) {
  WallClock clock;
  std::ostringstream logged;
  Log log(logged, LogLevel::debug, false);
  PolledBackend backend(clock);
  backend.with_line = true;
  Service service(default_config(), backend, clock, log);
  ASSERT_EQ(service.start(), "");
  const auto is_awake = [&] {
    pollfd p{service.event_fd(), POLLIN, 0};
    return ::poll(&p, 1, 0) > 0;
  };
  service.pump();
  ASSERT_FALSE(is_awake());
  backend.line->interrupt();
  ASSERT_TRUE(is_awake());
  service.pump();
  EXPECT_EQ(backend.line->told, 1);
  EXPECT_EQ(backend.line->taken, 1);
  EXPECT_FALSE(is_awake());
}

class PolledGpu : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(service_.start(), "");
    ASSERT_TRUE(service_.attach("1", "small", {}).ok());
    ASSERT_TRUE(run_until([&] { return submissions() > 1; }));
  }
  uint64_t submissions() { return service_.guests().at(0).stats.submissions; }
  void set_faults(uint32_t faults) { backend_.unit->device().registers.set(faults); }
  template <class F>
  bool run_until(F done) {
    const uint64_t end = clock_.now_ns() + 5'000'000'000;
    while (!done()) {
      if (clock_.now_ns() > end) return false;
      pollfd p{service_.event_fd(), POLLIN, 0};
      poll(&p, 1, 10);
      service_.pump();
    }
    return true;
  }
  WallClock clock_;
  std::ostringstream logged_;
  Log log_{logged_, LogLevel::debug, false};
  PolledBackend backend_{clock_};
  Service service_{default_config(), backend_, clock_, log_};
};

TEST_F(PolledGpu, ServesGuestsWithoutAnyInterrupt) {
  const uint64_t before = submissions();
  EXPECT_TRUE(run_until([&] { return submissions() > before + 3; }));
  EXPECT_FALSE(backend_.isolated);
}

TEST_F(PolledGpu, LosesMemoryBeforeAGuestsPagesGoBackIfItDoesNotForgetThem) {
  set_faults(fault::kNoTlbEnd);
  ASSERT_TRUE(service_.detach("1").ok());
  EXPECT_TRUE(backend_.isolated);
  EXPECT_THAT(logged_.str(), HasSubstr("no longer answers"));
}

TEST_F(PolledGpu, ThatFellOffTheBusLeavesTheServiceAlive) {
  set_faults(fault::kAllOnes);
  EXPECT_TRUE(run_until([&] { return backend_.isolated; }));
  EXPECT_EQ(service_.guests().size(), 1u);
  EXPECT_TRUE(service_.detach("1").ok());
}

TEST_F(PolledGpu, ThatHangsInResetIsCutOff) {
  set_faults(fault::kHungReset | fault::kNoTlbEnd);
  ASSERT_TRUE(service_.detach("1").ok());
  EXPECT_TRUE(backend_.isolated);
}

}  // namespace
}  // namespace xengvtd

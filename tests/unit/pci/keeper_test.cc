// SPDX-License-Identifier: MIT
// What becomes of the GPU when the process that drives it ends: another process plays the daemon,
// files play the function, and this one is the hardware.
#include "dom0/gpu/pci/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "hv/bits.h"
#include "tests/unit/pci/pci_world.h"

namespace pci_test {
namespace {

using gpu::pci::Function;
using gpu::pci::Keeper;
using namespace std::chrono_literals;

class KeeperTest : public testing::Test {
 protected:
  KeeperTest() {
    bar = ::open(host.file("resource0").c_str(), O_RDWR | O_CLOEXEC);
    regs = static_cast<std::byte*>(
        ::mmap(nullptr, gen9::kBar0Bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bar, 0));
    held = ::memfd_create("held", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    EXPECT_EQ(::ftruncate(held, 4096), 0);
  }
  ~KeeperTest() override {
    if (daemon > 0) ::kill(daemon, SIGKILL), ::waitpid(daemon, nullptr, 0);
    acknowledge();
    EXPECT_TRUE(comes_true([this] { return released(); }));
    ::munmap(regs, gen9::kBar0Bytes);
    ::close(bar);
    ::close(held);
  }
  /// Another process that has the function, pages in memory, and bus mastering on. It waits to be
  /// killed, or gives the function back.
  void start_daemon(bool gives_back = false) {
    int ready[2];
    ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    daemon = ::fork();
    ASSERT_GE(daemon, 0);
    if (daemon == 0) {
      ::close(ready[0]);
      be_daemon(ready[1], gives_back);
      ::_exit(1);
    }
    ::close(ready[1]);
    char c;
    ASSERT_EQ(::read(ready[0], &c, 1), 1);
    ::close(ready[0]);
  }
  void be_daemon(int ready, bool gives_back) {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, held, 0);
    ::munmap(regs, gen9::kBar0Bytes);
    {
      auto f = Function::claim(host.places, gpu::pci::choose_gpu(host.places, "").value());
      if (!f.ok() || page == MAP_FAILED) return;
      auto keeper = (*f)->keep(kShown << 12, kPages << 12);
      if (!keeper.ok() || !(*f)->set_bus_master(true) || ::write(ready, "", 1) != 1) return;
      if (!gives_back) ::pause();
      f->reset();
    }
    ::_exit(0);
  }
  void kill_daemon(int signal = SIGKILL) {
    ::kill(daemon, signal);
    ::waitpid(daemon, nullptr, 0);
    daemon = -1;
  }
  uint32_t reg(uint32_t offset) {
    return std::atomic_ref(*reinterpret_cast<uint32_t*>(regs + offset)).load();
  }
  uint64_t& entry(uint64_t page) {
    return *reinterpret_cast<uint64_t*>(regs + gen9::kGttOffset + page * 8);
  }
  void acknowledge() {
    std::atomic_ref(*reinterpret_cast<uint32_t*>(regs + gen9::kGdrst)).store(0);
  }
  bool bus_master() { return host.read("config")[4] & 4; }
  /// Nobody has the daemon's pages mapped any more.
  bool released() {
    const int seals = ::fcntl(held, F_GET_SEALS);
    return (seals & F_SEAL_WRITE) || ::fcntl(held, F_ADD_SEALS, F_SEAL_WRITE) == 0;
  }
  template <class F>
  static bool comes_true(F f) {
    for (int i = 0; i < 2000; ++i, std::this_thread::sleep_for(1ms))
      if (f()) return true;
    return false;
  }
  static constexpr uint64_t kShown = 64, kPages = 100;
  Host host;
  int bar = -1, held = -1;
  std::byte* regs = nullptr;
  pid_t daemon = -1;
};

TEST_F(KeeperTest, StopsTheEnginesAndOnlyThenLetsGoOfThePages) {
  start_daemon();
  ASSERT_TRUE(bus_master());
  kill_daemon();
  ASSERT_TRUE(comes_true([this] { return reg(gen9::kGdrst) == gen9::kGdrstFull; }));
  for (const gen9::EngineId e : gen9::kAllEngines)
    EXPECT_EQ(reg(gen9::engine_reg(e, gen9::rel::kMiMode)),
              hv::masked_enable(gen9::kMiModeStopRing));
  EXPECT_FALSE(released());
  EXPECT_TRUE(bus_master());
  acknowledge();
  EXPECT_TRUE(comes_true([this] { return released(); }));
  EXPECT_FALSE(bus_master());
  EXPECT_EQ(host.read("config")[4] & 2, 0) << "nor does anybody reach memory through it";
  EXPECT_EQ(host.read("reset"), "");
}

TEST_F(KeeperTest, LeavesNothingBehindWhatGuestsMayHaveMapped) {
  for (uint64_t page = kShown - 1; page <= kShown + kPages; ++page) entry(page) = page << 12 | 1;
  start_daemon();
  kill_daemon();
  acknowledge();
  EXPECT_TRUE(comes_true([this] { return released(); }));
  EXPECT_EQ(entry(kShown - 1), (kShown - 1) << 12 | 1);
  for (uint64_t page = kShown; page < kShown + kPages; ++page) EXPECT_EQ(entry(page), 0u);
  EXPECT_EQ(entry(kShown + kPages), (kShown + kPages) << 12 | 1);
}

TEST_F(KeeperTest, ActsHoweverTheProcessEnds) {
  start_daemon();
  kill_daemon(SIGABRT);
  EXPECT_TRUE(comes_true([this] { return reg(gen9::kGdrst) == gen9::kGdrstFull; }));
}

TEST_F(KeeperTest, CutsOffAGpuThatDoesNotReset) {
  start_daemon();
  kill_daemon();
  EXPECT_TRUE(comes_true([this] { return released(); }));
  EXPECT_FALSE(bus_master());
  EXPECT_EQ(host.read("reset"), "1");
}

TEST_F(KeeperTest, DoesNotWaitForAGpuThatLeftTheBus) {
  start_daemon();
  host.write("config", std::string(256, '\xff'));
  kill_daemon();
  EXPECT_TRUE(comes_true([this] { return released(); }));
  EXPECT_EQ(host.read("reset"), "");
}

TEST_F(KeeperTest, KeepsTheNextDaemonWaitingUntilTheGpuIsStopped) {
  start_daemon();
  kill_daemon();
  const auto f = Function::claim(host.places, gpu::pci::choose_gpu(host.places, "").value());
  EXPECT_TRUE(f.ok());
  EXPECT_TRUE(released());
}

TEST_F(KeeperTest, TouchesNothingWhenTheFunctionWasGivenBack) {
  start_daemon(true);
  int status = -1;
  ASSERT_EQ(::waitpid(daemon, &status, 0), daemon);
  daemon = -1;
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(comes_true([this] { return released(); }));
  EXPECT_EQ(reg(gen9::kGdrst), 0u);
  EXPECT_FALSE(bus_master());
}

TEST_F(KeeperTest, HearsNoSignalItself) {
  auto f = Function::claim(host.places, gpu::pci::choose_gpu(host.places, "").value());
  ASSERT_TRUE(f.ok());
  auto keeper = (*f)->keep();
  ASSERT_TRUE(keeper.ok());
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1})
    EXPECT_EQ(::kill((*keeper)->pid(), signal), 0);
  EXPECT_EQ(::waitpid((*keeper)->pid(), nullptr, WNOHANG | __WALL), 0);
  EXPECT_EQ(reg(gen9::kGdrst), 0u);
}

}  // namespace
}  // namespace pci_test

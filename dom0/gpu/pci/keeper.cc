// SPDX-License-Identifier: MIT
#include "dom0/gpu/pci/keeper.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "hv/bits.h"
#include "shadow/gen9/engine.h"
#include "shadow/gen9/regs.h"

namespace gpu::pci {
namespace {

constexpr unsigned kCommand = 4;
constexpr uint16_t kBusMaster = 4, kMemory = 2, kGone = 0xffff;
/// Silicon resets in far less; a GPU under emulation is given its time.
constexpr unsigned kResetLooks = 2000;
constexpr long kLookNs = 100'000;

/// From here to the end of Task: runs beside the other process, in its memory and with its thread's
/// variables. No allocation, no lock, no function of the library that knows of threads.
struct Task {
  Keeper::Charge charge;
  int watched = -1, ready = -1;

  volatile uint32_t& reg(uint32_t offset) const {
    return *reinterpret_cast<volatile uint32_t*>(charge.bar0.data() + offset);
  }
  void close_all_else() const {
    std::array<int, 5> kept{charge.config, charge.reset, charge.lock, watched, ready};
    std::ranges::sort(kept);
    unsigned from = 0;
    for (const int fd : kept) {
      if (fd < 0) continue;
      const auto number = static_cast<unsigned>(fd);
      if (number > from) ::syscall(SYS_close_range, from, number - 1, 0);
      from = number + 1;
    }
    ::syscall(SYS_close_range, from, ~0u, 0);
  }
  [[nodiscard]] bool reset_engines() const {
    for (const gen9::EngineId e : gen9::kAllEngines)
      reg(gen9::engine_reg(e, gen9::rel::kMiMode)) = hv::masked_enable(gen9::kMiModeStopRing);
    reg(gen9::kGdrst) = gen9::kGdrstFull;
    for (unsigned i = 0; i < kResetLooks; ++i) {
      if ((reg(gen9::kGdrst) & gen9::kGdrstFull) == 0) return true;
      const timespec t{0, kLookNs};
      ::syscall(SYS_nanosleep, &t, nullptr);
    }
    return false;
  }
  /// For whoever switches the BARs on again, before the guests' mappings are gone.
  void clear_entries() const {
    const std::span<std::byte> e = charge.entries;
    for (size_t at = 0; at + 8 <= e.size(); at += 8)
      *reinterpret_cast<volatile uint64_t*>(e.data() + at) = 0;
    if (e.empty()) return;
    reg(gen9::kGfxFlushCntl) = 1;
    [[maybe_unused]] const uint32_t arrived = reg(gen9::kGfxFlushCntl);
  }
  void stop() const {
    uint16_t command = 0;
    const auto answers = [&] {
      return ::syscall(SYS_pread64, charge.config, &command, sizeof command, kCommand) == 2 &&
             command != kGone;
    };
    const bool done = reset_engines();
    clear_entries();
    if (answers()) {
      // Guests may have part of its aperture mapped, which leads to pages that go back now.
      command &= static_cast<uint16_t>(~(kBusMaster | kMemory));
      ::syscall(SYS_pwrite64, charge.config, &command, sizeof command, kCommand);
      ::syscall(SYS_pread64, charge.config, &command, sizeof command, kCommand);  // it has arrived
    }
    // The kernel would wait a minute for the end of a reset of what is not there.
    if (!done && charge.reset >= 0 && answers()) ::syscall(SYS_write, charge.reset, "1", 1);
  }
  int run() const {
    ::syscall(SYS_prctl, PR_SET_NAME, "xengvt-keeper");
    close_all_else();
    char c = 0;
    ::syscall(SYS_write, ready, &c, 1);
    ::syscall(SYS_close, ready);
    // Nothing is there to be read but the end of the last descriptor that can be written.
    if (::syscall(SYS_read, watched, &c, 1) == 0) stop();
    return 0;
  }
};

int run_task(void* task) {
  ::syscall(SYS_exit_group, static_cast<const Task*>(task)->run());
  __builtin_unreachable();
}

}  // namespace

/// The keeper's own stack and orders, of pages that nothing else is on.
struct Keeper::Stack {
  static constexpr size_t kBytes = 64 << 10;
  Stack()
      : memory(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
  ~Stack() {
    if (memory != MAP_FAILED) ::munmap(memory, kBytes);
  }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  void* memory;
};

hv::Result<std::unique_ptr<Keeper>, Problem> Keeper::start(const Charge& charge) {
  const Problem failed{"the process that stops the GPU when xengvtd is killed does not start",
                       "see the kernel's log; are there processes and descriptors left?"};
  std::unique_ptr<Keeper> k(new Keeper);
  k->stack_ = std::make_unique<Stack>();
  int alive[2], ready[2];
  if (k->stack_->memory == MAP_FAILED || ::pipe2(alive, O_CLOEXEC) != 0) return failed;
  const xengvtd::Fd watched(alive[0]);
  k->alive_ = xengvtd::Fd(alive[1]);
  if (::pipe2(ready, O_CLOEXEC) != 0) return failed;
  const xengvtd::Fd said(ready[0]);
  xengvtd::Fd say(ready[1]);
  auto* base = static_cast<std::byte*>(k->stack_->memory);
  auto* task = new (base) Task{charge, watched.get(), say.get()};
  // It hears no signal: what ends this process must not end it.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  k->pid_ = ::clone(run_task, base + Stack::kBytes, CLONE_VM, task);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  say = xengvtd::Fd();
  char c;
  if (k->pid_ < 0 || ::read(said.get(), &c, 1) != 1) return failed;
  return k;
}

Keeper::~Keeper() {
  if (pid_ < 0) return;
  const char end = 1;
  [[maybe_unused]] const auto n = ::write(alive_.get(), &end, 1);
  while (::waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
}

}  // namespace gpu::pci

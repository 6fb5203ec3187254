// SPDX-License-Identifier: MIT
#include "dom0/gpu/pci/function.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hv/types.h"
#include "shadow/gen9/regs.h"

namespace gpu::pci {
namespace {

constexpr unsigned kCommand = 4;
constexpr uint32_t kBusMaster = 4, kMemory = 2, kNoIntx = 1u << 10;
constexpr unsigned kUsedBars[] = {0, 2};
constexpr unsigned kLockLooks = 20;
constexpr std::chrono::milliseconds kLockPause{50};

std::string why() { return std::string(" (") + std::strerror(errno) + ")"; }
/// The keeper of a process that was killed has it for some time yet.
bool take_lock(int fd) {
  for (unsigned i = 0; i < kLockLooks; ++i) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    std::this_thread::sleep_for(kLockPause);
  }
  return false;
}
const char* cure() {
  return errno == EACCES || errno == EPERM ? "run as root, with Secure Boot off"
                                           : "see the kernel's log";
}

}  // namespace

hv::Result<std::unique_ptr<Function>, Problem> Function::claim(const Places& places,
                                                               const FunctionInfo& info) {
  std::unique_ptr<Function> f(new Function(places, info));
  if (const auto s = f->open(); !s.ok()) return s.error();
  return f;
}

hv::Result<void, Problem> Function::open() {
  std::error_code e;
  std::filesystem::create_directories(places_.locks(), e);
  const std::string path = places_.locks() + "gpu-" + info_.address + ".lock";
  lock_ = xengvtd::Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock_) return Problem{"cannot write " + path + why(), cure()};
  if (!take_lock(lock_.get()))
    return Problem{"another xengvtd has the GPU at " + info_.address,
                   "stop it first: systemctl stop xengvtd"};
  config_ = xengvtd::Fd(::open(places_.file(info_.address, "config").c_str(), O_RDWR | O_CLOEXEC));
  if (!config_) return Problem{"cannot configure the GPU at " + info_.address + why(), cure()};
  if (vanished())
    return Problem{"the GPU at " + info_.address + " left the bus",
                   "switch the machine off and on"};
  std::string enabled;
  std::ifstream(places_.file(info_.address, "enable")) >> enabled;
  if (enabled == "0") {
    // Brings it to D0 and has it answer at its BARs.
    if (!write_file("enable", "1"))
      return Problem{"cannot enable the GPU at " + info_.address + why(), cure()};
    enabled_by_us_ = true;
  }
  write_file("power/control", "on");
  // Nothing of a previous owner's may write into memory while we take over. No interrupt line
  // either: completions are polled.
  set_bus_master(false);
  write_config(kCommand, 2, (config(kCommand, 2) | kMemory | kNoIntx));
  for (const unsigned n : kUsedBars)
    if (const auto s = map(n); !s.ok()) return s.error();
  return {};
}

hv::Result<void, Problem> Function::map(unsigned number) {
  const std::string name = "resource" + std::to_string(number);
  const xengvtd::Fd file(
      ::open(places_.file(info_.address, name).c_str(), O_RDWR | O_SYNC | O_CLOEXEC));
  const uint64_t bytes = info_.bars[number].bytes;
  void* p = !file ? MAP_FAILED
                  : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (p == MAP_FAILED)
    return Problem{
        "cannot map BAR " + std::to_string(number) + " of the GPU at " + info_.address + why(),
        cure()};
  bars_[number] = {static_cast<std::byte*>(p), bytes};
  return {};
}

Function::~Function() {
  // The kernel would wait a minute for the end of a reset of what is not there.
  if (config_ && !vanished()) {
    set_bus_master(false);
    set_line(false);
    reset();
    if (enabled_by_us_) write_file("enable", "0");
  }
  for (const auto& bar : bars_)
    if (!bar.empty()) ::munmap(bar.data(), bar.size());
}

hv::Result<std::unique_ptr<Keeper>, Problem> Function::keep(uint64_t shown, uint64_t bytes) {
  reset_ = xengvtd::Fd(::open(places_.file(info_.address, "reset").c_str(), O_WRONLY | O_CLOEXEC));
  const auto entries = bars_[0].subspan(gen9::kGttOffset + (shown >> hv::kPageShift) * 8,
                                        (bytes >> hv::kPageShift) * 8);
  return Keeper::start({bars_[0], entries, config_.get(), reset_.get(), lock_.get()});
}

uint32_t Function::config(unsigned offset, unsigned bytes) const {
  uint32_t value = 0;
  if (::pread(config_.get(), &value, bytes, offset) != static_cast<ssize_t>(bytes))
    return bytes >= 4 ? ~0u : (1u << bytes * 8) - 1;
  return value;
}

bool Function::write_config(unsigned offset, unsigned bytes, uint32_t value) {
  return ::pwrite(config_.get(), &value, bytes, offset) == static_cast<ssize_t>(bytes);
}

bool Function::set_bus_master(bool on) {
  const uint32_t now = config(kCommand, 2);
  if (now == 0xffff) return false;
  if (!write_config(kCommand, 2, on ? now | kBusMaster : now & ~kBusMaster)) return false;
  return ((config(kCommand, 2) & kBusMaster) != 0) == on;
}

bool Function::set_line(bool on) {
  const uint32_t now = config(kCommand, 2);
  return now != 0xffff && write_config(kCommand, 2, on ? now & ~kNoIntx : now | kNoIntx);
}

bool Function::reset() { return write_file("reset", "1"); }

bool Function::write_file(const std::string& name, const std::string& text) const {
  const xengvtd::Fd file(::open(places_.file(info_.address, name).c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace gpu::pci

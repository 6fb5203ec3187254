// SPDX-License-Identifier: MIT
// The machine as Xen shows it to dom0: our own page tables, and whose each frame is.
#include <atomic>

extern "C" {
#include <xenforeignmemory.h>
}
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>
#include <vector>

#include "hv/xen/calls.h"
#include "hv/xen/machine_frames.h"

namespace hv::xen {
namespace {

constexpr uint16_t kDomainSelf = 0x7ff0;  // "domain 0" would be refused as foreign

std::vector<int> usable_cpus() {
  cpu_set_t set;
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (int c = 0; c < CPU_SETSIZE; ++c)
    if (CPU_ISSET(c, &set)) cpus.push_back(c);
  return cpus;
}
bool stay_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;  // of the calling thread
}

class XenTables final : public MachineTables {
 public:
  XenTables(std::unique_ptr<Control> control, xenforeignmemory_handle* memory,
            std::span<const uint64_t> m2p)
      : control_(std::move(control)), memory_(memory), m2p_(m2p) {}
  ~XenTables() override { xenforeignmemory_close(memory_); }

  /// One thread of ours keeps a processor busy while another one asks Xen what runs there.
  int guess_root(uint64_t& frame) override {
    const std::vector<int> cpus = usable_cpus();
    if (cpus.size() < 2) return ENODEV;
    const int busy = cpus[guesses_ % cpus.size()], asks = cpus[(guesses_ + 1) % cpus.size()];
    ++guesses_;
    std::atomic<bool> runs{false}, stop{false};
    std::thread spinner([&] {
      runs = stay_on(busy);
      while (!stop) continue;
    });
    int error = EAGAIN;
    std::thread asker([&] {
      if (!stay_on(asks)) return;
      for (unsigned waited = 0; !runs && waited < kMaxWaits; ++waited) usleep(100);
      error = control_->vcpu_root(static_cast<unsigned>(busy), frame);
    });
    asker.join();
    stop = true;
    spinner.join();
    return error;
  }

  int read(uint64_t frame, std::span<uint64_t, kTableEntries> to) override {
    const xen_pfn_t number = frame;
    int error = 0;
    void* page = xenforeignmemory_map(memory_, kDomainSelf, PROT_READ, 1, &number, &error);
    if (!page) return errno;
    if (!error) std::memcpy(to.data(), page, kPageSize);
    xenforeignmemory_unmap(memory_, page, 1);
    return error ? EFAULT : 0;
  }
  uint64_t guest_frame(uint64_t frame) override {
    return frame < m2p_.size() ? m2p_[frame] : kNoGuestFrame;
  }

 private:
  static constexpr unsigned kMaxWaits = 1000;
  std::unique_ptr<Control> control_;
  xenforeignmemory_handle* memory_;
  std::span<const uint64_t> m2p_;
  size_t guesses_ = 0;
};

}  // namespace

std::string unsuitable_host(const std::string& kind, const std::string& command_line) {
  if (kind != "PV")
    return "a GPU's addresses can only be found in a PV dom0, this one is '" + kind +
           "'; boot Xen without dom0=pvh";
  for (size_t at = 0; at < command_line.size();) {
    const size_t end = std::min(command_line.find(' ', at), command_line.size());
    const std::string word = command_line.substr(at, end - at);
    at = end + 1;
    const size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    if (equals == std::string::npos || (key != "dom0-iommu" && key != "iommu")) continue;
    const std::string strict = key == "iommu" ? "dom0-strict" : "strict";
    for (size_t from = equals + 1; from <= word.size();) {
      const size_t comma = std::min(word.find(',', from), word.size());
      if (word.substr(from, comma - from) == strict)
        return "Xen was booted with " + word +
               ", so that the GPU cannot reach guests' memory; boot without it";
      from = comma + 1;
    }
  }
  return {};
}

MachineFrames::Opened MachineFrames::open() {
  std::string kind;
  std::ifstream("/sys/hypervisor/guest_type") >> kind;
  if (kind.empty()) return std::string("this system does not run under Xen; boot dom0");
  auto control = Control::open();
  if (!control.ok()) return control.error();
  if (std::string why = unsuitable_host(kind, (*control)->command_line()); !why.empty()) return why;
  if (usable_cpus().size() < 2)
    return std::string(
        "dom0 has one processor, and one cannot ask Xen about itself; give it two "
        "(dom0_max_vcpus=2)");
  std::span<const uint64_t> m2p;
  if (const int e = (*control)->map_m2p(m2p))
    return "Xen's machine-to-physical table cannot be mapped: " + errno_text(e);
  xenforeignmemory_handle* memory = xenforeignmemory_open(nullptr, 0);
  if (!memory) return "cannot open /dev/xen/privcmd: " + errno_text(errno);
  return open(std::make_unique<XenTables>(std::move(*control), memory, m2p));
}

}  // namespace hv::xen

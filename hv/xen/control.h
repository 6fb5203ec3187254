// SPDX-License-Identifier: MIT
// The few things only libxenctrl does, whose ABI belongs to one Xen release: asking about domains,
// their memory limits, pausing, machine frames. Kept in one file so that nothing else depends on
// it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hv/result.h"
#include "hv/types.h"
#include "hv/xen/cpu_weight.h"

namespace hv::xen {

struct DomainInfo {
  DomId id{};
  std::array<uint8_t, 16> uuid{};  ///< a domain number can be used again, this cannot
  bool hvm = false;                ///< HVM or PVH
  bool hap = false;
  bool paused = false, shut_down = false, dying = false;
  unsigned shutdown_reason = 0;  ///< SHUTDOWN_*; 3 is a crash
  bool device_model = false;     ///< emulated platform: HVM and not PVH
  unsigned max_vcpu = 0;         ///< highest vCPU number
  uint64_t pages = 0, max_pages = 0;
  uint64_t cpu_ns = 0;  ///< 0 in a domain that never ran
  uint32_t cpupool = 0;

  [[nodiscard]] bool same_domain(const DomainInfo& o) const { return id == o.id && uuid == o.uuid; }
};

struct VcpuInfo {
  bool online = false, blocked = false, running = false;
  uint64_t cpu_ns = 0;
};

/// A handle to the hypervisor's control interface. Functions give 0 or an errno value.
class Control {
 public:
  static Result<std::unique_ptr<Control>, std::string> open();
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  /// ESRCH if there is no such domain.
  int info(DomId domain, DomainInfo& out);
  /// Every domain but the one of this process's host, by number.
  int list(std::vector<DomainInfo>& out);
  /// Populate-on-demand entries left (memory < maxmem).
  int pod_entries(DomId domain, uint64_t& out);
  int set_max_pages(DomId domain, uint64_t pages);
  /// Gives RAM to guest frames; how many of them, from the first on, got it.
  size_t populate(DomId domain, std::span<const uint64_t> gfns);
  int release(DomId domain, std::span<const uint64_t> gfns);
  /// The guest frame a vCPU runs code from.
  int running_at(DomId domain, unsigned vcpu, uint64_t& gfn);
  /// Whether the domain may be given these machine frames as if they were a device's.
  int allow_frames(DomId domain, uint64_t first, uint64_t count, bool allow);
  /// Puts allowed machine frames at guest frames where there is nothing, or takes them away again.
  /// The domain gets no reference on them. Takes effect for every vCPU before it returns.
  int map_frames(DomId domain, uint64_t gfn, uint64_t first, uint64_t count, bool map);
  int pause(DomId domain);
  int unpause(DomId domain);
  /// ENOSYS where the domain's cpupool has another scheduler than credit2 and credit.
  int cpu_weight(const DomainInfo& domain, CpuWeight& out);
  /// Leaves the cap as it is.
  int set_cpu_weight(const DomainInfo& domain, uint32_t weight);
  int vcpu(DomId domain, unsigned number, VcpuInfo& out);

  /// The frame of the top-level page table that a vCPU of this PV domain had when it last ran. Not
  /// for the caller's own vCPU.
  int vcpu_root(unsigned vcpu, uint64_t& frame);
  /// What the owner of each machine frame calls it; mapped read-only for good.
  int map_m2p(std::span<const uint64_t>& table);
  /// What Xen was booted with; empty if it does not tell.
  std::string command_line();

 private:
  explicit Control(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace hv::xen

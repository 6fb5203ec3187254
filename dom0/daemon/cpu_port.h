// SPDX-License-Identifier: MIT
// Port: what the hypervisor's CPU scheduler says of a domain, and the one thing it is told.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hv/types.h"

namespace xengvtd {

using DomainUuid = std::array<uint8_t, 16>;

/// Weight and cap of a domain's CPUs, as credit2 and credit have them.
struct CpuShare {
  uint32_t weight = 256;
  uint32_t cap = 0;  ///< per cent of one CPU; 0: none
  friend bool operator==(const CpuShare&, const CpuShare&) = default;
};

struct CpuView {
  DomainUuid uuid{};
  bool paused = false, shut_down = false, dying = false;
  /// Nothing where the domain's cpupool has a scheduler without weights.
  std::optional<CpuShare> share;
  struct Vcpu {
    bool online = false, blocked = false, running = false;
    uint64_t cpu_ns = 0;
  };
  std::vector<Vcpu> vcpus;
};

class CpuPort {
 public:
  virtual ~CpuPort() = default;
  /// False if there is no such domain (any more). `closely`: the share and the vCPUs too.
  virtual bool look(hv::DomId domain, bool closely, CpuView& view) = 0;
  /// Leaves the cap as it is. Empty, or why it could not be set.
  virtual std::string set_weight(hv::DomId domain, uint32_t weight) = 0;
};

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// Weights of domains' CPUs: which scheduler a cpupool has, and what that one calls a weight.
#pragma once

#include <cstdint>

#include "hv/types.h"

namespace hv::xen {

/// Of a domain, from credit2 or credit.
struct CpuWeight {
  uint32_t weight = 0;
  uint32_t cap = 0;  ///< per cent of one CPU; 0: none
  friend bool operator==(const CpuWeight&, const CpuWeight&) = default;
};

/// As Xen numbers its schedulers.
enum class CpuScheduler : uint32_t { credit = 5, credit2 = 6 };

/// The hypervisor's calls, as they are. Those that give an int give 0 or an errno value.
class WeightCalls {
 public:
  virtual ~WeightCalls() = default;
  struct Pool {
    uint32_t id = 0;
    CpuScheduler scheduler{};  ///< or any other number
  };
  /// This cpupool or, where there is none of that number, the next one there is. False: none.
  virtual bool pool(uint32_t id, Pool& out) = 0;
  virtual int get(CpuScheduler of, DomId domain, CpuWeight& out) = 0;
  /// Weight and cap together: not all releases know a value for "leave it".
  virtual int set(CpuScheduler of, DomId domain, const CpuWeight& to) = 0;
};

/// Of a domain in that cpupool. ENOSYS where its scheduler has no weights, or the pool is gone.
int get_cpu_weight(WeightCalls& calls, uint32_t pool, DomId domain, CpuWeight& out);
/// Leaves the cap as it is.
int set_cpu_weight(WeightCalls& calls, uint32_t pool, DomId domain, uint32_t weight);

}  // namespace hv::xen

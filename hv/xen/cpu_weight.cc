// SPDX-License-Identifier: MIT
#include "hv/xen/cpu_weight.h"

#include <cerrno>
#include <optional>

namespace hv::xen {
namespace {

/// Looked up each time: domains change pools, and pools come and go.
std::optional<CpuScheduler> scheduler_of(WeightCalls& calls, uint32_t pool) {
  WeightCalls::Pool found;
  if (!calls.pool(pool, found) || found.id != pool) return {};
  const bool has_weights =
      found.scheduler == CpuScheduler::credit2 || found.scheduler == CpuScheduler::credit;
  return has_weights ? std::optional(found.scheduler) : std::nullopt;
}

}  // namespace

int get_cpu_weight(WeightCalls& calls, uint32_t pool, DomId domain, CpuWeight& out) {
  const auto scheduler = scheduler_of(calls, pool);
  return scheduler ? calls.get(*scheduler, domain, out) : ENOSYS;
}

int set_cpu_weight(WeightCalls& calls, uint32_t pool, DomId domain, uint32_t weight) {
  const auto scheduler = scheduler_of(calls, pool);
  if (!scheduler) return ENOSYS;
  CpuWeight to;
  if (const int error = calls.get(*scheduler, domain, to)) return error;
  to.weight = weight;
  return calls.set(*scheduler, domain, to);
}

}  // namespace hv::xen

// SPDX-License-Identifier: MIT
#include "mediator/shares.h"

#include <algorithm>
#include <numeric>

namespace mediator {
namespace {

bool good_slice(uint64_t ns) { return ns >= kMinSliceNs && ns <= kMaxSliceNs; }

}  // namespace

const char* broken_rule(const Share& s) {
  if (s.weight == 0 || s.weight > kMaxWeight) return "a weight is 1 to 65535";
  if (s.cap > kWholeGpu) return "a cap is at most 100 per cent";
  if (s.fixed > kWholeGpu) return "a fixed share is at most 100 per cent";
  if (s.latency > LatencyClass::interactive) return "a latency class is normal or interactive";
  if (s.slice_ns != 0 && !good_slice(s.slice_ns)) return "a slice is 1 to 30 ms";
  return nullptr;
}

const char* broken_rule(const GpuShares& gpu, std::span<const Share> shares, bool holder_exists) {
  if (gpu.policy > Policy::exclusive)
    return "a policy is best-effort, equal-share, fixed-share or exclusive";
  if (!good_slice(gpu.slice_ns)) return "a slice is 1 to 30 ms";
  if (gpu.window_ns < kMinWindowNs || gpu.window_ns > kMaxWindowNs)
    return "a window is 10 to 1000 ms";
  if (gpu.policy == Policy::exclusive && !holder_exists)
    return "exclusive needs the vGPU that is to have the GPU";
  if (gpu.policy != Policy::fixed_share) return nullptr;
  if (std::any_of(shares.begin(), shares.end(), [](const Share& s) { return s.fixed == 0; }))
    return "under fixed-share every vGPU needs a share";
  return fixed_sum(shares) > kWholeGpu ? kOvercommitted : nullptr;
}

uint64_t fixed_sum(std::span<const Share> shares) {
  return std::accumulate(shares.begin(), shares.end(), uint64_t{0},
                         [](uint64_t n, const Share& s) { return n + s.fixed; });
}

const char* policy_name(Policy policy) {
  switch (policy) {
    case Policy::best_effort: return "best-effort";
    case Policy::equal_share: return "equal-share";
    case Policy::fixed_share: return "fixed-share";
    case Policy::exclusive: return "exclusive";
  }
  return "?";
}

const char* latency_name(LatencyClass latency) {
  return latency == LatencyClass::interactive ? "interactive" : "normal";
}

}  // namespace mediator

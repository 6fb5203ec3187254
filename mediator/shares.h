// SPDX-License-Identifier: MIT
// What an owner asks of the scheduler: a policy for the GPU, a share for each vGPU; and the rules
// both have to keep. Units are nanoseconds and hundredths of a per cent.
#pragma once

#include <cstdint>
#include <span>

#include "hv/types.h"

namespace mediator {

enum class Policy : uint8_t {
  best_effort,  ///< by weight; what one leaves, the others get
  equal_share,  ///< every vGPU that is not paused gets the same part and no more
  fixed_share,  ///< every vGPU gets the part it was given and no more
  exclusive,    ///< one vGPU has the GPU to itself and is never preempted
};
enum class LatencyClass : uint8_t {
  normal,
  interactive,  ///< its work runs before that of others, within its share
};

inline constexpr uint32_t kWholeGpu = 10'000;
inline constexpr uint32_t kMaxWeight = 65'535;  ///< as in Xen
inline constexpr uint64_t kMinSliceNs = 1'000'000, kMaxSliceNs = 30'000'000;
inline constexpr uint64_t kMinWindowNs = 10'000'000, kMaxWindowNs = 1'000'000'000;

/// Of one vGPU, of each engine.
struct Share {
  uint32_t weight = 256;  ///< 1 to kMaxWeight
  uint32_t cap = 0;       ///< most it gets, of kWholeGpu; 0: no cap
  uint32_t fixed = 0;     ///< its part under fixed_share, of kWholeGpu; 0: none given
  LatencyClass latency = LatencyClass::normal;
  uint64_t slice_ns = 0;  ///< kMinSliceNs to kMaxSliceNs; 0: the GPU's
  friend bool operator==(const Share&, const Share&) = default;
};

/// Of the GPU.
struct GpuShares {
  Policy policy = Policy::best_effort;
  uint64_t slice_ns = 5'000'000;
  /// Caps and shares hold in every window of so much time, counted from the clock's zero.
  uint64_t window_ns = 100'000'000;
  hv::VgpuId holder{};  ///< who has the GPU under exclusive
  friend bool operator==(const GpuShares&, const GpuShares&) = default;
};

/// The rule that is broken, for the owner to read, or nullptr.
const char* broken_rule(const Share& share);
/// `shares`: of all vGPUs there are; `holder_exists`: one of them is the holder.
const char* broken_rule(const GpuShares& gpu, std::span<const Share> shares, bool holder_exists);

/// Of what is given away under fixed_share, of kWholeGpu.
uint64_t fixed_sum(std::span<const Share> shares);
inline constexpr const char* kOvercommitted = "fixed shares are together at most 100 per cent";

const char* policy_name(Policy policy);
const char* latency_name(LatencyClass latency);

}  // namespace mediator

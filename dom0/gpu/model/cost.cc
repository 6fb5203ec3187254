// SPDX-License-Identifier: MIT
#include "dom0/gpu/model/cost.h"

#include <algorithm>

#include "dom0/gpu/model/cost_of.h"

namespace gpu::model {
namespace {

using gen9::Cmd;
using Dwords = std::span<const uint32_t>;

constexpr uint32_t kPrimVertexCount = 0x2434, kPrimInstanceCount = 0x2438;
constexpr uint32_t kDispatchDimX = 0x2500;
constexpr uint32_t kPredicateResult = 0x2418;
constexpr uint32_t kPredicateEnable = hv::bit(8), kIndirectParameters = hv::bit(10);

bool predicated_off(const Registers& regs, uint32_t dword0) {
  return (dword0 & kPredicateEnable) && !(regs.get(kPredicateResult) & 1);
}

/// a * b + c, saturating at `most`.
uint64_t scaled(uint64_t count, uint64_t each, uint64_t base, uint64_t most) {
  if (each != 0 && count > most / each) return most;
  return std::min(base + count * each, most);
}

uint64_t primitive_ns(const CostParameters& cost, const Registers& regs, Dwords d) {
  if (predicated_off(regs, d[0])) return cost.state_ns;
  const bool indirect = (d[0] & kIndirectParameters) != 0;
  const uint64_t vertices = indirect ? regs.get(kPrimVertexCount) : d[2];
  const uint64_t instances = indirect ? regs.get(kPrimInstanceCount) : d[4];
  return scaled(vertices * instances, cost.vertex_ns, cost.primitive_ns, cost.primitive_max_ns);
}

uint64_t walker_ns(const CostParameters& cost, const Registers& regs, Dwords d) {
  if (predicated_off(regs, d[0])) return cost.state_ns;
  const bool indirect = (d[0] & kIndirectParameters) != 0;
  constexpr unsigned kDimension[3] = {7, 10, 12}, kStart[3] = {5, 8, 11};
  uint64_t groups = 1;
  for (unsigned i = 0; i < 3; ++i) {
    const uint32_t end = indirect ? regs.get(kDispatchDimX + 4 * i) : d[kDimension[i]];
    const uint32_t count = end > d[kStart[i]] ? end - d[kStart[i]] : 0;
    if (count != 0 && groups > UINT32_MAX / count) return cost.walker_max_ns;
    groups *= count;
  }
  return scaled(groups, cost.thread_group_ns, cost.walker_ns, cost.walker_max_ns);
}

/// Bytes the command streamer itself moves.
uint64_t streamed_bytes(const gen9::CommandDesc& desc) {
  uint64_t bytes = 0;
  for (unsigned i = 0; i < desc.address_count; ++i) bytes += desc.addresses[i].bytes;
  return bytes;
}

}  // namespace

uint64_t command_ns(const CostParameters& cost, const Registers& regs,
                    const gen9::CommandDesc& desc, Dwords d) {
  uint64_t ns = 0;
  switch (desc.id) {
    case Cmd::mi_noop: ns = cost.mi_ns; break;
    case Cmd::pipe_control:
    case Cmd::mi_flush_dw: ns = cost.pipe_control_ns; break;
    case Cmd::primitive_3d: ns = primitive_ns(cost, regs, d); break;
    case Cmd::gpgpu_walker: ns = walker_ns(cost, regs, d); break;
    case Cmd::media_object:
    case Cmd::media_object_walker: ns = cost.walker_ns; break;
    default:
      if (is_blit(desc.id)) {
        ns = cost.blit_ns;
      } else if (d[0] >> 29 != 0) {
        ns = cost.state_ns;
      } else {
        ns = cost.mi_ns +
             streamed_bytes(desc) * 1000 / std::max<uint64_t>(1, cost.copy_bytes_per_us);
      }
  }
  return std::max<uint64_t>(1, ns);
}

uint64_t blit_data_ns(const CostParameters& cost, uint64_t bytes) {
  return bytes * 1000 / std::max<uint64_t>(1, cost.blit_bytes_per_us);
}

}  // namespace gpu::model

// SPDX-License-Identifier: MIT
#include "dom0/embedded/hygiene_guard.h"

#include <cstdio>

#include "shadow/gen9/regs.h"

namespace embedded {
namespace {

using gen9::EngineId;
constexpr size_t kMaxDescribed = 16;
constexpr uint32_t kEngineBlock = 0x800;

/// Whose contexts meet this register: one engine's, the render engine's (3D, L3, execution units),
/// or everybody's.
bool meets(EngineId engine, uint32_t offset) {
  for (const EngineId e : gen9::kAllEngines) {
    if (offset - gen9::info(e).mmio_base < kEngineBlock) return e == engine;
    if (offset - gen9::kMocs[gen9::index(e)] < 64 * 4) return e == engine;
  }
  const auto in = [offset](uint32_t first, uint32_t end) {
    return offset >= first && offset < end;
  };
  if (in(0x5000, 0x9000) || in(0xb000, 0xb800) || in(0xe000, 0xf000))
    return engine == EngineId::rcs;
  return true;
}

/// Handshakes of the host driver with the GPU: no state of contexts.
bool is_handshake(uint32_t offset) {
  if (offset == gen9::kForcewakeRender || offset == gen9::kForcewakeMedia ||
      offset == gen9::kForcewakeBlitter || offset == gen9::kRingFault)
    return true;
  if (offset >= gen9::kFence0 && offset < gen9::kFence0 + 8 * gen9::kFences) return true;
  for (const EngineId e : gen9::kAllEngines) {
    const uint32_t rel = offset - gen9::info(e).mmio_base;
    if (rel == gen9::rel::kImr || rel == gen9::rel::kEmr || rel == gen9::rel::kHwstam) return true;
    if (offset == gen9::info(e).tlb_reg) return true;
  }
  return false;
}

/// STOP_RING and the idle bit are the host driver's and the hardware's.
uint32_t comparable(uint32_t offset, uint32_t value) {
  for (const EngineId e : gen9::kAllEngines)
    if (offset == gen9::engine_reg(e, gen9::rel::kMiMode))
      return value & 0xffff & ~(gen9::kMiModeStopRing | gen9::kMiModeIdle);
  return value;
}

}  // namespace

void HygieneGuard::on_register(const gpu::model::RegisterChange& c) {
  if (is_handshake(c.offset)) return;
  auto [it, first] = trails_.try_emplace(c.offset);
  if (first) it->second.baseline = c.before;
  it->second.writer = c.lrca == 0 ? hv::kHostOwner : owners_.owner_of_context(c.lrca);
  it->second.value = c.after;
}

bool HygieneGuard::may_meet(hv::VgpuId vgpu, uint32_t offset, const Trail& t) const {
  if (t.writer == vgpu) return true;
  const uint32_t value = comparable(offset, t.value);
  if (value == comparable(offset, t.baseline)) return true;
  // What the host loads for a vGPU is that vGPU's own value.
  return t.writer == hv::kHostOwner && value == comparable(offset, virtual_value_(vgpu, offset));
}

void HygieneGuard::on_context(EngineId engine, uint32_t lrca, bool flushed) {
  const hv::VgpuId vgpu = owners_.owner_of_context(lrca);
  if (vgpu == hv::kHostOwner) return;  // the host's own context runs nothing that reads
  ++contexts_;
  for (const auto& [offset, trail] : trails_) {
    if (!meets(engine, offset) || may_meet(vgpu, offset, trail)) continue;
    char what[48];
    std::snprintf(what, sizeof what, "register 0x%x = 0x%x", offset, trail.value);
    leak(engine, vgpu, trail.writer, what);
  }
  hv::VgpuId& last = last_[gen9::index(engine)];
  if (engine == EngineId::rcs && last != hv::kHostOwner && last != vgpu && !flushed)
    leak(engine, vgpu, last, "caches and shared local memory");
  last = vgpu;
}

void HygieneGuard::on_engine_reset(EngineId engine) {
  const uint32_t base = gen9::info(engine).mmio_base;
  trails_.erase(trails_.lower_bound(base), trails_.lower_bound(base + kEngineBlock));
}

void HygieneGuard::leak(EngineId engine, hv::VgpuId vgpu, hv::VgpuId from,
                        const std::string& what) {
  ++leaks_;
  if (described_.size() >= kMaxDescribed) return;
  described_.push_back(std::string(gen9::info(engine).name) + ": vGPU " + std::to_string(vgpu.v) +
                       " meets vGPU " + std::to_string(from.v) + "'s " + what);
}

}  // namespace embedded

// SPDX-License-Identifier: MIT
#include "dom0/gpu/proxy/faults.h"

#include <algorithm>
#include <cstring>

#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"

namespace gpu::proxy {
namespace {

constexpr uint64_t kLateNs = 2'000'000;

/// The register in which a request is acknowledged; 0 if it is none.
uint32_t ack_of(uint32_t request) {
  switch (request) {
    case gen9::kForcewakeRender: return gen9::kForcewakeRenderAck;
    case gen9::kForcewakeBlitter: return gen9::kForcewakeBlitterAck;
    case gen9::kForcewakeMedia: return gen9::kForcewakeMediaAck;
    default: return 0;
  }
}
bool is_tlb(uint32_t offset) {
  return std::ranges::any_of(gen9::kEngineInfo, [&](auto& e) { return e.tlb_reg == offset; });
}

}  // namespace

std::byte* LateStatus::page(hv::BusFrame frame) {
  for (Copy& c : copies_)
    if (c.frame == frame) return c.bytes.data();
  return memory_.page(frame);
}

void LateStatus::flush() {
  for (Copy& c : copies_) {
    std::byte* to = memory_.page(c.frame);
    if (!to) continue;
    for (size_t i = 0; i < hv::kPageSize; ++i)
      if (c.bytes[i] != c.before[i]) to[i] = c.bytes[i];
    std::memcpy(c.before.data(), to, hv::kPageSize);
    c.bytes = c.before;
  }
}

bool LateStatus::set(std::vector<hv::BusFrame> frames) {
  // Engines without a status page of their own all have the same.
  std::ranges::sort(frames, {}, &hv::BusFrame::v);
  frames.erase(std::ranges::unique(frames).begin(), frames.end());
  if (std::ranges::equal(frames, copies_, {}, {}, &Copy::frame)) return false;
  std::vector<Copy> next;
  for (const hv::BusFrame f : frames) {
    const auto old = std::ranges::find(copies_, f, &Copy::frame);
    if (old != copies_.end()) {
      next.push_back(std::move(*old));
    } else if (const std::byte* from = memory_.page(f)) {
      const std::vector<std::byte> now(from, from + hv::kPageSize);
      next.push_back({f, now, now});
    }
  }
  copies_ = std::move(next);
  return true;
}

void FaultyRegisters::set(uint32_t faults) {
  faults_ = faults;
  if (faults & fault::kLateStatus) return;
  // Nobody calls tick() for a GPU without faults.
  status_.flush();
  if (status_.set({})) drop_translations();
}

uint32_t FaultyRegisters::read(uint32_t offset, uint64_t now_ns) {
  if (faults_ & fault::kAllOnes) return ~0u;
  const auto held = held_.find(offset);
  if (held == held_.end()) return gpu_.read32(offset);
  if (now_ns < held->second.until_ns) return held->second.value;
  held_.erase(held);
  return gpu_.read32(offset);
}

void FaultyRegisters::write(uint32_t offset, uint32_t value, uint64_t now_ns) {
  if (faults_ & fault::kAllOnes) return;
  if (const uint32_t ack = ack_of(offset)) {
    if (faults_ & fault::kNoForcewake) return;
    if (faults_ & fault::kLateAcks) hold(ack, read(ack, now_ns), now_ns + kLateNs);
  }
  if (offset == gen9::kGdrst && (faults_ & fault::kHungReset))
    return hold(offset, value, UINT64_MAX);
  if (is_tlb(offset) && (faults_ & fault::kNoTlbEnd)) return hold(offset, value, UINT64_MAX);
  if ((offset == gen9::kGdrst || is_tlb(offset)) && (faults_ & fault::kLateAcks))
    hold(offset, value, now_ns + kLateNs);
  gpu_.write32(offset, value);
}

std::vector<hv::BusFrame> FaultyRegisters::status_frames() {
  std::vector<hv::BusFrame> frames;
  for (const gen9::EngineId e : gen9::kAllEngines) {
    const uint64_t entry =
        gpu_.read_ggtt(gpu_.read32(gen9::engine_reg(e, gen9::rel::kHwsPga)) >> hv::kPageShift);
    if (entry & gen9::kPtePresent) frames.push_back(gen9::pte_frame(entry));
  }
  return frames;
}

void FaultyRegisters::tick(uint64_t now_ns) {
  if (now_ns < next_flush_ns_) return;
  next_flush_ns_ = now_ns + kLateNs;
  status_.flush();
  const bool late = faults_ & fault::kLateStatus;
  if (status_.set(late ? status_frames() : std::vector<hv::BusFrame>{})) drop_translations();
}

void FaultyRegisters::drop_translations() {
  gpu_.write32(gen9::kGfxFlushCntl, 1);
  for (const gen9::EngineInfo& e : gen9::kEngineInfo) gpu_.write32(e.tlb_reg, 1);
}

}  // namespace gpu::proxy

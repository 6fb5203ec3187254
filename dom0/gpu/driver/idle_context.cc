// SPDX-License-Identifier: MIT
#include "dom0/gpu/driver/idle_context.h"

#include <cstring>
#include <initializer_list>
#include <utility>

#include "dom0/gpu/driver/driver.h"
#include "hv/bits.h"
#include "shadow/gen9/context_image.h"
#include "shadow/gen9/regs.h"

namespace gpu {
namespace {

using gen9::EngineId;
namespace ctx = gen9::ctx;

constexpr uint32_t kRingBytes = hv::kPageSize;
constexpr uint32_t kStep = 64;  // bytes of no-ops run each time: one cache line

/// MI_LOAD_REGISTER_IMM with "force posted" (bit 12), as context images carry it.
constexpr uint32_t lri(unsigned registers) { return 0x22u << 23 | 1u << 12 | (2 * registers - 1); }
constexpr uint32_t kBatchBufferEnd = 0x0au << 23;

/// Writes the offsets of one LRI block from dword `at` (its header) on.
void put_block(uint32_t* state, unsigned at, EngineId engine,
               std::initializer_list<uint32_t> registers) {
  state[at] = lri(static_cast<unsigned>(registers.size()));
  for (uint32_t rel : registers) {
    state[++at] = gen9::engine_reg(engine, rel);
    ++at;
  }
}

/// The architectural part of the register state, SKL PRM vol 7 (Register State Context).
void put_layout(uint32_t* state, EngineId engine) {
  put_block(state, 1, engine,
            {gen9::rel::kContextControl, gen9::rel::kRingHead, gen9::rel::kRingTail,
             gen9::rel::kRingStart, gen9::rel::kRingCtl, gen9::rel::kBbAddrUdw, gen9::rel::kBbAddr,
             gen9::rel::kBbState, 0x11c, gen9::rel::kSbbAddr, 0x118, 0x1c0, 0x1c4, 0x1c8});
  put_block(state, 33, engine,
            {gen9::rel::kCtxTimestamp, 0x28c, 0x288, 0x284, 0x280, 0x27c, 0x278,
             gen9::rel::kPdp0Udw, gen9::rel::kPdp0Ldw});
  state[ctx::kEngineState] = kBatchBufferEnd;
}

}  // namespace

IdleContext::IdleContext(EngineId engine, std::vector<DmaPage> image, uint64_t image_address,
                         DmaPage ring, uint64_t ring_address, uint64_t pml4)
    : engine_(engine), image_(std::move(image)), ring_address_(ring_address), pml4_(pml4) {
  using namespace gen9::descriptor;
  std::memset(ring.cpu, 0, kRingBytes);  // MI_NOOP is zero
  const uint64_t id = kIdleContextId + gen9::index(engine);
  descriptor_ = kValid | kPrivileged | AddressingMode::set(0, 3) | image_address | id << 32;
  rearm();
}

void IdleContext::rearm() {
  std::byte* page = image_[ctx::kStatePage].cpu;
  std::memset(page, 0, hv::kPageSize);
  auto* state = reinterpret_cast<uint32_t*>(page);
  put_layout(state, engine_);
  const uint32_t head = tail_;
  tail_ = (tail_ + kStep) % kRingBytes;
  // Nothing of the engine's other state is wanted from an image that never had any.
  state[ctx::kContextControl] = hv::masked_enable(ctx::kInhibitSyncSwitch | ctx::kRestoreInhibit);
  state[ctx::kRingHead] = head;
  state[ctx::kRingTail] = tail_;
  state[ctx::kRingStart] = static_cast<uint32_t>(ring_address_);
  state[ctx::kRingCtl] = ((kRingBytes - hv::kPageSize) & 0x1ff000) | 1;
  state[ctx::kPdp0Udw] = static_cast<uint32_t>(pml4_ >> 32);
  state[ctx::kPdp0Ldw] = static_cast<uint32_t>(pml4_);
}

std::vector<std::byte> IdleContext::saved_pages() const {
  std::vector<std::byte> pages;
  for (size_t p = ctx::kStatePage; p < image_.size(); ++p)
    pages.insert(pages.end(), image_[p].cpu, image_[p].cpu + hv::kPageSize);
  return pages;
}

}  // namespace gpu

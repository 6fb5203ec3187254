// SPDX-License-Identifier: MIT
#include "dom0/gpu/selftest/context.h"

#include "hv/bits.h"
#include "shadow/gen9/context_image.h"
#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"

namespace gpu {
namespace {

namespace ctx = gen9::ctx;

constexpr uint32_t kBatchBufferEnd = 0x0au << 23;
/// MI_LOAD_REGISTER_IMM with "force posted", as context images carry it.
constexpr uint32_t lri(unsigned registers) { return 0x22u << 23 | 1u << 12 | (2 * registers - 1); }

}  // namespace

TestContext::TestContext(Driver& driver, gen9::EngineId engine, uint32_t id, uint64_t ggtt)
    : driver_(driver), engine_(engine), ggtt_(ggtt) {
  for (hv::BusFrame& f : data_) f = page(shadow::PageUse::batch);
  ring_ = page(shadow::PageUse::ring);
  make_tables();
  make_image(ggtt);
  using namespace gen9::descriptor;
  descriptor_ = kValid | kPrivileged | AddressingMode::set(0, 3) | (ggtt + hv::kPageSize) |
                uint64_t{id} << 32;
}

TestContext::~TestContext() {
  const std::vector<uint64_t> none(mapped_);
  driver_.write_ggtt(ggtt_ >> hv::kPageShift, none);
  // A page that the GPU may still translate to is never free.
  if (!driver_.invalidate_tlbs().ok()) return;
  for (const hv::BusFrame f : pages_) driver_.free_page(f);
}

hv::BusFrame TestContext::page(shadow::PageUse use) {
  const auto frame = driver_.alloc_page(use, hv::kHostOwner);
  if (!frame.ok()) {
    ok_ = false;
    return {};
  }
  pages_.push_back(*frame);
  return *frame;
}

void TestContext::make_tables() {
  using gen9::Level;
  hv::BusFrame below{};
  for (const Level level : {Level::pt, Level::pd, Level::pdp, Level::pml4}) {
    const hv::BusFrame table = page(shadow::PageUse::page_table);
    const unsigned at = gen9::entry_index(kSelftestBase, level);
    if (level == Level::pt) {
      for (unsigned i = 0; i < kSelftestPages; ++i)
        driver_.write_entry(table, at + i, hv::bus_address(data_[i]) | 3);
    } else {
      driver_.write_entry(table, at, hv::bus_address(below) | 3);
    }
    below = table;
  }
  pml4_ = hv::bus_address(below);
}

/// Ring first, then the image, in neighbouring pages of the GGTT.
void TestContext::make_image(uint64_t ggtt) {
  std::vector<uint64_t> entries{hv::bus_address(ring_) | gen9::kPtePresent};
  for (unsigned i = 0; i < gen9::info(engine_).context_pages; ++i) {
    const hv::BusFrame f = page(shadow::PageUse::context);
    if (i == ctx::kStatePage) state_ = f;
    entries.push_back(hv::bus_address(f) | gen9::kPtePresent);
  }
  mapped_ = entries.size();
  driver_.write_ggtt(ggtt >> hv::kPageShift, entries);
  using namespace gen9::rel;
  const uint32_t first[] = {kContextControl, kRingHead, kRingTail, kRingStart, kRingCtl,
                            kBbAddrUdw,      kBbAddr,   kBbState,  0x11c,      kSbbAddr,
                            0x118,           0x1c0,     0x1c4,     0x1c8};
  const uint32_t second[] = {kCtxTimestamp, 0x28c, 0x288,    0x284,   0x280,
                             0x27c,         0x278, kPdp0Udw, kPdp0Ldw};
  unsigned at = 1;
  put(at, lri(std::size(first)));
  for (const uint32_t rel : first) put(++at, gen9::engine_reg(engine_, rel)), ++at;
  at = 33;
  put(at, lri(std::size(second)));
  for (const uint32_t rel : second) put(++at, gen9::engine_reg(engine_, rel)), ++at;
  put(ctx::kEngineState, kBatchBufferEnd);
  put(ctx::kContextControl, hv::masked_enable(ctx::kInhibitSyncSwitch | ctx::kRestoreInhibit));
  put(ctx::kRingStart, static_cast<uint32_t>(ggtt));
  put(ctx::kRingCtl, 1);  // one page
  put(ctx::kPdp0Udw, static_cast<uint32_t>(pml4_ >> 32));
  put(ctx::kPdp0Ldw, static_cast<uint32_t>(pml4_));
}

void TestContext::put(unsigned dword, uint32_t value) {
  driver_.write_page(state_, dword * 4, std::as_bytes(std::span(&value, 1)));
}

void TestContext::emit(std::span<const uint32_t> commands) {
  for (const uint32_t dword : commands) {
    driver_.write_page(ring_, tail_, std::as_bytes(std::span(&dword, 1)));
    tail_ = (tail_ + 4) % hv::kPageSize;
  }
}

void TestContext::publish() {
  if (tail_ % 8) emit({0});
  put(ctx::kRingTail, tail_);
}

uint32_t TestContext::read(unsigned page, unsigned offset) {
  uint32_t value = 0;
  driver_.read_page(data_[page], offset, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}
void TestContext::fill(unsigned page, uint32_t value) {
  const std::vector<uint32_t> all(hv::kPageSize / 4, value);
  driver_.write_page(data_[page], 0, std::as_bytes(std::span(all)));
}
unsigned TestContext::wrong(unsigned page, uint32_t value) {
  unsigned n = 0;
  for (unsigned i = 0; i < hv::kPageSize; i += 4) n += read(page, i) != value;
  return n;
}

}  // namespace gpu

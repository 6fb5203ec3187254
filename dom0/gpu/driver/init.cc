// SPDX-License-Identifier: MIT
// Taking the GPU over and making its engines ready for execlists. SKL PRM vol 2c, vol 14.
#include <algorithm>
#include <cstring>
#include <utility>

#include "dom0/gpu/driver/driver.h"
#include "shadow/gen9/pte.h"

namespace gpu {
namespace {

using gen9::EngineId;
using hv::masked_disable;
using hv::masked_enable;

constexpr uint64_t kForcewakeTimeoutUs = 50'000;
constexpr uint32_t kForcewakeKernel = 1;

/// The GT interrupt registers, by IIR offset: IMR stands 4 below, IER 4 above.
constexpr uint32_t kGtIir[] = {0x44308, 0x44318, 0x44328, 0x44338};

uint32_t wanted_interrupts(uint32_t iir) {
  constexpr uint32_t per_engine = gen9::irq::kUser | gen9::irq::kCsError |
                                  gen9::irq::kPipeControlNotify | gen9::irq::kContextSwitch;
  uint32_t bits = 0;
  for (const gen9::EngineInfo& info : gen9::kEngineInfo) {
    if (info.gt_iir == iir) bits |= per_engine << info.irq_shift;
  }
  return bits;
}

}  // namespace

hv::Status Driver::start() {
  if (started_) return hv::Error::bad_argument;
  if (vanished()) return hv::Error::gone;
  if (auto s = take_forcewake(); !s) return s;
  if (auto s = make_scratch(); !s) return s;
  if (!reset_domain(gen9::kGdrstFull)) return hv::Error::io;
  fill_ggtt(gpu_info().ggtt_free_base / hv::kPageSize);
  if (auto s = make_engines(); !s) return s;
  init_ppat();
  init_workarounds();
  if (config_.fenced_bytes != 0)  // a last owner's may be there
    for (unsigned n = 0; n < gen9::kFences; ++n) write_fence(n);
  for (EngineId e : gen9::kAllEngines) init_engine(e);
  init_interrupts();
  for (EngineId e : gen9::kAllEngines)
    if (auto s = take_default_image(e); !s) return s;
  started_ = true;
  return invalidate_tlbs();
}

/// Runs the driver's own context on an engine that nobody has used since its reset, and keeps what
/// it saves.
hv::Status Driver::take_default_image(EngineId e) {
  constexpr uint64_t kStepUs = 5, kTimeoutUs = 50'000;
  Engine& state = engine(e);
  state.ports.start_idle();
  submit_bundle(e, {state.idle->descriptor()});
  for (uint64_t waited = 0; !state.ports.empty(); waited += kStepUs) {
    if (waited >= kTimeoutUs) return hv::Error::io;
    device_.pause_ns(kStepUs * 1000);
    (void)read_csb(e);
  }
  service_interrupts();
  events_.clear();
  state.default_image = state.idle->saved_pages();
  return {};
}

void Driver::default_image(EngineId e, unsigned page, std::span<std::byte> to) {
  const std::vector<std::byte>& image = engine(e).default_image;
  std::fill(to.begin(), to.end(), std::byte{0});
  const size_t from = (size_t{page} - 1) * hv::kPageSize;
  if (page == 0 || from >= image.size()) return;
  std::copy_n(image.begin() + static_cast<std::ptrdiff_t>(from),
              std::min<size_t>(to.size(), image.size() - from), to.begin());
}

hv::Status Driver::take_forcewake() {
  constexpr std::pair<uint32_t, uint32_t> kDomains[] = {
      {gen9::kForcewakeRender, gen9::kForcewakeRenderAck},
      {gen9::kForcewakeBlitter, gen9::kForcewakeBlitterAck},
      {gen9::kForcewakeMedia, gen9::kForcewakeMediaAck}};
  for (auto [request, ack] : kDomains) {
    // Whoever drove the GPU before may have left requests behind; start from none.
    device_.write32(request, masked_disable(0xffff));
    if (!wait_for(ack, kForcewakeKernel, 0, kForcewakeTimeoutUs)) return hv::Error::io;
    device_.write32(request, masked_enable(kForcewakeKernel));
    if (!wait_for(ack, kForcewakeKernel, kForcewakeKernel, kForcewakeTimeoutUs)) {
      return hv::Error::io;
    }
  }
  return {};
}

hv::Status Driver::make_scratch() {
  auto page = pages_.alloc(shadow::PageUse::scratch, hv::kHostOwner);
  if (!page) return page.error();
  scratch_ = page->frame;
  uint64_t below = hv::bus_address(scratch_);
  for (int level = 1; level <= 4; ++level) {
    auto table = pages_.alloc(shadow::PageUse::page_table, hv::kHostOwner);
    if (!table) return table.error();
    const uint64_t entry = below | gen9::kPtePresent | gen9::kPteWritable;
    for (unsigned i = 0; i < gen9::kEntries; ++i) hv::store(table->cpu + i * 8, entry);
    below = hv::bus_address(table->frame);
  }
  scratch_pml4_ = below;
  return {};
}

hv::Status Driver::make_engines() {
  for (EngineId e : gen9::kAllEngines) {
    Engine& state = engine(e);
    auto hwsp = pages_.alloc(shadow::PageUse::status, hv::kHostOwner);
    auto ring = pages_.alloc(shadow::PageUse::ring, hv::kHostOwner);
    if (!hwsp || !ring) return hv::Error::no_memory;
    state.hwsp = *hwsp;
    state.hwsp_address = map_own(hwsp->frame);
    const uint64_t ring_address = map_own(ring->frame), image_address = own_next_;
    std::vector<DmaPage> image;
    for (unsigned i = 0; i < gen9::info(e).context_pages; ++i) {
      auto page = pages_.alloc(shadow::PageUse::context, hv::kHostOwner);
      if (!page) return page.error();
      image.push_back(*page);
      map_own(page->frame);
    }
    state.idle.emplace(e, std::move(image), image_address, *ring, ring_address, scratch_pml4_);
    state.ports = ExeclistPorts(state.idle->descriptor());
  }
  return {};
}

void Driver::init_engine(EngineId e) {
  namespace rel = gen9::rel;
  Engine& state = engine(e);
  state.walked = true;  // it may have been stopped in the middle of anything
  // All ones is no event; the hardware writes entry 0 first after a reset.
  std::memset(state.hwsp.cpu + kHwspCsb, 0xff, gen9::kCsbEntries * 8);
  hv::store(state.hwsp.cpu + kHwspCsbWrite, uint32_t{gen9::kCsbEntries - 1});
  state.csb_head = gen9::kCsbEntries - 1;
  constexpr uint32_t last = gen9::kCsbEntries - 1;
  write_engine(e, rel::kCsbPtr, 0xffffu << 16 | last << 8 | last);
  read_engine(e, rel::kCsbPtr);

  write_engine(e, rel::kHwstam, ~0u);
  write_engine(e, rel::kRingMode, masked_enable(gen9::kModeRunListEnable));
  write_engine(e, rel::kMiMode, masked_disable(gen9::kMiModeStopRing));
  write_engine(e, rel::kHwsPga, static_cast<uint32_t>(state.hwsp_address));
  read_engine(e, rel::kHwsPga);

  write_engine(e, rel::kEmr, ~0u);
  write_engine(e, rel::kEir, ~0u);
  write_engine(e, rel::kEmr, ~1u);  // only "invalid instruction" is reported
  // The ring's mask has its bits where the GT interrupt register has them.
  constexpr uint32_t wanted = gen9::irq::kUser | gen9::irq::kCsError |
                              gen9::irq::kPipeControlNotify | gen9::irq::kContextSwitch;
  write_engine(e, rel::kImr, ~(wanted << gen9::info(e).irq_shift));
}

void Driver::init_interrupts() {
  device_.write32(gen9::kMasterIrq, 0);
  for (uint32_t iir : kGtIir) {
    const uint32_t wanted = wanted_interrupts(iir);
    device_.write32(iir - 4, ~0u);
    device_.write32(iir + 4, 0);
    device_.write32(iir, ~0u);  // IIR holds two levels of events
    device_.write32(iir, ~0u);
    device_.write32(iir + 4, wanted);
    device_.write32(iir - 4, ~wanted);
  }
  // Where events are polled, the line stays low: nobody would answer it.
  if (is_heard()) device_.write32(gen9::kMasterIrq, gen9::kMasterIrqEnable);
}

void Driver::init_ppat() {
  // The table every Gen8/9 driver uses: write-back LLC, write-combining, write-through, uncached,
  // then write-back LLC/eLLC of ages 0 to 3. SKL PRM vol 2c (PAT_INDEX).
  device_.write32(gen9::kPatLo, 0x000a0907);
  device_.write32(gen9::kPatHi, 0x3b2b1b0b);
}

}  // namespace gpu

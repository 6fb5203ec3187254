// SPDX-License-Identifier: MIT
#include "tests/fake/gpu_world.h"

#include <cstring>

namespace fake {

namespace ctx = gen9::ctx;
namespace rel = gen9::rel;
using gen9::EngineId;
using gen9::Level;

std::byte* DmaMemory::page(hv::BusFrame frame) {
  const auto it = pages_.find(frame.v);
  return it == pages_.end() ? nullptr : it->second->data();
}

hv::BusFrame DmaMemory::alloc_run(unsigned pages, unsigned align_pages) {
  next_ = hv::align_up(next_, align_pages);
  const hv::BusFrame first{next_};
  for (unsigned i = 0; i < pages; ++i) pages_[next_ + i] = std::make_unique<Page>();
  next_ += pages;
  return first;
}

hv::Result<gpu::DmaPage> DmaMemory::alloc() {
  if (fail_after == 0) return hv::Error::no_memory;
  --fail_after;
  const hv::BusFrame frame = alloc_run(1);
  return gpu::DmaPage{frame, page(frame)};
}

void DmaMemory::free(hv::BusFrame frame) { pages_.erase(frame.v); }

uint64_t* Ppgtt::entry(uint64_t va, Level level) {
  hv::BusFrame table = root_;
  for (auto at = Level::pml4;; at = static_cast<Level>(static_cast<unsigned>(at) - 1)) {
    auto* entries = reinterpret_cast<uint64_t*>(memory_.page(table));
    uint64_t* e = &entries[gen9::entry_index(va, at)];
    if (at == level) return e;
    if (!(*e & gen9::kPtePresent))
      *e = hv::bus_address(memory_.alloc_run(1)) | gen9::kPtePresent | gen9::kPteWritable;
    table = gen9::pte_frame(*e);
  }
}

namespace {
uint64_t leaf(hv::BusFrame frame, bool writable) {
  return hv::bus_address(frame) | gen9::kPtePresent | (writable ? gen9::kPteWritable : 0);
}
}  // namespace

void Ppgtt::map(uint64_t va, hv::BusFrame frame, bool writable) {
  *entry(va, Level::pt) = leaf(frame, writable);
}

void Ppgtt::map_64k(uint64_t va, hv::BusFrame first, bool writable) {
  for (unsigned i = 0; i < 16; ++i)
    *entry(va + i * hv::kPageSize, Level::pt) = i == 0 ? leaf(first, writable) : 0;
  *entry(va, Level::pd) |= gen9::kPdeIps64K;
}

void Ppgtt::map_2m(uint64_t va, hv::BusFrame first, bool writable) {
  *entry(va, Level::pd) = leaf(first, writable) | gen9::kPdePageSize;
}

void Ppgtt::unmap(uint64_t va) { *entry(va, Level::pt) = 0; }

std::byte* Ppgtt::alloc(uint64_t va, unsigned pages, bool writable) {
  const hv::BusFrame first = memory_.alloc_run(pages);
  for (unsigned i = 0; i < pages; ++i)
    map(va + i * hv::kPageSize, hv::BusFrame{first.v + i}, writable);
  return memory_.page(first);
}

GpuWorld::GpuWorld(const gpu::model::Config& config) : model(memory, config) {
  model.write32(gen9::kMasterIrq, gen9::kMasterIrqEnable);
  for (const EngineId e : gen9::kAllEngines) {
    hwsp_[gen9::index(e)] = alloc_ggtt();
    model.write32(gen9::info(e).gt_iir - 4, 0);    // IMR
    model.write32(gen9::info(e).gt_iir + 4, ~0u);  // IER
    enable(e);
  }
}

void GpuWorld::enable(EngineId e) {
  set_reg(e, rel::kRingMode, hv::masked_enable(gen9::kModeRunListEnable));
  set_reg(e, rel::kMiMode, hv::masked_disable(gen9::kMiModeStopRing));
  set_reg(e, rel::kHwsPga, hwsp(e));
  set_reg(e, rel::kImr, 0);
  set_reg(e, rel::kEmr, ~1u);
  csb_read_[gen9::index(e)] = gen9::kCsbEntries - 1;
  set_reg(e, rel::kCsbPtr, 0xffff0505);
  set_ggtt32(hwsp(e) + 0x1f * 4, gen9::kCsbEntries - 1);
}

uint32_t GpuWorld::alloc_ggtt(unsigned pages) {
  const uint32_t address = next_ggtt_;
  for (unsigned i = 0; i < pages; ++i, next_ggtt_ += hv::kPageSize)
    model.write_ggtt(next_ggtt_ >> hv::kPageShift,
                     hv::bus_address(memory.alloc_run(1)) | gen9::kPtePresent);
  next_ggtt_ += hv::kPageSize;  // a hole, so that overruns fault
  return address;
}

hv::BusFrame GpuWorld::ggtt_frame(uint64_t address) {
  return gen9::pte_frame(model.read_ggtt(address >> hv::kPageShift));
}

std::byte* GpuWorld::ggtt(uint64_t address) {
  return memory.page(ggtt_frame(address)) + (address & hv::kPageMask);
}

uint32_t GpuWorld::image(const Context& c, unsigned dword) {
  return ggtt32(c.lrca + ctx::kStatePage * hv::kPageSize + dword * 4);
}

void GpuWorld::set_image(const Context& c, unsigned dword, uint32_t value) {
  set_ggtt32(c.lrca + ctx::kStatePage * hv::kPageSize + dword * 4, value);
}

Context GpuWorld::make_context(EngineId engine, uint64_t ppgtt_root, unsigned ring_pages) {
  Context c;
  c.engine = engine;
  c.lrca = alloc_ggtt(gen9::info(engine).context_pages);
  c.id = next_id_++;
  c.ring = alloc_ggtt(ring_pages);
  c.ring_bytes = ring_pages * static_cast<uint32_t>(hv::kPageSize);
  set_image(c, ctx::kContextControl,
            hv::masked_enable(ctx::kInhibitSyncSwitch | ctx::kRestoreInhibit));
  set_image(c, ctx::kRingStart, c.ring);
  set_image(c, ctx::kRingCtl, (c.ring_bytes - 0x1000) | 1);
  set_image(c, ctx::kPdp0Udw, mi::hi(ppgtt_root));
  set_image(c, ctx::kPdp0Ldw, mi::lo(ppgtt_root));
  return c;
}

void GpuWorld::emit(Context& c, std::span<const uint32_t> dwords) {
  for (const uint32_t dword : dwords) {
    set_ggtt32(c.ring + c.tail, dword);
    c.tail = (c.tail + 4) % c.ring_bytes;
  }
  set_image(c, ctx::kRingTail, c.tail);
}

void GpuWorld::write_elsp(EngineId engine, uint64_t first, uint64_t second) {
  for (const uint64_t d : {second, first}) {
    set_reg(engine, rel::kElsp, mi::hi(d));
    set_reg(engine, rel::kElsp, mi::lo(d));
  }
}

void GpuWorld::submit(const Context& c) { write_elsp(c.engine, c.descriptor(), 0); }
void GpuWorld::submit(const Context& first, const Context& second) {
  write_elsp(first.engine, first.descriptor(), second.descriptor());
}

void GpuWorld::run(uint64_t ns) {
  const uint64_t end = model.now_ns() + ns;
  for (uint64_t next; (next = model.next_event_ns()) <= end;) model.advance_to(next);
}

bool GpuWorld::idle(EngineId engine) {
  return (reg(engine, rel::kMiMode) & gen9::kMiModeIdle) != 0;
}

std::vector<CsbEvent> GpuWorld::csb(EngineId engine) {
  std::vector<CsbEvent> events;
  const uint32_t page = hwsp(engine);
  const uint32_t written = ggtt32(page + 0x1f * 4);
  unsigned& read = csb_read_[gen9::index(engine)];
  while (read != written) {
    read = (read + 1) % gen9::kCsbEntries;
    events.push_back({ggtt32(page + 0x40 + read * 8), ggtt32(page + 0x44 + read * 8)});
  }
  return events;
}

Dwords mi::join(std::initializer_list<Dwords> pieces) {
  Dwords all;
  for (const Dwords& piece : pieces) all.insert(all.end(), piece.begin(), piece.end());
  return all;
}

void put(std::byte* to, std::span<const uint32_t> dwords) {
  std::memcpy(to, dwords.data(), dwords.size_bytes());
}

}  // namespace fake

// SPDX-License-Identifier: MIT
// Numbers for pages: one lazily committed table of pointers for each slot.
#include "hv/xen/frames.h"

#include <sys/mman.h>

#include <cstring>

namespace hv::xen {
namespace {

constexpr size_t kTableBytes = kSlotFrames * sizeof(std::atomic<std::byte*>);
constexpr uint64_t kHostBytes = uint64_t{kSlotFrames} << kPageShift;

void* reserve(size_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}
constexpr uint32_t index_of(BusFrame f) { return static_cast<uint32_t>(f.v) & (kSlotFrames - 1); }

}  // namespace

FrameSpace::~FrameSpace() {
  for (unsigned s = 0; s < kSlots; ++s) close_slot(s);
  if (host_) munmap(host_, kHostBytes);
}

bool FrameSpace::make(Slot& slot) {
  void* table = reserve(kTableBytes);
  if (!table) return false;
  slot.pages.store(static_cast<std::atomic<std::byte*>*>(table), std::memory_order_release);
  return true;
}

std::byte* FrameSpace::page(BusFrame frame) const {
  if (frame.v >> kBusFrameBits) return nullptr;
  const auto* pages = slots_[frame.v >> kSlotBits].pages.load(std::memory_order_acquire);
  return pages ? pages[index_of(frame)].load(std::memory_order_acquire) : nullptr;
}

Result<BusFrame> FrameSpace::alloc_host() {
  if (!host_) host_ = static_cast<std::byte*>(reserve(kHostBytes));
  if (!host_ || (!slots_[0].pages.load() && !make(slots_[0]))) return Error::no_memory;
  const auto frame = add(0, host_);
  if (!frame.ok()) return frame.error();
  std::byte* page = host_ + (uint64_t{index_of(*frame)} << kPageShift);
  std::memset(page, 0, kPageSize);
  slots_[0].pages.load()[index_of(*frame)].store(page, std::memory_order_release);
  return *frame;
}
void FrameSpace::free_host(BusFrame frame) {
  if (frame.v < kSlotFrames) drop(frame);
}

Result<unsigned> FrameSpace::open_slot() {
  for (unsigned s = 1; s < kSlots; ++s) {
    if (slots_[s].pages.load()) continue;
    if (!make(slots_[s])) return Error::no_memory;
    return s;
  }
  return Error::no_memory;
}

void FrameSpace::close_slot(unsigned s) {
  Slot& slot = slots_[s];
  auto* pages = slot.pages.exchange(nullptr);
  // The table's own memory goes too: the next owner of the slot starts with none of these frames.
  if (pages) munmap(pages, kTableBytes);
  slot.free.clear();
  slot.next = 1;
  slot.used = 0;
}

Result<BusFrame> FrameSpace::add(unsigned s, std::byte* page) {
  Slot& slot = slots_[s];
  auto* pages = slot.pages.load();
  if (!pages) return Error::gone;
  uint32_t index = 0;
  if (!slot.free.empty()) {
    index = slot.free.back();
    slot.free.pop_back();
  } else if (slot.next < kSlotFrames) {
    index = slot.next++;
  } else {
    return Error::no_memory;
  }
  ++slot.used;
  pages[index].store(page, std::memory_order_release);
  return BusFrame{uint64_t{s} << kSlotBits | index};
}

void FrameSpace::drop(BusFrame frame) {
  if (frame.v >> kBusFrameBits) return;
  Slot& slot = slots_[frame.v >> kSlotBits];
  auto* pages = slot.pages.load();
  if (!pages || !pages[index_of(frame)].exchange(nullptr)) return;
  slot.free.push_back(index_of(frame));
  --slot.used;
}

uint64_t FrameSpace::frames_in_use(unsigned slot) const { return slots_[slot].used; }

}  // namespace hv::xen

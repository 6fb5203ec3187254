// SPDX-License-Identifier: MIT
// Physical memory of the in-process hypervisor: one lazily committed slab, frame numbers scrambled.
#include "hv/local/machine.h"

#include <sys/mman.h>

#include <bit>
#include <cstring>

namespace hv::local {
namespace {

/// Above any guest's frame numbers (64 GiB), so that an untranslated address hits nothing.
constexpr uint64_t kFirstFrame = uint64_t{1} << 24;
/// Odd, so that multiplying by it permutes the numbers below a power of two.
constexpr uint64_t kScramble = 0x9e37'79b1;

constexpr uint64_t inverse_of(uint64_t odd) {
  uint64_t x = odd;
  for (int i = 0; i < 6; ++i) x *= 2 - odd * x;
  return x;
}
constexpr uint64_t kUnscramble = inverse_of(kScramble);
static_assert(kScramble * kUnscramble == 1);

}  // namespace

struct Machine::Impl {
  uint64_t frames;
  uint64_t mask;  // slots - 1; slots is a power of two
  std::byte* slab = nullptr;
  std::vector<FrameOwner> owners;  // of the slots used so far
  std::vector<uint32_t> free_slots;

  explicit Impl(uint64_t max_bytes)
      : frames(max_bytes / kPageSize), mask(std::bit_ceil(frames ? frames : 1) - 1) {
    void* p = mmap(nullptr, frames ? frames * kPageSize : kPageSize, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
      frames = 0;
    } else {
      slab = static_cast<std::byte*>(p);
    }
  }
  ~Impl() {
    if (slab) munmap(slab, frames ? frames * kPageSize : kPageSize);
  }
  [[nodiscard]] BusFrame frame_of(uint64_t slot) const {
    return BusFrame{kFirstFrame + ((slot * kScramble) & mask)};
  }
  /// owners.size() or more if there is no such frame.
  [[nodiscard]] uint64_t slot_of(BusFrame frame) const {
    const uint64_t n = frame.v - kFirstFrame;
    return n > mask ? ~uint64_t{0} : (n * kUnscramble) & mask;
  }
  FrameOwner* find(BusFrame frame) {
    const uint64_t slot = slot_of(frame);
    if (slot >= owners.size() || owners[slot].kind == FrameOwner::Kind::none) return nullptr;
    return &owners[slot];
  }
  Result<BusFrame> alloc(const FrameOwner& owner) {
    uint64_t slot = owners.size();
    if (!free_slots.empty()) {
      slot = free_slots.back();
      free_slots.pop_back();
      owners[slot] = owner;
      std::memset(slab + slot * kPageSize, 0, kPageSize);
    } else if (slot < frames) {
      owners.push_back(owner);
    } else {
      return Error::no_memory;
    }
    return frame_of(slot);
  }
};

Machine::Machine(uint64_t max_bytes) : impl_(std::make_unique<Impl>(max_bytes)) {}
Machine::~Machine() = default;

Result<BusFrame> Machine::alloc_host(uint32_t tag) {
  return impl_->alloc({.kind = FrameOwner::Kind::host, .tag = tag});
}
Result<BusFrame> Machine::alloc_guest(DomId domain, Gfn gfn) {
  return impl_->alloc({.kind = FrameOwner::Kind::guest, .domain = domain, .gfn = gfn});
}
void Machine::free(BusFrame frame) {
  FrameOwner* owner = impl_->find(frame);
  if (!owner) return;
  *owner = {};
  impl_->free_slots.push_back(static_cast<uint32_t>(impl_->slot_of(frame)));
}
std::byte* Machine::page(BusFrame frame) {
  return impl_->find(frame) ? impl_->slab + impl_->slot_of(frame) * kPageSize : nullptr;
}
FrameOwner Machine::owner(BusFrame frame) const {
  const FrameOwner* owner = impl_->find(frame);
  return owner ? *owner : FrameOwner{};
}
void Machine::set_tag(BusFrame frame, uint32_t tag) {
  if (FrameOwner* owner = impl_->find(frame)) owner->tag = tag;
}
uint64_t Machine::frames_in_use() const { return impl_->owners.size() - impl_->free_slots.size(); }

}  // namespace hv::local

// SPDX-License-Identifier: MIT
// The cache of foreign mappings and the pins that keep parts of it.
#include "hv/xen/memory.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace hv::xen {
namespace {

/// Beyond any guest-physical address Xen supports; keeps bucket arithmetic from wrapping.
constexpr uint64_t kMaxGfn = uint64_t{1} << 40;

}  // namespace

bool GuestMemory::hidden(Gfn gfn) const {
  return std::ranges::any_of(hidden_, [&](const Span& s) { return gfn.v - s.first < s.pages; });
}
void GuestMemory::hide(Gfn first, uint64_t pages) { hidden_.push_back({first.v, pages}); }
void GuestMemory::unhide_all() { hidden_.clear(); }

bool GuestMemory::probe(Gfn gfn) {
  int error = 0;
  std::byte* p = calls_.map(nullptr, {&gfn.v, 1}, {&error, 1});
  if (!p) return false;
  calls_.unmap(p, 1);
  return error == 0;
}

std::unique_ptr<GuestMemory::Bucket> GuestMemory::map_bucket(uint64_t number) {
  if (buckets() >= kMaxBuckets) return nullptr;
  std::array<uint64_t, kBucketPages> gfns;
  std::array<int, kBucketPages> errors{};
  for (unsigned i = 0; i < kBucketPages; ++i) gfns[i] = number * kBucketPages + i;
  auto bucket = std::make_unique<Bucket>();
  bucket->memory = calls_.map(nullptr, gfns, errors);
  if (!bucket->memory) return nullptr;
  bucket->number = number;
  for (unsigned i = 0; i < kBucketPages; ++i) bucket->there[i] = errors[i] == 0;
  return bucket;
}

GuestMemory::Place GuestMemory::find(Gfn gfn) {
  if (gfn.v >= kMaxGfn || hidden(gfn)) return {};
  const uint64_t number = gfn.v / kBucketPages, i = gfn.v % kBucketPages;
  auto it = current_.find(number);
  if (it == current_.end() || !it->second->there[i]) {
    // One page first: a guest that names holes must not cost us a bucket each time. RAM added
    // since the bucket was mapped comes without any notice, so a hole is always looked at again.
    if (!probe(gfn)) return {};
    auto bucket = map_bucket(number);
    if (!bucket) return {};
    if (it != current_.end()) {
      retire(std::move(it->second));
      it->second = std::move(bucket);
    } else {
      it = current_.emplace(number, std::move(bucket)).first;
    }
    if (!it->second->there[i]) return {};
  }
  Bucket* b = it->second.get();
  return {b, b->memory + i * kPageSize};
}

std::byte* GuestMemory::page(Gfn gfn) { return find(gfn).page; }

Status GuestMemory::read(Gpa from, std::span<std::byte> to) {
  if (from.v + to.size() < from.v) return Error::bad_address;
  for (size_t done = 0; done < to.size();) {
    const Gpa at{from.v + done};
    const size_t n = std::min(to.size() - done, kPageSize - (at.v & kPageMask));
    const std::byte* p = page(gfn_of(at));
    if (!p) return Error::bad_address;
    std::memcpy(to.data() + done, p + (at.v & kPageMask), n);
    done += n;
  }
  return {};
}

Status GuestMemory::write(Gpa to, std::span<const std::byte> from) {
  if (to.v + from.size() < to.v) return Error::bad_address;
  if (from.empty()) return {};
  const uint64_t last = (to.v + from.size() - 1) >> kPageShift;
  if (last != gfn_of(to).v) {
    for (uint64_t g = gfn_of(to).v; g <= last; ++g)
      if (!page(Gfn{g})) return Error::bad_address;
  }
  for (size_t done = 0; done < from.size();) {
    const Gpa at{to.v + done};
    const size_t n = std::min(from.size() - done, kPageSize - (at.v & kPageMask));
    std::byte* p = page(gfn_of(at));
    if (!p) return Error::bad_address;
    std::memcpy(p + (at.v & kPageMask), from.data() + done, n);
    done += n;
  }
  return {};
}

Result<BusFrame> GuestMemory::frame_of(const Place& place, Gfn gfn) {
  if (!machine_) return frames_.add(slot_, place.page);
  Bucket& b = *place.bucket;
  const auto at = static_cast<size_t>(place.page - b.memory) / kPageSize;
  if (!b.machine) {
    // All at once: neighbours share the tables that are read for it. The bucket stays mapped as it
    // is until it goes, so what is found now holds as long.
    std::array<uint64_t, kBucketPages> gfns;
    for (unsigned i = 0; i < kBucketPages; ++i)
      gfns[i] = b.there[i] ? b.number * kBucketPages + i : kNoGuestFrame;
    b.machine = std::make_unique<std::array<BusFrame, kBucketPages>>();
    machine_->foreign(b.memory, gfns, *b.machine);
  }
  const BusFrame frame = (*b.machine)[at];
  // Found with the bucket, but the guest may have given the page away before this pin.
  if (frame == kNoFrame || !machine_->is_guest_frame(frame, gfn.v)) return Error::bad_address;
  return frame;
}

void GuestMemory::pin(std::span<const Gfn> gfns, std::span<BusFrame> frames) {
  for (size_t i = 0; i < gfns.size(); ++i) {
    frames[i] = kNoFrame;
    if (const auto it = pins_.find(gfns[i].v); it != pins_.end()) {
      // Also when the guest has put another page there since: while the GPU may use the old
      // one, both its uses mean the same.
      ++it->second.count;
      frames[i] = it->second.frame;
      continue;
    }
    const Place place = find(gfns[i]);
    if (!place.page) continue;
    const auto frame = frame_of(place, gfns[i]);
    if (!frame.ok()) continue;
    ++place.bucket->pins;
    pins_.emplace(gfns[i].v, Pin{*frame, place.bucket, 1});
    frames[i] = *frame;
  }
}

const std::byte* GuestMemory::pinned_page(Gfn gfn) const {
  const auto it = pins_.find(gfn.v);
  if (it == pins_.end()) return nullptr;
  return it->second.bucket->memory + gfn.v % kBucketPages * kPageSize;
}

void GuestMemory::unpin(std::span<const Gfn> gfns) {
  for (const Gfn gfn : gfns) {
    const auto it = pins_.find(gfn.v);
    if (it == pins_.end() || --it->second.count) continue;
    forget(it->second.frame);
    Bucket* bucket = it->second.bucket;
    pins_.erase(it);
    drop_pin_of(bucket);
  }
}

void GuestMemory::drop_pin_of(Bucket* bucket) {
  if (--bucket->pins) return;
  const auto it = std::ranges::find(old_, bucket, [](const auto& b) { return b.get(); });
  if (it == old_.end()) return;  // still current
  unmap(*bucket);
  *it = std::move(old_.back());
  old_.pop_back();
}

void GuestMemory::retire(std::unique_ptr<Bucket> bucket) {
  if (bucket->pins)
    old_.push_back(std::move(bucket));
  else
    unmap(*bucket);
}

void GuestMemory::invalidate() {
  for (auto& [number, bucket] : current_) retire(std::move(bucket));
  current_.clear();
}

void GuestMemory::close() {
  for (const auto& [gfn, pin] : pins_) forget(pin.frame);
  pins_.clear();
  for (const auto& [number, bucket] : current_) unmap(*bucket);
  for (const auto& bucket : old_) unmap(*bucket);
  current_.clear();
  old_.clear();
  hidden_.clear();
}

}  // namespace hv::xen

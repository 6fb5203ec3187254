// SPDX-License-Identifier: MIT
#include "dom0/replay/guest_projection.h"

#include <array>

#include "hv/bits.h"
#include "mediator/context.h"
#include "mediator/trace/gpu.h"
#include "mediator/trace/kinds.h"

namespace replay {
namespace {

namespace kind = mediator::trace::kind;
using hv::trace::Kind;

/// Of what stands under the guest's own number, that which a player needs or a reader wants to see.
bool belongs(Kind k) {
  switch (k) {
    case Kind::trap_read:
    case Kind::trap_write:
    case Kind::page_write:
    case Kind::value:
    case Kind::read:
    case Kind::pin:
    case Kind::inject_msi:
    case Kind::guest_page:
    case Kind::guest_data:
    case Kind::gpu_progress:
    case Kind::gpu_page: return true;
    default:
      return k == kind::create || k == kind::created || k == kind::destroy || k == kind::pause;
  }
}

uint64_t owner_of(uint64_t descriptor) {
  const auto id = gen9::descriptor::ContextId::get(descriptor);
  return mediator::owner_of_host_id(static_cast<uint32_t>(id)).v;
}

}  // namespace

void GuestProjection::pass(Kind k, uint32_t subject, std::span<const uint64_t> args,
                           std::span<const std::byte> blob, uint64_t now_ns) {
  if (now_ns != told_ns_) {
    const std::array<uint64_t, 2> clock{0, now_ns - told_ns_};
    sink_.add(Kind::clock, 0, clock);
    told_ns_ = now_ns;
  }
  sink_.add(k, subject, args, blob);
}

void GuestProjection::events(std::span<const uint64_t> args, std::span<const std::byte> blob,
                             uint64_t now_ns) {
  constexpr size_t size = sizeof(mediator::trace::StoredEvent);
  scratch_.clear();
  for (; blob.size() >= size; blob = blob.subspan(size)) {
    const auto e = hv::load<mediator::trace::StoredEvent>(blob.data());
    if (mediator::owner_of_host_id(e.context_id).v == vgpu_)
      scratch_.insert(scratch_.end(), blob.begin(), blob.begin() + size);
  }
  const std::array<uint64_t, 2> mine{args[0], scratch_.size() / size};
  if (!scratch_.empty()) pass(kind::events, 0, mine, scratch_, now_ns);
}

void GuestProjection::take(Kind k, uint32_t subject, std::span<const uint64_t> args,
                           std::span<const std::byte> blob, uint64_t now_ns) {
  if (k == kind::session) return pass(k, 0, args, blob, now_ns);
  if (subject == subject_) {
    if (k == kind::created && args[0] == 0) vgpu_ = args[1];
    if (belongs(k)) pass(k, 1, args, blob, now_ns);
  } else if (vgpu_ == 0) {
    return;
  } else if (k == kind::submit) {
    if (blob.size() >= 8 && owner_of(hv::load<uint64_t>(blob.data())) == vgpu_)
      pass(k, 0, args, blob, now_ns);
  } else if (k == kind::events) {
    events(args, blob, now_ns);
  } else if (k == kind::poll) {
    pass(k, 0, args, blob, now_ns);
  }
}

}  // namespace replay

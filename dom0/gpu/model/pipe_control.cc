// SPDX-License-Identifier: MIT
// PIPE_CONTROL and MI_FLUSH_DW: post-sync writes, notification, TLB invalidation. SKL PRM vol 2a.
#include "dom0/gpu/model/mi.h"

namespace gpu::model {
namespace {

enum PostSync : uint32_t { kNothing = 0, kImmediate = 1, kDepthCount = 2, kTimestamp = 3 };

constexpr uint32_t kNotify = hv::bit(8), kTlbInvalidate = hv::bit(18), kStoreIndex = hv::bit(21);

struct PostSyncWrite {
  uint64_t address = 0;
  bool ggtt = false, index = false;
  uint64_t value = 0;
  unsigned bytes = 8;
};

void write_post_sync(Engine& e, const PostSyncWrite& w) {
  // Index mode goes to the running context's own page.
  const uint64_t at = w.index ? e.hwsp() + (w.address & 0xff8) : w.address & ~uint64_t{7};
  const bool ggtt = w.index || (w.ggtt && e.privileged());
  const DmaPurpose purpose = w.index ? DmaPurpose::status : DmaPurpose::data;
  if (w.bytes == 8) {
    e.mmu().put(ggtt, at, w.value, purpose);
  } else {
    e.mmu().put(ggtt, at | (w.address & 4), static_cast<uint32_t>(w.value), purpose);
  }
}

}  // namespace

void execute_pipe_control(Engine& e, Dwords d) {
  constexpr uint32_t kLriPostSync = hv::bit(23), kGgtt = hv::bit(24);
  constexpr uint32_t kStall = hv::bit(20), kFlushL3 = hv::bit(27);
  if (d.size() < 3) return;
  const uint32_t flags = d[1];
  const uint64_t immediate =
      d.size() < 5 ? 0 : d[4] | (d.size() > 5 ? static_cast<uint64_t>(d[5]) << 32 : 0);
  const uint64_t address = d.size() > 3 ? address_at(d, 2) : d[2] & ~3u;
  PostSyncWrite w{address, (flags & kGgtt) != 0, (flags & kStoreIndex) != 0};
  const uint32_t operation = flags >> 14 & 3;
  if (operation == kImmediate) w.value = immediate;
  if (operation == kTimestamp) w.value = e.timestamp();
  if (flags & kLriPostSync) {
    store_register(e, d[2] & 0x7ffffc, static_cast<uint32_t>(immediate));
  } else if (operation != kNothing) {
    write_post_sync(e, w);  // nothing is drawn: the depth count is 0
  }
  if (flags & kTlbInvalidate) e.mmu().invalidate();
  if ((flags & kFlushL3) && (flags & kStall)) e.caches_flushed();
  if (flags & kNotify) e.raise(gen9::irq::kPipeControlNotify);
}

void execute_flush_dw(Engine& e, Dwords d) {
  constexpr uint32_t kGgtt = hv::bit(2);
  const uint32_t operation = d[0] >> 14 & 3;
  const uint64_t address = static_cast<uint64_t>(d[2]) << 32 | (d[1] & ~7u);
  PostSyncWrite w{address, (d[1] & kGgtt) != 0, (d[0] & kStoreIndex) != 0};
  if (operation == kImmediate && d.size() > 3) {
    w.value = d[3] | (d.size() > 4 ? static_cast<uint64_t>(d[4]) << 32 : 0);
    w.bytes = d.size() > 4 ? 8 : 4;  // one dword of data writes one dword
    write_post_sync(e, w);
  } else if (operation == kTimestamp) {
    w.value = e.timestamp();
    write_post_sync(e, w);
  }
  if (d[0] & kTlbInvalidate) e.mmu().invalidate();
  if (d[0] & kNotify) e.raise(gen9::irq::kPipeControlNotify);
}

}  // namespace gpu::model

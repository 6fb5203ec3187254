// SPDX-License-Identifier: MIT
#include "dom0/replay/live_writes.h"

namespace replay {

void LiveWrites::settle() {
  Guest* g = std::exchange(pending_.guest, nullptr);
  if (g) g->pages.add(pending_.gfn, pending_.offset, {pending_.memory, pending_.bytes});
}

void LiveWrites::on_access(const gpu::model::DmaAccess& a) {
  settle();
  if (next_) next_->on_access(a);
  if (!a.write) return;
  const hv::local::FrameOwner owner = machine_.owner(a.frame);
  if (owner.kind != hv::local::FrameOwner::Kind::guest) return;
  const auto it = guests_.find(owner.domain);
  std::byte* memory = it == guests_.end() ? nullptr : machine_.page(a.frame);
  if (!memory || a.offset + a.bytes > hv::kPageSize) return;
  it->second.written[gen9::index(a.engine)] += a.bytes;
  // Its bytes are there when the next access comes.
  pending_ = {&it->second, owner.gfn, memory + a.offset, a.offset, a.bytes};
}

}  // namespace replay

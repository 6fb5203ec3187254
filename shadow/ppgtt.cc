// SPDX-License-Identifier: MIT
// All PPGTTs of one vGPU: roots, and what their users ask of them.
#include "shadow/ppgtt.h"

#include <algorithm>
#include <unordered_map>

#include "shadow/ppgtt_tables.h"
#include "shadow/ppgtt_view.h"

namespace shadow {
namespace {

using ppgtt::Table;

/// A RootId is a slot (low 16 bits) and how often the slot was used: a stale one names nothing.
constexpr uint32_t kMaxRoots = 65535;

}  // namespace

struct PpgttSet::Impl {
  struct Root {
    Table* table = nullptr;
    uint64_t gfn = 0;
    uint32_t refs = 0;
    uint16_t use = 1;
    bool created = false;  // by the guest's notification, which holds one reference
  };

  ppgtt::Tables tables;
  uint32_t max_roots;
  std::vector<Root> roots;
  std::vector<uint32_t> free_slots;
  std::unordered_map<uint64_t, uint32_t> by_gfn;  // never iterated

  Impl(hv::Domain& domain, GpuMemory& gpu, Retired& retired, hv::VgpuId owner,
       const PpgttLimits& limits, Work* work)
      : tables(domain, gpu, retired, owner, limits, work),
        max_roots(std::min(limits.roots, kMaxRoots)) {}

  [[nodiscard]] RootId id_of(uint32_t slot) const {
    return RootId{uint32_t{roots[slot].use} << 16 | slot};
  }
  Root* find(RootId id) {
    const uint32_t slot = id.v & 0xffff;
    if (slot >= roots.size() || !roots[slot].table || id_of(slot) != id) return nullptr;
    return &roots[slot];
  }
  hv::Result<uint32_t> take(hv::Gpa pml4);
  hv::Result<uint32_t> make(hv::Gfn gfn);
  void drop(uint32_t slot);
  void remove(uint32_t slot);
};

/// Finds or makes the root and takes a reference.
hv::Result<uint32_t> PpgttSet::Impl::take(hv::Gpa pml4) {
  if ((pml4.v & hv::kPageMask) || ppgtt::reserved(pml4.v)) return hv::Error::bad_argument;
  const hv::Gfn gfn = hv::gfn_of(pml4);
  const auto it = by_gfn.find(gfn.v);
  const auto slot = it != by_gfn.end() ? hv::Result<uint32_t>{it->second} : make(gfn);
  if (slot.ok()) ++roots[*slot].refs;
  return slot;
}

hv::Result<uint32_t> PpgttSet::Impl::make(hv::Gfn gfn) {
  if (tables.counts().roots >= max_roots) return hv::Error::no_memory;
  const auto table = tables.take_root(gfn);
  if (!table.ok()) return table.error();
  uint32_t slot = static_cast<uint32_t>(roots.size());
  if (free_slots.empty()) {
    roots.emplace_back();
  } else {
    slot = free_slots.back();
    free_slots.pop_back();
  }
  Root& root = roots[slot];
  root.table = *table;
  root.gfn = gfn.v;
  by_gfn[gfn.v] = slot;
  ++tables.counts().roots;
  return slot;
}

void PpgttSet::Impl::drop(uint32_t slot) {
  if (--roots[slot].refs == 0) remove(slot);
}

void PpgttSet::Impl::remove(uint32_t slot) {
  Root& root = roots[slot];
  by_gfn.erase(root.gfn);
  Table* table = root.table;
  const auto next_use = static_cast<uint16_t>(root.use + 1);
  root = Root{};
  root.use = next_use ? next_use : 1;
  free_slots.push_back(slot);
  --tables.counts().roots;
  tables.drop(*table);
}

PpgttSet::PpgttSet(hv::Domain& domain, GpuMemory& gpu, Retired& retired, hv::VgpuId owner,
                   const PpgttLimits& limits, Work* work)
    : impl_(std::make_unique<Impl>(domain, gpu, retired, owner, limits, work)) {}
PpgttSet::~PpgttSet() {
  reset();
  impl_->tables.tidy(true);
}

hv::Status PpgttSet::create(hv::Gpa pml4) {
  const auto slot = impl_->take(pml4);
  if (!slot.ok()) return slot.error();
  if (impl_->roots[*slot].created) {
    impl_->drop(*slot);
    return hv::Error::bad_argument;
  }
  impl_->roots[*slot].created = true;
  return {};
}

hv::Status PpgttSet::destroy(hv::Gpa pml4) {
  const auto it = impl_->by_gfn.find(hv::gfn_of(pml4).v);
  if (it == impl_->by_gfn.end() || !impl_->roots[it->second].created) {
    return hv::Error::bad_argument;
  }
  impl_->roots[it->second].created = false;
  impl_->drop(it->second);
  return {};
}

hv::Result<RootId> PpgttSet::acquire(hv::Gpa pml4) {
  const auto slot = impl_->take(pml4);
  if (!slot.ok()) return slot.error();
  return impl_->id_of(*slot);
}

void PpgttSet::release(RootId root) {
  if (impl_->find(root)) impl_->drop(root.v & 0xffff);
}

void PpgttSet::on_page_write(hv::Gpa address, unsigned size) {
  impl_->tables.on_page_write(address, size);
}
bool PpgttSet::tracks(hv::Gfn gfn) const { return impl_->tables.tracks(gfn); }

hv::Status PpgttSet::sync(RootId root) {
  if (!impl_->find(root)) return hv::Error::bad_argument;
  return impl_->tables.sync();
}

bool PpgttSet::untidy() const { return impl_->tables.untidy(); }
void PpgttSet::tidy() { impl_->tables.tidy(false); }

hv::BusFrame PpgttSet::root_frame(RootId root) const {
  const Impl::Root* r = impl_->find(root);
  return r ? r->table->frame : hv::kNoFrame;
}

hv::Result<hv::Gpa> PpgttSet::translate(RootId root, uint64_t va, bool* writable) const {
  const Impl::Root* r = impl_->find(root);
  if (!r) return hv::Error::bad_argument;
  const Table* t = r->table;
  bool may_write = true;
  for (;;) {
    const unsigned i = gen9::entry_index(va, ppgtt::level_of(t->kind));
    may_write = may_write && (t->guest[i] & gen9::kPteWritable);
    if (ppgtt::is_leaf(t->kind)) {
      if (!t->shadow[i] || impl_->tables.is_scratch(t->shadow[i], gen9::Level::pt)) break;
      if (writable) *writable = may_write;
      return hv::Gpa{gen9::pte_address(t->guest[i]) | (va & hv::kPageMask)};
    }
    t = t->linked_child(i);
    if (!t) break;
  }
  return hv::Error::bad_address;
}

hv::Status PpgttSet::read(RootId root, uint64_t va, std::span<std::byte> to) const {
  while (!to.empty()) {
    const auto at = translate(root, va);
    if (!at.ok()) return at.error();
    const size_t n = std::min<uint64_t>(to.size(), hv::kPageSize - (va & hv::kPageMask));
    if (const hv::Status s = impl_->tables.domain().read(*at, to.first(n)); !s.ok()) return s;
    va += n;
    to = to.subspan(n);
  }
  return {};
}

hv::Result<std::unique_ptr<PpgttSet::View>> PpgttSet::make_view(RootId root) {
  const Impl::Root* r = impl_->find(root);
  if (!r) return hv::Error::bad_argument;
  auto view = ppgtt::View::make(impl_->tables, *r->table);
  if (!view.ok()) return view.error();
  return std::unique_ptr<View>(std::move(*view));
}

void PpgttSet::reset() {
  for (uint32_t slot = 0; slot < impl_->roots.size(); ++slot) {
    if (impl_->roots[slot].table) impl_->remove(slot);
  }
}

const PpgttCounts& PpgttSet::counts() const { return impl_->tables.counts(); }

}  // namespace shadow

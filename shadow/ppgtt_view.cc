// SPDX-License-Identifier: MIT
// Private copies of shadow tables: made on the path to a page, and kept like their source.
#include "shadow/ppgtt_view.h"

#include <utility>

namespace shadow::ppgtt {
namespace {

void attach(ViewTable& v, Table* source) {
  v.source = source;
  if (!source) return;
  v.next_mirror = source->mirrors;
  source->mirrors = &v;
}

void detach(ViewTable& v) {
  if (!v.source) return;
  ViewTable** at = &v.source->mirrors;
  while (*at != &v) at = &(*at)->next_mirror;
  *at = v.next_mirror;
  v.next_mirror = nullptr;
  v.source = nullptr;
}

void set_entry(Tables& tables, ViewTable& v, unsigned i, uint64_t value) {
  const uint64_t was = std::exchange(v.entries[i], value);
  if (was == value) return;
  tables.gpu().write_entry(v.frame, i, value);
  if (was) tables.retired().mark_stale();
}

/// The link to a private table keeps the flags of the shared one's.
uint64_t link_to(const ViewTable& child, const ViewTable& parent, unsigned i) {
  const uint64_t shared = parent.source ? parent.source->shadow[i] : 0;
  const uint64_t flags =
      present(shared) ? shared & kTableFlags : gen9::kPtePresent | gen9::kPteWritable;
  return hv::bus_address(child.frame) | flags;
}

void bind(Tables& tables, ViewTable& v, Table* source);

void follow(Tables& tables, ViewTable& v, unsigned i) {
  if (v.level != gen9::Level::pt) {
    const auto it = v.children.find(i);
    if (it != v.children.end()) {
      Table* below = v.source ? v.source->linked_child(i) : nullptr;
      if (it->second->source != below) bind(tables, *it->second, below);
      return set_entry(tables, v, i, link_to(*it->second, v, i));
    }
  } else if (v.replaced.count(i)) {
    return;
  }
  set_entry(tables, v, i, v.source ? v.source->shadow[i] : 0);
}

void bind(Tables& tables, ViewTable& v, Table* source) {
  tables.work().charge(cost::kTablePage);
  detach(v);
  attach(v, source);
  for (unsigned i = 0; i < gen9::kEntries; ++i) follow(tables, v, i);
}

void release(Tables& tables, ViewTable& v) {
  detach(v);
  for (auto& [i, child] : v.children) release(tables, *child);
  tables.retire_table_page(v.frame);
}

}  // namespace

void mirror_entry(Tables& tables, Table& source, unsigned i) {
  for (ViewTable* v = source.mirrors; v; v = v->next_mirror) follow(tables, *v, i);
}

void detach_mirrors(Tables& tables, Table& source) {
  while (source.mirrors) bind(tables, *source.mirrors, nullptr);
}

hv::Result<std::unique_ptr<View>> View::make(Tables& tables, Table& root) {
  std::unique_ptr<View> view(new View(tables));
  auto copied = view->copy(root, gen9::Level::pml4);
  if (!copied.ok()) return copied.error();
  view->root_ = std::move(*copied);
  return view;
}

View::~View() {
  if (root_) release(tables_, *root_);
}

hv::Result<std::unique_ptr<ViewTable>> View::copy(Table& source, gen9::Level level) {
  const auto frame = tables_.alloc_table_page();
  if (!frame.ok()) return frame.error();
  auto v = std::make_unique<ViewTable>();
  v->level = level;
  v->frame = *frame;
  v->entries = source.shadow;
  tables_.gpu().write_page(v->frame, 0, std::as_bytes(std::span{v->entries}));
  attach(*v, &source);
  return v;
}

hv::Result<ViewTable*> View::private_child(ViewTable& parent, unsigned i) {
  if (const auto it = parent.children.find(i); it != parent.children.end()) {
    return it->second.get();
  }
  Table* source = parent.source ? parent.source->linked_child(i) : nullptr;
  if (!source) return hv::Error::bad_address;
  const auto below = static_cast<gen9::Level>(static_cast<unsigned>(parent.level) - 1);
  auto copied = copy(*source, below);
  if (!copied.ok()) return copied.error();
  ViewTable* child = parent.children.emplace(i, std::move(*copied)).first->second.get();
  set_entry(tables_, parent, i, link_to(*child, parent, i));
  return child;
}

hv::Status View::replace(uint64_t va, hv::BusFrame frame) {
  ViewTable* v = root_.get();
  while (v->level != gen9::Level::pt) {
    const auto child = private_child(*v, gen9::entry_index(va, v->level));
    if (!child.ok()) return child.error();
    v = *child;
  }
  const unsigned i = gen9::entry_index(va, gen9::Level::pt);
  const uint64_t shared = v->source ? v->source->shadow[i] : 0;
  if (!v->replaced.count(i) && !present(shared)) return hv::Error::bad_address;
  // Present and the guest's cacheability, but not writable.
  const uint64_t flags = v->entries[i] & kLeafFlags & ~gen9::kPteWritable;
  v->replaced[i] = hv::bus_address(frame) | flags;
  set_entry(tables_, *v, i, v->replaced[i]);
  return {};
}

}  // namespace shadow::ppgtt

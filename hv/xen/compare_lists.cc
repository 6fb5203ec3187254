// SPDX-License-Identifier: MIT
// What happened to the domains between two lists of them.
#include "hv/xen/watch.h"

namespace hv::xen {
namespace {

using Kind = DomainEvent::Kind;

void compare_one(const DomainInfo& before, const DomainInfo& now, std::vector<DomainEvent>& out) {
  if (now.shut_down && !before.shut_down) out.push_back({Kind::shut_down, now});
  if (now.dying && !before.dying) out.push_back({Kind::dying, now});
}

}  // namespace

std::vector<DomainEvent> compare_lists(const std::vector<DomainInfo>& before,
                                       const std::vector<DomainInfo>& now) {
  std::vector<DomainEvent> out;
  auto b = before.begin();
  for (const DomainInfo& n : now) {
    for (; b != before.end() && b->id < n.id; ++b) out.push_back({Kind::gone, *b});
    const bool known = b != before.end() && b->same_domain(n);
    if (b != before.end() && b->id == n.id) {
      if (!known) out.push_back({Kind::gone, *b});
      ++b;
    }
    if (!known) out.push_back({Kind::born, n});
    compare_one(known ? *(b - 1) : DomainInfo{}, n, out);
  }
  for (; b != before.end(); ++b) out.push_back({Kind::gone, *b});
  return out;
}

}  // namespace hv::xen

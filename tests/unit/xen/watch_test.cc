// SPDX-License-Identifier: MIT
// What happened to the domains, from two lists of them.
#include "hv/xen/watch.h"

#include <gtest/gtest.h>

namespace hv::xen {
namespace {

using Kind = DomainEvent::Kind;

DomainInfo domain(uint16_t id, uint8_t uuid = 1) {
  DomainInfo d;
  d.id = DomId{id};
  d.uuid[0] = uuid;
  return d;
}
using Seen = std::vector<std::pair<Kind, uint16_t>>;
Seen seen(const std::vector<DomainInfo>& before, const std::vector<DomainInfo>& now) {
  Seen out;
  for (const DomainEvent& e : compare_lists(before, now)) out.emplace_back(e.kind, e.info.id.v);
  return out;
}

TEST(DomainEvents, nothing_changed_is_nothing) {
  EXPECT_EQ(seen({domain(1), domain(2)}, {domain(1), domain(2)}), Seen{});
}
TEST(DomainEvents, domains_come_and_go) {
  EXPECT_EQ(seen({domain(1), domain(3)}, {domain(2), domain(3), domain(4)}),
            (Seen{{Kind::gone, 1}, {Kind::born, 2}, {Kind::born, 4}}));
  EXPECT_EQ(seen({domain(1), domain(9)}, {domain(1)}), (Seen{{Kind::gone, 9}}));
}
TEST(DomainEvents, a_number_used_again_is_another_domain) {
  EXPECT_EQ(seen({domain(1, 1)}, {domain(1, 2)}), (Seen{{Kind::gone, 1}, {Kind::born, 1}}));
}
TEST(DomainEvents, shutting_down_and_dying_are_told_once) {
  DomainInfo down = domain(1), dying = domain(1);
  down.shut_down = true;
  dying.shut_down = dying.dying = true;
  EXPECT_EQ(seen({domain(1)}, {down}), (Seen{{Kind::shut_down, 1}}));
  EXPECT_EQ(seen({down}, {dying}), (Seen{{Kind::dying, 1}}));
  EXPECT_EQ(seen({dying}, {dying}), Seen{});
}
TEST(DomainEvents, a_domain_first_seen_dying_is_born_and_dying) {
  DomainInfo dying = domain(5);
  dying.dying = true;
  EXPECT_EQ(seen({}, {dying}), (Seen{{Kind::born, 5}, {Kind::dying, 5}}));
}

}  // namespace
}  // namespace hv::xen

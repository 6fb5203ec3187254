// SPDX-License-Identifier: MIT
// Reading Xen's frame table out of a machine's RAM.
#include "dom0/gpu/proxy/xen_owners.h"

#include "hv/bits.h"
#include "tests/unit/proxy/proxy_world.h"

namespace proxy_test {
namespace {

using namespace xen_layout;
constexpr uint64_t kAllocated = uint64_t{1} << 63;  // its domain has not given it back

class XenOwnersTest : public ::testing::Test {
 protected:
  XenOwnersTest() {
    m.share_ram();
    // A top-level table at frame 7 that maps itself and, through 8, 9 and 10, the frame table
    // at 11.
    put(7, kLinearSlot, 7 << 12 | 3);
    put(7, kFrameTable >> 39 & 511, 8 << 12 | 3);
    put(8, kFrameTable >> 30 & 511, 9 << 12 | 3);
    put(9, kFrameTable >> 21 & 511, 10 << 12 | 3);
    put(10, 0, 11 << 12 | 3);
    put(10, 1, 12 << 12 | 3);
    give(20, 30, kAllocated | 1);
    hv::store(m.ram + (30 << 12), uint16_t{5});  // the structure of domain 5
  }
  void put(uint64_t frame, unsigned index, uint64_t value) {
    hv::store(m.ram + (frame << 12) + index * 8, value);
  }
  void give(uint64_t frame, uint32_t owner, uint64_t count) {
    std::byte* entry = m.ram + (11 << 12) + frame * kEntryBytes;
    hv::store(entry + kCountInfo, count);
    hv::store(entry + kOwner, owner);
  }
  Owner owner(uint64_t frame) { return owners.owner_of(hv::BusFrame{frame}); }
  NoOwners none;
  Machine m{none};
  XenOwners owners{m.memory};
};

TEST_F(XenOwnersTest, KnowsTheDomainOfAFrame) {
  EXPECT_EQ(owner(20), (Owner{Owner::Kind::domain, 5}));
  hv::store(m.ram + (30 << 12), uint16_t{0});
  EXPECT_EQ(owner(20), (Owner{Owner::Kind::domain, 0}));
}
TEST_F(XenOwnersTest, FollowsAFrameThatChangesHands) {
  EXPECT_EQ(owner(20).domain, 5);
  hv::store(m.ram + (31 << 12), uint16_t{6});
  give(20, 31, kAllocated | 1);
  EXPECT_EQ(owner(20).domain, 6);
}
TEST_F(XenOwnersTest, WhatIsFreeOrXensIsNobodys) {
  const Owner nobody{Owner::Kind::hypervisor, 0};
  EXPECT_EQ(owner(21), nobody);
  give(21, 30, kAllocated | kFree);
  EXPECT_EQ(owner(21), nobody) << "free, and to be scrubbed: the same bit as allocated";
  give(21, 30, kOffline | 1);
  EXPECT_EQ(owner(21), nobody);
  give(21, 30, kAllocated | kXenHeap | 1);
  EXPECT_EQ(owner(21), nobody);
  give(21, 0, kAllocated | 1);
  EXPECT_EQ(owner(21), nobody);
  hv::store(m.ram + (30 << 12), uint16_t{0x7ff2});
  EXPECT_EQ(owner(20), nobody) << "a reserved domain";
  EXPECT_EQ(owner(100'000'000), nobody) << "beyond the table";
}
TEST_F(XenOwnersTest, APageThatWasGivenBackIsItsOwnersWhileItIsReferenced) {
  give(21, 30, 1);
  EXPECT_EQ(owner(21), (Owner{Owner::Kind::domain, 5}));
  give(21, 30, kFree);
  EXPECT_EQ(owner(21), (Owner{Owner::Kind::hypervisor, 0}));
}
TEST_F(XenOwnersTest, FindsAnotherTableWhenTheOneItUsedIsGone) {
  EXPECT_EQ(owner(20).domain, 5);
  std::memset(m.ram + (7 << 12), 0, hv::kPageSize);
  put(40, kLinearSlot, 40 << 12 | 3);
  put(40, kFrameTable >> 39 & 511, 8 << 12 | 3);
  const uint64_t next = hv::kPageSize / kEntryBytes;  // the first entry of the next page
  std::byte* entry = m.ram + (12 << 12);
  hv::store(entry + kCountInfo, kAllocated | 1);
  hv::store(entry + kOwner, uint32_t{30});
  EXPECT_EQ(owner(next), (Owner{Owner::Kind::domain, 5}));
}
TEST_F(XenOwnersTest, LooksAgainForTablesThatWereNotThereYetWhenAccessesAreAboutToBegin) {
  const uint64_t self = hv::load<uint64_t>(m.ram + (7 << 12) + kLinearSlot * 8);
  put(7, kLinearSlot, 0);
  EXPECT_EQ(owner(20), Owner{});
  put(7, kLinearSlot, self);
  EXPECT_EQ(owner(20), Owner{}) << "a search takes long, so it is not repeated at each access";
  owners.prepare();
  EXPECT_EQ(owner(20), (Owner{Owner::Kind::domain, 5}));
}
TEST_F(XenOwnersTest, KnowsNothingBeforeXenIsThere) {
  Machine other(none);
  other.share_ram();
  XenOwners empty(other.memory);
  EXPECT_EQ(empty.owner_of(hv::BusFrame{20}), Owner{});
}

}  // namespace
}  // namespace proxy_test

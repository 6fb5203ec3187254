// SPDX-License-Identifier: MIT
// Who may reach what: each rule of the DMA guard, allowed and refused.
#include "dom0/embedded/dma_guard.h"

#include <gtest/gtest.h>

namespace {

using embedded::FrameFacts;
using embedded::judge;
using gpu::model::DmaAccess;
using gpu::model::DmaPurpose;
using shadow::PageUse;
using Kind = hv::local::FrameOwner::Kind;

constexpr hv::VgpuId kMine{1}, kOther{2};
constexpr hv::DomId kMyDomain{7}, kOtherDomain{8};
constexpr uint32_t kLrca = 0x40000;

DmaAccess access(DmaPurpose purpose, bool write = false, bool ggtt = false,
                 uint64_t address = 0x1000) {
  DmaAccess a;
  a.lrca = kLrca;
  a.purpose = purpose;
  a.write = write;
  a.ggtt = ggtt;
  a.address = address;
  a.bytes = 4;
  return a;
}
FrameFacts guest_page(hv::DomId domain) { return {{Kind::guest, domain, {}, 0}, {}, {}}; }
FrameFacts host_page(PageUse use, hv::VgpuId made_for) {
  return {{Kind::host, {}, {}, 0}, use, made_for};
}
bool allowed(const DmaAccess& a, const FrameFacts& f, hv::VgpuId vgpu = kMine) {
  return judge(a, f, vgpu, kMyDomain) == nullptr;
}

TEST(DmaGuard, OwnDataAndPpgttBatchesAreAllowed) {
  EXPECT_TRUE(allowed(access(DmaPurpose::data, true), guest_page(kMyDomain)));
  EXPECT_TRUE(allowed(access(DmaPurpose::batch), guest_page(kMyDomain)));
}

TEST(DmaGuard, PrivilegedFetchesFromGuestPagesAreNot) {
  EXPECT_FALSE(allowed(access(DmaPurpose::batch, false, true), guest_page(kMyDomain)));
  EXPECT_FALSE(allowed(access(DmaPurpose::ring, false, true), guest_page(kMyDomain)));
  EXPECT_FALSE(allowed(access(DmaPurpose::context, true, true), guest_page(kMyDomain)));
  EXPECT_FALSE(allowed(access(DmaPurpose::table_walk), guest_page(kMyDomain)));
  EXPECT_FALSE(allowed(access(DmaPurpose::status, true, true), guest_page(kMyDomain)));
}

TEST(DmaGuard, AnotherGuestsPagesAreNever) {
  for (const auto p : {DmaPurpose::data, DmaPurpose::batch, DmaPurpose::table_walk})
    EXPECT_FALSE(allowed(access(p), guest_page(kOtherDomain)));
}

TEST(DmaGuard, TheHostsOwnContextStaysOutOfGuests) {
  EXPECT_FALSE(allowed(access(DmaPurpose::data), guest_page(kMyDomain), hv::kHostOwner));
}

TEST(DmaGuard, NothingIsNotMemory) { EXPECT_FALSE(allowed(access(DmaPurpose::data), {})); }

TEST(DmaGuard, HostPagesServeTheirPurposeOnly) {
  const auto table = host_page(PageUse::page_table, kMine);
  EXPECT_TRUE(allowed(access(DmaPurpose::table_walk), table));
  EXPECT_FALSE(allowed(access(DmaPurpose::data), table));
  EXPECT_FALSE(allowed(access(DmaPurpose::table_walk, true), table));
  const auto ring = host_page(PageUse::ring, kMine);
  EXPECT_TRUE(allowed(access(DmaPurpose::ring, false, true), ring));
  EXPECT_FALSE(allowed(access(DmaPurpose::data, true), ring));
  const auto batch = host_page(PageUse::batch, kMine);
  EXPECT_TRUE(allowed(access(DmaPurpose::batch), batch));
  EXPECT_FALSE(allowed(access(DmaPurpose::data, true), batch));
  const auto scratch = host_page(PageUse::scratch, hv::kHostOwner);
  EXPECT_TRUE(allowed(access(DmaPurpose::data, true), scratch));
  EXPECT_FALSE(allowed(access(DmaPurpose::ring), scratch));
}

TEST(DmaGuard, AContextImageIsSavedAndRestoredAndItsFirstPageStoredInto) {
  const auto image = host_page(PageUse::context, kMine);
  EXPECT_TRUE(allowed(access(DmaPurpose::context, true, true, kLrca + 0x1000), image));
  EXPECT_TRUE(allowed(access(DmaPurpose::data, true, true, kLrca + 0xd0), image));
  EXPECT_FALSE(allowed(access(DmaPurpose::data, true, true, kLrca + 0x1000), image));
  EXPECT_FALSE(allowed(access(DmaPurpose::data, true), image));
  EXPECT_FALSE(allowed(access(DmaPurpose::batch, false, true, kLrca), image));
}

TEST(DmaGuard, HostPagesOfAnotherVgpuAreNever) {
  for (const auto use : {PageUse::scratch, PageUse::page_table, PageUse::context, PageUse::ring,
                         PageUse::batch, PageUse::status})
    for (const auto p : {DmaPurpose::table_walk, DmaPurpose::context, DmaPurpose::ring,
                         DmaPurpose::batch, DmaPurpose::data, DmaPurpose::status})
      EXPECT_FALSE(allowed(access(p), host_page(use, kOther)));
}

TEST(DmaGuard, TheHostsOwnRingIsNotAGuests) {
  EXPECT_FALSE(
      allowed(access(DmaPurpose::ring, false, true), host_page(PageUse::ring, hv::kHostOwner)));
  EXPECT_TRUE(
      allowed(access(DmaPurpose::status, true, true), host_page(PageUse::status, hv::kHostOwner)));
}

}  // namespace

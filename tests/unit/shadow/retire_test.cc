// SPDX-License-Identifier: MIT
// What waits for a TLB invalidation, GGTT space, and host objects.
#include "shadow/retire.h"

#include <gtest/gtest.h>

#include "shadow/gen9/pte.h"
#include "shadow/host_object.h"
#include "tests/fake/fake_domain.h"
#include "tests/fake/fake_gpu_memory.h"

namespace shadow {
namespace {

using hv::Gfn;
using hv::GmAddr;
constexpr hv::VgpuId kOwner{1};

struct RetiredTest : testing::Test {
  fake::FakeDomain domain, other{1 << 20, hv::DomId{2}};
  fake::FakeGpuMemory gpu;
  GgttSpace space{0x100000, 64 * hv::kPageSize};
  Retired retired{gpu, space};
  void pin(fake::FakeDomain& d, uint64_t gfn) {
    hv::BusFrame frame;
    const Gfn g{gfn};
    d.pin({&g, 1}, {&frame, 1});
  }
};

TEST_F(RetiredTest, DropsNothingBeforeTheInvalidation) {
  pin(domain, 3);
  pin(other, 4);
  const hv::BusFrame page = *gpu.alloc_page(PageUse::page_table, kOwner);
  const GmAddr range = *space.alloc(2);
  retired.pin(domain, Gfn{3});
  retired.pin(other, Gfn{4});
  retired.page(page);
  retired.ggtt_range(range, 2);
  EXPECT_TRUE(retired.pending());
  EXPECT_EQ(domain.total_pins(), 1u);
  EXPECT_EQ(gpu.pages.size(), 1u);
  EXPECT_EQ(space.free_pages(), 62u);
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(gpu.invalidations, 1u);
  EXPECT_EQ(domain.total_pins() + other.total_pins(), 0u);
  EXPECT_TRUE(gpu.pages.empty());
  EXPECT_EQ(space.free_pages(), 64u);
  EXPECT_FALSE(retired.pending());
}

TEST_F(RetiredTest, AFailedInvalidationKeepsEverything) {
  pin(domain, 3);
  retired.pin(domain, Gfn{3});
  gpu.fail_invalidate_at = 1;
  EXPECT_FALSE(retired.flush().ok());
  EXPECT_EQ(domain.total_pins(), 1u);
  EXPECT_TRUE(retired.pending());
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(domain.total_pins(), 0u);
}

TEST_F(RetiredTest, InvalidatesOnlyWhenThereIsAReason) {
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(gpu.invalidations, 0u);
  retired.mark_stale();
  ASSERT_TRUE(retired.flush().ok());
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_EQ(gpu.invalidations, 1u);
}

TEST_F(RetiredTest, ManyParkedPinsFlushThemselves) {
  for (int i = 0; i < 8192; ++i) retired.pin(domain, Gfn{3});
  EXPECT_EQ(gpu.invalidations, 1u);
  EXPECT_FALSE(retired.pending());
}

TEST(GgttSpace, FirstFitAndMergesHoles) {
  GgttSpace s{0x10000, 8 * hv::kPageSize};
  const GmAddr a = *s.alloc(2), b = *s.alloc(2), c = *s.alloc(2);
  EXPECT_EQ(a.v, 0x10000u);
  EXPECT_EQ(c.v, 0x14000u);
  EXPECT_EQ(s.alloc(3).error(), hv::Error::no_memory);
  EXPECT_EQ(s.alloc(0).error(), hv::Error::bad_argument);
  s.free(a, 2);
  s.free(c, 2);
  EXPECT_EQ(s.alloc(5).error(), hv::Error::no_memory);
  EXPECT_EQ(s.alloc(4)->v, 0x14000u);
  s.free(GmAddr{0x14000}, 4);
  s.free(b, 2);
  EXPECT_EQ(s.free_pages(), 8u);
  EXPECT_EQ(s.alloc(8)->v, 0x10000u);
}

TEST_F(RetiredTest, AHostObjectIsMappedSideBySideAndRetired) {
  GmAddr base;
  {
    auto made = HostObject::create(gpu, space, retired, PageUse::ring, kOwner, 3);
    ASSERT_TRUE(made.ok());
    HostObject object = std::move(*made);
    EXPECT_FALSE(made->valid());
    base = object.base();
    for (unsigned i = 0; i < 3; ++i) {
      EXPECT_EQ(gpu.ggtt_entry((base.v >> 12) + i), hv::bus_address(object.frame(i)) | 1);
      EXPECT_EQ(gpu.pages[object.frame(i).v].use, PageUse::ring);
    }
    EXPECT_TRUE(retired.pending());
    std::vector<std::byte> in(5000, std::byte{7}), out(5000);
    object.write(4000, in);
    object.read(4000, out);
    EXPECT_EQ(in, out);
    EXPECT_EQ(gpu.violations, 0u);
    ASSERT_TRUE(retired.flush().ok());
  }
  EXPECT_TRUE(gpu.ggtt.empty());
  EXPECT_EQ(gpu.pages.size(), 3u);
  ASSERT_TRUE(retired.flush().ok());
  EXPECT_TRUE(gpu.pages.empty());
  EXPECT_EQ(space.free_pages(), 64u);
}

TEST_F(RetiredTest, AHostObjectThatCannotBeMadeLeavesNothing) {
  for (uint64_t n = 1; n <= 4; ++n) {
    gpu.fail_alloc_at = n;
    EXPECT_FALSE(HostObject::create(gpu, space, retired, PageUse::batch, kOwner, 4).ok());
    EXPECT_TRUE(gpu.pages.empty());
    EXPECT_TRUE(gpu.ggtt.empty());
    EXPECT_EQ(space.free_pages(), 64u);
  }
  EXPECT_EQ(HostObject::create(gpu, space, retired, PageUse::batch, kOwner, 65).error(),
            hv::Error::no_memory);
}

}  // namespace
}  // namespace shadow

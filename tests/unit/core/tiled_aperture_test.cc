// SPDX-License-Identifier: MIT
// The aperture under a fence, on a host whose GPU has one of its own to show it through.
#include "tests/unit/core/core_world.h"

namespace core_test {
namespace {

constexpr uint64_t kBar2 = 0xe0000000;

/// A guest's domain whose tiled pages can be shown.
class TilingDomain final : public hv::Domain {
 public:
  explicit TilingDomain(hv::local::LocalDomain& d) : d_(d) {}
  [[nodiscard]] hv::DomId id() const override { return d_.id(); }
  hv::Status read(hv::Gpa a, std::span<std::byte> to) override { return d_.read(a, to); }
  hv::Status write(hv::Gpa a, std::span<const std::byte> b) override { return d_.write(a, b); }
  void pin(std::span<const hv::Gfn> g, std::span<hv::BusFrame> f) override { d_.pin(g, f); }
  void unpin(std::span<const hv::Gfn> g) override { d_.unpin(g); }
  hv::Status protect(hv::Gfn g) override { return d_.protect(g); }
  hv::Status unprotect(hv::Gfn g) override { return d_.unprotect(g); }
  hv::Status place(hv::Range r, hv::Gpa at, uint64_t n) override { return d_.place(r, at, n); }
  hv::Status remove(hv::Range r) override { return d_.remove(r); }
  hv::Result<std::span<std::byte>> register_pages(hv::Range r, uint64_t at, uint64_t n) override {
    return d_.register_pages(r, at, n);
  }
  hv::Status set_direct_read(hv::Range r, uint64_t at, uint64_t n, bool on) override {
    return d_.set_direct_read(r, at, n, on);
  }
  hv::Status inject_msi(uint64_t a, uint32_t d) override { return d_.inject_msi(a, d); }
  hv::Status show_tiled(hv::Range, uint64_t offset, std::span<const hv::Gfn> gfns,
                        uint64_t fence) override {
    ++asked;
    if (!answer.ok()) return answer;
    tiled[offset >> 12] = {gfns.size(), gfns.front().v, fence};
    return {};
  }
  void hide_ram(hv::Range, uint64_t offset, uint64_t pages) override {
    const uint64_t first = offset >> 12;
    std::erase_if(tiled, [&](const auto& t) {
      return t.first < first + pages && first < t.first + t.second.pages;
    });
  }
  struct Tiled {
    uint64_t pages = 0, gfn = 0, fence = 0;
  };
  std::map<uint64_t, Tiled> tiled;  ///< by first page
  unsigned asked = 0;
  hv::Status answer;

 private:
  hv::local::LocalDomain& d_;
};

struct TiledApertureTest : CoreWorld {
  void SetUp() override {
    CoreWorld::SetUp();
    vgpu = mediator->create_vgpu(domain, {}).value();
    traps = mediator->traps(vgpu);
    (void)traps->on_read(hv::Range::bar0, gen9::kPvInfo, 8);
    for (uint64_t page = 0x200; page < 0x240; ++page) entry(page, (page + 0x100) << 12 | 1);
  }
  void TearDown() override {
    mediator->destroy_vgpu(vgpu);
    EXPECT_TRUE(domain.tiled.empty());
    CoreWorld::TearDown();
  }
  void entry(uint64_t page, uint64_t value) {
    traps->on_write(hv::Range::bar0, gen9::kGttOffset + page * 8, 8, value);
  }
  static uint64_t reg(uint64_t first, uint64_t last, uint64_t pitch = 7) {
    return last << 44 | pitch << 32 | first << 12 | 1;
  }
  void fence(unsigned n, uint64_t value) {
    traps->on_write(hv::Range::bar0, gen9::kFence0 + 8 * n, 8, value);
  }
  void touch(uint64_t page, unsigned times = 32) {
    for (uint64_t i = 0; i < times; ++i)
      (void)traps->on_read(hv::Range::bar2, page << 12 | i * 8, 8);
  }
  hv::local::LocalDomain local{machine, hv::DomId{7}, "guest", kRamBytes};
  TilingDomain domain{local};
  hv::VgpuId vgpu{};
  hv::TrapHandler* traps = nullptr;
};

TEST_F(TiledApertureTest, a_long_row_under_a_fence_shows_the_whole_region) {
  fence(0, reg(0x202, 0x209));
  touch(0x204, 31);
  EXPECT_EQ(domain.asked, 0u);
  touch(0x204, 1);
  ASSERT_EQ(domain.tiled.size(), 1u);
  const auto& t = domain.tiled.at(0x202);
  EXPECT_EQ(t.pages, 8u);
  EXPECT_EQ(t.gfn, 0x302u);
  EXPECT_EQ(t.fence, reg(0x202, 0x209));
}
TEST_F(TiledApertureTest, it_is_taken_back_when_the_fence_is_cleared_or_changes) {
  fence(0, reg(0x202, 0x209));
  touch(0x204);
  fence(1, reg(0x220, 0x223));
  EXPECT_EQ(domain.tiled.size(), 1u) << "another fence";
  fence(0, 0);
  EXPECT_TRUE(domain.tiled.empty());
  fence(0, reg(0x202, 0x209));
  touch(0x204);
  fence(0, reg(0x202, 0x209, 15));
  EXPECT_TRUE(domain.tiled.empty());
  touch(0x204);
  ASSERT_EQ(domain.tiled.size(), 1u);
  EXPECT_EQ(domain.tiled.begin()->second.fence, reg(0x202, 0x209, 15));
}
TEST_F(TiledApertureTest, it_is_taken_back_when_an_entry_changes) {
  fence(0, reg(0x202, 0x209));
  touch(0x204);
  entry(0x206, uint64_t{0x777} << 12 | 1);
  EXPECT_TRUE(domain.tiled.empty());
  touch(0x204);
  EXPECT_EQ(domain.tiled.size(), 1u);
  entry(0x206, 0);
  EXPECT_TRUE(domain.tiled.empty());
  touch(0x204, 100);
  EXPECT_TRUE(domain.tiled.empty()) << "a page of it is missing";
}
TEST_F(TiledApertureTest, fences_over_each_other_go_on_being_emulated) {
  fence(0, reg(0x202, 0x209));
  fence(1, reg(0x209, 0x210));
  touch(0x204, 100);
  touch(0x20a, 100);
  EXPECT_EQ(domain.asked, 0u);
}
TEST_F(TiledApertureTest, a_region_that_is_refused_is_not_asked_for_again) {
  domain.answer = hv::Error::no_memory;
  fence(0, reg(0x202, 0x209));
  touch(0x204, 200);
  EXPECT_EQ(domain.asked, 1u);
  domain.answer = {};
  fence(0, reg(0x202, 0x209));
  touch(0x204);
  EXPECT_EQ(domain.asked, 2u);
  EXPECT_EQ(domain.tiled.size(), 1u);
}
TEST_F(TiledApertureTest, where_no_gpu_can_show_it_nobody_asks_twice) {
  domain.answer = hv::Error::not_supported;
  fence(0, reg(0x202, 0x209));
  touch(0x204, 100);
  fence(0, reg(0x202, 0x20a));
  touch(0x204, 100);
  EXPECT_EQ(domain.asked, 1u);
}
TEST_F(TiledApertureTest, no_fence_is_too_large_for_its_window) {
  fence(0, reg(0x200, 0xfffff));
  touch(0x204, 100);
  EXPECT_EQ(domain.asked, 0u);
}

}  // namespace
}  // namespace core_test

// SPDX-License-Identifier: MIT
// A guest's tiled pages behind part of the GPU's own aperture: with a reference for as long as the
// GPU may lead to them, and gone when they must be.
#include <gmock/gmock.h>

#include "hv/xen/machine_frames.h"
#include "hv/xen/shown_pages.h"
#include "tests/unit/xen/xen_world.h"

namespace hv::xen {
namespace {

constexpr uint64_t kPart = 0x80000;  // machine frames of the aperture
constexpr uint64_t kFence = 7;

class FakeTiled final : public TiledAperture {
 public:
  explicit FakeTiled(fake::FakeXen& xen) : xen_(xen) {}
  Result<BusFrame> take(std::span<const BusFrame> frames, uint64_t fence) override {
    if (parts.size() >= fences) return Error::no_memory;
    const uint64_t at = kPart + 0x100 * taken++;
    parts[at] = {frames.begin(), frames.end()};
    for (uint64_t i = 0; i < frames.size(); ++i) xen_.device.insert(at + i);
    last_fence = fence;
    return BusFrame{at};
  }
  bool give_back(BusFrame first) override {
    for (const auto& [gfn, frame] : xen_.shown)
      reached |= frame >= first.v && frame < first.v + parts[first.v].size();
    if (stuck) return false;
    parts.erase(first.v);
    return true;
  }
  void stop() override { stopped = true; }
  std::map<uint64_t, std::vector<BusFrame>> parts;
  size_t fences = 2, taken = 0;
  uint64_t last_fence = 0;
  bool stopped = false, stuck = false,
       reached = false;  ///< given back while the guest could reach it

 private:
  fake::FakeXen& xen_;
};

class TiledPagesTest : public XenWorld {
 protected:
  void SetUp() override {
    machine = std::move(MachineFrames::open(xen.own_tables()).value());
    config.show = machine.get();
    config.tiled = &tiled;
    ASSERT_EQ(open(), "");
    ASSERT_TRUE(domain->place(Range::bar2, Gpa{kBar2}, kBar2Bytes).ok());
  }
  void TearDown() override {
    domain.reset();
    EXPECT_TRUE(xen.shown.empty());
    EXPECT_TRUE(xen.allowed.empty());
    EXPECT_EQ(xen.mapped_pages, 0);
    EXPECT_FALSE(tiled.reached);
    EXPECT_EQ(tiled.parts.empty(), !tiled.stuck);
  }
  Status show(uint64_t page, std::vector<uint64_t> pages) {
    std::vector<Gfn> gfns;
    for (const uint64_t g : pages) gfns.emplace_back(g);
    return domain->show_tiled(Range::bar2, page << kPageShift, gfns, kFence);
  }
  uint64_t shown_at(uint64_t page) {
    const auto it = xen.shown.find((kBar2 >> kPageShift) + page);
    return it == xen.shown.end() ? 0 : it->second;
  }
  void expect_nothing_held() {
    EXPECT_TRUE(xen.shown.empty());
    EXPECT_TRUE(xen.allowed.empty());
    EXPECT_TRUE(tiled.parts.empty());
    EXPECT_EQ(domain->pinned_frames(), 0u);
  }
  FakeTiled tiled{xen};
  std::unique_ptr<MachineFrames> machine;
};

TEST_F(TiledPagesTest, the_guest_finds_the_aperture_in_one_piece) {
  ASSERT_TRUE(show(3, {17, 30, 18}).ok());
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(shown_at(3 + i), kPart + i);
  EXPECT_EQ(tiled.last_fence, kFence);
  EXPECT_EQ(domain->pinned_frames(), 3u);
  ASSERT_EQ(tiled.parts.at(kPart).size(), 3u);
  for (size_t i = 0; i < 3; ++i)
    EXPECT_TRUE(machine->is_guest_frame(tiled.parts.at(kPart)[i], std::array{17, 30, 18}[i]));
}
TEST_F(TiledPagesTest, hiding_a_page_takes_all_of_it) {
  ASSERT_TRUE(show(3, {17, 30, 18}).ok());
  domain->hide_ram(Range::bar2, 4 * kPageSize, 1);
  expect_nothing_held();
}
TEST_F(TiledPagesTest, a_page_that_is_protected_takes_all_of_it) {
  ASSERT_TRUE(show(0, {10, 11}).ok());
  ASSERT_TRUE(domain->protect(Gfn{11}).ok());
  expect_nothing_held();
  EXPECT_FALSE(show(0, {10, 11}).ok());
  expect_nothing_held();
}
TEST_F(TiledPagesTest, memory_given_back_takes_all_of_it) {
  ASSERT_TRUE(show(0, {10, 11}).ok());
  ASSERT_TRUE(show(5, {20, 21}).ok());
  xen.remove_page(11);
  xen.io({.address = 0,
          .data = ~uint64_t{0},
          .count = 0,
          .size = 8,
          .port = 0,
          .pad = 0,
          .flags = 0,
          .type = IoType::invalidate});
  EXPECT_EQ(tiled.parts.size(), 1u);
  EXPECT_EQ(shown_at(0), 0u);
  EXPECT_NE(shown_at(5), 0u);
}
TEST_F(TiledPagesTest, moving_the_bar_withdraws_it) {
  ASSERT_TRUE(show(0, {10}).ok());
  ASSERT_TRUE(domain->place(Range::bar2, Gpa{0xc0000000}, kBar2Bytes).ok());
  expect_nothing_held();
  ASSERT_TRUE(show(0, {10}).ok());
  EXPECT_TRUE(xen.shown.contains(0xc0000000 >> kPageShift));
}
TEST_F(TiledPagesTest, closing_withdraws_it) {
  ASSERT_TRUE(show(0, {10}).ok());
  domain->close();
  EXPECT_TRUE(tiled.parts.empty());
}
TEST_F(TiledPagesTest, without_a_fence_left_the_oldest_traps_again) {
  ASSERT_TRUE(show(0, {10}).ok());
  ASSERT_TRUE(show(1, {11}).ok());
  ASSERT_TRUE(show(2, {12}).ok());
  EXPECT_EQ(shown_at(0), 0u);
  EXPECT_EQ(tiled.parts.size(), 2u);
  tiled.fences = 0;
  EXPECT_EQ(show(3, {13}).error(), Error::no_memory);
  expect_nothing_held();
}
TEST_F(TiledPagesTest, a_gpu_that_may_lead_there_yet_keeps_the_reference) {
  ASSERT_TRUE(show(0, {10, 11}).ok());
  tiled.stuck = true;
  domain->hide_ram(Range::bar2, 0, 2);
  EXPECT_TRUE(xen.shown.empty());
  EXPECT_EQ(domain->pinned_frames(), 2u);
}
TEST_F(TiledPagesTest, refusals_of_xen_leave_nothing_behind) {
  for (const char* call : {"allow_frames", "map_frames"}) {
    xen.fail[call] = EPERM;
    EXPECT_FALSE(show(0, {10, 11}).ok());
    expect_nothing_held();
  }
  EXPECT_TRUE(show(0, {10, 11}).ok());
}
TEST_F(TiledPagesTest, a_mapping_that_stays_leads_nowhere_when_the_frames_are_let_go) {
  ASSERT_TRUE(show(0, {10, 11}).ok());
  xen.broken["unmap_frames"] = EIO;
  domain->hide_ram(Range::bar2, 0, 2);
  EXPECT_EQ(domain->pinned_frames(), 2u);
  EXPECT_EQ(tiled.parts.size(), 1u);
  EXPECT_FALSE(tiled.stopped);
  domain.reset();
  EXPECT_TRUE(tiled.parts.empty());
  EXPECT_TRUE(tiled.stopped) << "or another guest's would stand there";
  xen.shown.clear(), xen.allowed.clear();
  tiled.reached = false;
}
TEST_F(TiledPagesTest, what_an_ended_process_left_and_stays_is_nobody_elses_place) {
  ASSERT_TRUE(show(0, {10, 11}).ok());
  const Record record = domain->record();
  ASSERT_EQ(record.shown.size(), 1u);
  const auto left = xen.shown;
  domain->leave();
  xen.shown = left;
  xen.broken["unmap_frames"] = EIO;
  domain = std::move(XenDomain::adopt(DomId{7}, config, record, xen.calls()).value());
  EXPECT_TRUE(tiled.stopped);
  xen.broken.clear();
  xen.shown.clear();
  domain->resume();
}
TEST_F(TiledPagesTest, what_is_not_all_the_guests_ram_is_refused) {
  EXPECT_FALSE(show(0, {10, 100000}).ok());
  EXPECT_FALSE(show(0, {10, 10}).ok());
  EXPECT_FALSE(show(kBar2Bytes >> kPageShift, {10}).ok());
  EXPECT_FALSE(show(0, {}).ok());
  xen.m2p_wrong = true;
  EXPECT_FALSE(show(0, {10}).ok());
  expect_nothing_held();
}
TEST_F(TiledPagesTest, a_page_is_in_one_place_only) {
  const Gfn g{11};
  ASSERT_EQ(domain->show_ram(Range::bar2, 8 * kPageSize, {&g, 1}).value(), 1u);
  ASSERT_TRUE(show(0, {10, 11}).ok());
  EXPECT_EQ(shown_at(8), 0u);
  ASSERT_EQ(domain->show_ram(Range::bar2, 8 * kPageSize, {&g, 1}).value(), 1u);
  EXPECT_EQ(shown_at(0), 0u);
}

}  // namespace
}  // namespace hv::xen

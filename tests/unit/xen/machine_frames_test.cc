// SPDX-License-Identifier: MIT
// The walk that gives frames to silicon: page tables of a made-up machine, right and wrong.
#include "hv/xen/machine_frames.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>

#include "tests/fake/fake_tables.h"

namespace hv::xen {
namespace {

using fake::FakeTables;

class MachineFramesTest : public testing::Test {
 protected:
  MachineFramesTest() {
    auto owned = std::make_unique<FakeTables>();
    tables = owned.get();
    memory = static_cast<std::byte*>(mmap(nullptr, kPages * kPageSize, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (uint64_t i = 0; i < kPages; ++i) tables->map(memory + i * kPageSize, 0x5000 + i, 10 + i);
    frames = std::move(MachineFrames::open(std::move(owned)).value());
    tables->reads = 0;
  }
  ~MachineFramesTest() override { munmap(memory, kPages * kPageSize); }
  BusFrame frame(unsigned page, uint64_t gfn) {
    return frames->foreign(memory + page * kPageSize, gfn);
  }
  static constexpr uint64_t kPages = 600;  // more than one table of leaves
  FakeTables* tables;
  std::byte* memory;
  std::unique_ptr<MachineFrames> frames;
};

TEST_F(MachineFramesTest, gives_each_page_its_frame) {
  std::array<uint64_t, kPages> gfns;
  std::array<BusFrame, kPages> found;
  for (uint64_t i = 0; i < kPages; ++i) gfns[i] = 10 + i;
  frames->foreign(memory, gfns, found);
  for (uint64_t i = 0; i < kPages; ++i) ASSERT_EQ(found[i].v, 0x5000 + i);
  EXPECT_EQ(frames->refusals(), 0u);
  EXPECT_LE(tables->reads, 6u) << "neighbours share their tables";
}
TEST_F(MachineFramesTest, refuses_a_frame_that_xen_calls_otherwise) {
  EXPECT_EQ(frame(0, 11), kNoFrame) << "another page of the guest was wanted";
  tables->m2p[0x5001] = 999;
  EXPECT_EQ(frame(1, 11), kNoFrame) << "the guest gave it away meanwhile";
  tables->m2p.erase(0x5002);
  EXPECT_EQ(frame(2, 12), kNoFrame) << "beyond the machine's end";
  EXPECT_EQ(frame(2, kNoGuestFrame), kNoFrame) << "no name is no name to agree on";
  EXPECT_EQ(frames->refusals(), 3u);
}
TEST_F(MachineFramesTest, refuses_what_is_not_mapped_writable_for_a_user) {
  for (const uint64_t missing : {1, 2, 4}) {
    uint64_t& e = tables->entry(memory);
    const uint64_t good = e;
    e &= ~missing;
    EXPECT_EQ(frame(0, 10), kNoFrame) << missing;
    e = good;
    EXPECT_EQ(frame(0, 10).v, 0x5000u);
  }
}
TEST_F(MachineFramesTest, refuses_when_any_level_is_missing_or_large_or_unreadable) {
  for (unsigned level = 1; level <= 3; ++level) {
    uint64_t& e = tables->entry(memory, level);
    const uint64_t good = e;
    for (const uint64_t bad : {good & ~uint64_t{1}, good | 1 << 7, uint64_t{0x77777} << 12 | 7}) {
      e = bad;
      EXPECT_EQ(frame(0, 10), kNoFrame) << "level " << level << " entry " << bad;
    }
    e = good;
  }
  EXPECT_EQ(frame(0, 10).v, 0x5000u);
}
TEST_F(MachineFramesTest, refuses_frames_that_the_gpu_cannot_address) {
  tables->map(memory, kMachineFrameLimit, 10);
  EXPECT_EQ(frame(0, 10), kNoFrame);
  tables->map(memory, 0, 10);
  EXPECT_EQ(frame(0, 10), kNoFrame) << "frame 0";
  tables->map(memory, kMachineFrameLimit - 1, 10);
  EXPECT_EQ(frame(0, 10).v, kMachineFrameLimit - 1);
}
TEST_F(MachineFramesTest, looks_again_each_time) {
  EXPECT_EQ(frame(0, 10).v, 0x5000u);
  tables->map(memory, 0x7000, 10);
  EXPECT_EQ(frame(0, 10).v, 0x7000u);
}
TEST_F(MachineFramesTest, own_pages_are_proven_by_what_they_hold) {
  std::array<BusFrame, 3> found;
  memory[5] = std::byte{1};
  ASSERT_TRUE(frames->own(memory, found).ok());
  EXPECT_EQ(found[2].v, 0x5002u);
  EXPECT_EQ(memory[5], std::byte{0});
  EXPECT_EQ(memory[0], std::byte{0});
  tables->pages[0x5001] = memory;  // the entry leads to another page
  EXPECT_FALSE(frames->own(memory, found).ok());
  EXPECT_EQ(found[1], kNoFrame);
}
TEST_F(MachineFramesTest, guesses_until_a_root_leads_to_our_own_page) {
  auto other = std::make_unique<FakeTables>();
  other->wrong_guesses = 5;
  EXPECT_TRUE(MachineFrames::open(std::move(other)).ok());
}
TEST_F(MachineFramesTest, believes_no_root_that_does_not) {
  auto other = std::make_unique<FakeTables>();
  other->wrong_guesses = 1000;
  auto opened = MachineFrames::open(std::move(other));
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().find("page tables cannot be found"), std::string::npos);
}
TEST(MachineHost, refuses_where_addresses_would_be_others) {
  EXPECT_EQ(unsuitable_host("PV", "dom0_mem=1G iommu=verbose dom0-iommu=map-inclusive"), "");
  EXPECT_EQ(unsuitable_host("PV", ""), "");
  EXPECT_NE(unsuitable_host("PVH", "").find("PV dom0"), std::string::npos);
  EXPECT_NE(unsuitable_host("", "").find("PV dom0"), std::string::npos);
  EXPECT_NE(unsuitable_host("PV", "dom0_mem=1G dom0-iommu=strict"), "");
  EXPECT_NE(unsuitable_host("PV", "dom0-iommu=none,strict x"), "");
  EXPECT_NE(unsuitable_host("PV", "iommu=on,dom0-strict"), "");
}

}  // namespace
}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// Translation: page sizes, permissions, canonical addresses, faults, and TLBs that stay stale.
#include "tests/unit/model/model_fixture.h"

namespace {

using gen9::EngineId;
namespace mi = fake::mi;
namespace rel = gen9::rel;

struct MmuTest : fake::ModelTest {
  /// Stores `value` to a PPGTT address from a ring command.
  void store(uint64_t va, uint32_t value) { run_ring(mi::store(va, value)); }
  uint32_t at(hv::BusFrame frame, unsigned page_number) {
    return hv::load<uint32_t>(world.memory.page(hv::BusFrame{frame.v + page_number}));
  }
};

TEST_F(MmuTest, WritesThroughA4KPage) {
  store(kData, 11);
  EXPECT_EQ(data32(), 11u);
}

TEST_F(MmuTest, IgnoresTheCanonicalUpperBits) {
  space.alloc(0x800000000000);
  store(0xffff800000000000, 12);
  EXPECT_FALSE(faulted());
}

TEST_F(MmuTest, A64KPageUsesItsFirstEntryForAll) {
  world.model.write32(0x4080, 0xf);
  const hv::BusFrame run = world.memory.alloc_run(16, 16);
  space.map_64k(0x200000, run);
  store(0x200000 + 7 * 0x1000, 13);
  EXPECT_EQ(at(run, 7), 13u);
}

TEST_F(MmuTest, A64KMarkMeansNothingUntilEnabled) {
  const hv::BusFrame run = world.memory.alloc_run(16, 16);
  space.map_64k(0x200000, run);
  store(0x200000, 13);
  EXPECT_EQ(at(run, 0), 13u);
  store(0x200000 + 7 * 0x1000, 13);  // its own entry is empty
  EXPECT_TRUE(faulted());
}

TEST_F(MmuTest, A2MPageCoversAllOfIt) {
  const hv::BusFrame run = world.memory.alloc_run(512, 512);
  space.map_2m(0x40000000, run);
  store(0x40000000 + 511 * 0x1000, 14);
  EXPECT_EQ(at(run, 511), 14u);
}

TEST_F(MmuTest, A1GPageIsAFault) {
  *space.entry(0x80000000, gen9::Level::pdp) = gen9::kPtePresent | gen9::kPdePageSize;
  store(0x80000000, 1);
  EXPECT_TRUE(faulted());
}

TEST_F(MmuTest, AReadOnlyPageDropsWritesAndFaults) {
  std::byte* page_ro = space.alloc(0x300000, 1, false);
  hv::store<uint32_t>(page_ro, 5);
  store(0x300000, 6);
  EXPECT_EQ(hv::load<uint32_t>(page_ro), 5u);
  EXPECT_TRUE(faulted());
  run_ring(mi::lrm(0x2600, 0x300000));  // reads are fine
  EXPECT_EQ(gpr(0), 5u);
}

TEST_F(MmuTest, AReadOnlyDirectoryProtectsWhatIsBelow) {
  *space.entry(kData, gen9::Level::pd) &= ~gen9::kPteWritable;
  store(kData, 6);
  EXPECT_EQ(data32(), 0u);
}

TEST_F(MmuTest, RecordsWhoFaultedWhere) {
  store(0x123456789000, 1);
  const uint32_t fault = world.model.read32(gen9::kRingFault);
  EXPECT_EQ(fault & 1, 1u);
  EXPECT_EQ(fault >> 1 & 3, 1u);  // a directory was missing
  EXPECT_EQ(fault >> 12 & 7, gen9::info(EngineId::rcs).fault_id);
  EXPECT_EQ(world.model.read32(gen9::kFaultTlbData0), 0x23456789u);
  EXPECT_EQ(world.model.read32(gen9::kFaultTlbData1), 1u);
}

TEST_F(MmuTest, TheFirstFaultStaysUntilCleared) {
  store(0x111000, 1);
  store(0x222000, 1);
  EXPECT_EQ(world.model.read32(gen9::kFaultTlbData0), 0x111u);
  world.model.write32(gen9::kRingFault, 0);
  store(0x222000, 1);
  EXPECT_EQ(world.model.read32(gen9::kFaultTlbData0), 0x222u);
}

TEST_F(MmuTest, AGgttFaultSaysSo) {
  run_ring(mi::store(0xfff00000, 1, true));
  EXPECT_EQ(world.model.read32(gen9::kFaultTlbData1) & 0x10, 0x10u);
}

TEST_F(MmuTest, AnUnmappedReadGivesZero) {
  run_ring(mi::join({mi::lri(0x2600, 99), mi::lrm(0x2600, 0x555000)}));
  EXPECT_EQ(gpr(0), 0u);
  EXPECT_TRUE(faulted());
}

TEST_F(MmuTest, FetchingFromAnUnmappedPageHangs) {
  run_ring(mi::batch_start(0x666000));
  EXPECT_TRUE(hangs());
  EXPECT_EQ(world.model.read32(gen9::kFaultTlbData0), 0x666u);
}

TEST_F(MmuTest, NoMemoryBehindAFrameReadsAllOnes) {
  space.map(0x700000, hv::BusFrame{1});
  run_ring(mi::lrm(0x2600, 0x700000));
  EXPECT_EQ(gpr(0), 0xffffffffu);
  EXPECT_FALSE(faulted());
}

struct TlbTest : MmuTest {
  TlbTest() { store(kData, 1); }  // cached from here on
  std::byte* remap() {
    const hv::BusFrame frame = world.memory.alloc_run(1);
    space.map(kData, frame);
    return world.memory.page(frame);
  }
  static uint32_t word(const std::byte* p) { return hv::load<uint32_t>(p); }
};

TEST_F(TlbTest, AForgottenPpgttFlushShows) {
  std::byte* fresh = remap();
  store(kData, 2);
  EXPECT_EQ(data32(), 2u);
  EXPECT_EQ(word(fresh), 0u);
}

TEST_F(TlbTest, TheEnginesInvalidationRegisterFlushes) {
  std::byte* fresh = remap();
  world.model.write32(gen9::info(EngineId::rcs).tlb_reg, 1);
  EXPECT_EQ(world.model.read32(gen9::info(EngineId::rcs).tlb_reg), 0u);
  store(kData, 2);
  EXPECT_EQ(word(fresh), 2u);
}

TEST_F(TlbTest, AnotherEnginesInvalidationDoesNot) {
  std::byte* fresh = remap();
  world.model.write32(gen9::info(EngineId::bcs).tlb_reg, 1);
  store(kData, 2);
  EXPECT_EQ(word(fresh), 0u);
}

TEST_F(TlbTest, PipeControlFlushes) {
  std::byte* fresh = remap();
  run_ring(mi::join({mi::pipe_control(1u << 18), mi::store(kData, 2)}));
  EXPECT_EQ(word(fresh), 2u);
}

TEST_F(TlbTest, AnotherAddressSpaceFlushes) {
  std::byte* fresh = remap();
  fake::Ppgtt other(world.memory);
  fake::Context stranger = world.make_context(EngineId::rcs, other.root());
  world.execute(stranger);
  store(kData, 2);
  EXPECT_EQ(word(fresh), 2u);
}

TEST_F(TlbTest, AForgottenGgttFlushShows) {
  run_ring(mi::store(page, 1, true));
  std::byte* old = world.ggtt(page);
  world.model.write_ggtt(page >> 12, hv::bus_address(world.memory.alloc_run(1)) | 1);
  run_ring(mi::store(page, 2, true));
  EXPECT_EQ(word(old), 2u);
  EXPECT_EQ(world.ggtt32(page), 0u);
  world.model.write32(gen9::kGfxFlushCntl, 1);
  run_ring(mi::store(page, 3, true));
  EXPECT_EQ(world.ggtt32(page), 3u);
}

TEST_F(TlbTest, FlushDwFlushesItsOwnEngine) {
  fake::Context blit = world.make_context(EngineId::bcs, space.root());
  world.emit(blit, mi::store(kData, 5));
  world.execute(blit);
  std::byte* fresh = remap();
  world.emit(blit, mi::join({mi::flush_dw(1u << 18), mi::store(kData, 6)}));
  world.execute(blit);
  EXPECT_EQ(word(fresh), 6u);
}

TEST_F(TlbTest, AFreedFrameIsNotTouchedThroughAStaleEntry) {
  world.memory.free(gen9::pte_frame(*space.entry(kData, gen9::Level::pt)));
  store(kData, 2);  // lands nowhere, as on a bus with no memory there
  run_ring(mi::lrm(0x2600, kData));
  EXPECT_EQ(gpr(0), 0xffffffffu);
}

}  // namespace

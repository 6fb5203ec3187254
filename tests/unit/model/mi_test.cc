// SPDX-License-Identifier: MIT
// MI commands for their effect.
#include "tests/unit/model/model_fixture.h"

namespace {

using gen9::EngineId;
namespace mi = fake::mi;
namespace rel = gen9::rel;
using fake::Dwords;

struct MiTest : fake::ModelTest {
  /// LRI of both halves of a GPR.
  static Dwords load_gpr(unsigned n, uint64_t value) {
    return mi::join(
        {mi::lri(0x2600 + n * 8, mi::lo(value)), mi::lri(0x2604 + n * 8, mi::hi(value))});
  }
  uint64_t gpr64(unsigned n) { return world.model.read64(0x2600 + n * 8); }
};

TEST_F(MiTest, StoresADwordOrAQword) {
  run_ring(mi::join({mi::store(kData, 1), mi::store64(kData + 8, 0x1122334455667788)}));
  EXPECT_EQ(data32(), 1u);
  EXPECT_EQ(data64(8), 0x1122334455667788u);
}

TEST_F(MiTest, TheLongStoreTakesBothDwordsToAnyDword) {
  run_ring({0x20u << 23 | 3, mi::lo(kData + 4), mi::hi(kData), 0x11223344, 0x55667788});
  EXPECT_EQ(data32(0), 0u);
  EXPECT_EQ(data64(4), 0x5566778811223344u);
}

TEST_F(MiTest, AStoreMayCrossAPage) {
  std::byte* next = space.alloc(kData + 0x1000);
  run_ring({0x20u << 23 | 2, mi::lo(kData + 0xffc), mi::hi(kData), 7});
  EXPECT_EQ(data32(0xffc), 7u);
  EXPECT_EQ(hv::load<uint32_t>(next), 0u);
}

TEST_F(MiTest, MovesRegistersAndMemory) {
  run_ring(mi::join({mi::lri(0x2600, 0xabcd), mi::lrr(0x2600, 0x2608), mi::srm(0x2608, kData),
                     mi::lrm(0x2610, kData)}));
  EXPECT_EQ(data32(), 0xabcdu);
  EXPECT_EQ(gpr(2), 0xabcdu);
}

TEST_F(MiTest, LoadsSeveralRegistersAtOnce) {
  run_ring({0x22u << 23 | 5, 0x2600, 1, 0x2608, 2, 0x2610, 3});
  EXPECT_EQ(gpr(0) + gpr(1) + gpr(2), 6u);
}

TEST_F(MiTest, MaskedRegistersKeepWhatIsNotSelected) {
  run_ring(mi::join({mi::lri(0x7000, 0x00ff0033), mi::lri(0x7000, 0x000f0000)}));
  EXPECT_EQ(world.model.read32(0x7000), 0x30u);
}

TEST_F(MiTest, CopiesMemoryBetweenTheSpaces) {
  world.set_ggtt32(page, 42);
  run_ring({0x2eu << 23 | mi::kGgtt | 3, mi::lo(kData), mi::hi(kData), page, 0});
  EXPECT_EQ(data32(), 42u);
}

TEST_F(MiTest, IndexedStoresGoToTheContextsOwnPage) {
  run_ring(
      mi::join({{0x21u << 23 | 1, 0x100, 5}, mi::pipe_control(1u << 14 | 1u << 21, 0xd0, 0x1234)}));
  EXPECT_EQ(world.ggtt32(context.lrca + 0x100), 5u);
  EXPECT_EQ(world.ggtt32(context.lrca + 0xd0), 0x1234u);
}

TEST_F(MiTest, UserInterruptReachesTheTree) {
  world.model.write32(0x44304, ~gen9::irq::kUser);  // IMR: only this one
  run_ring({mi::kUserInterrupt});
  EXPECT_EQ(world.model.read32(0x44308), gen9::irq::kUser);
}

TEST_F(MiTest, NoopWithAnIdentityRecordsIt) {
  run_ring({1u << 22 | 0x1234});
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kNopid), 0x1234u);
}

TEST_F(MiTest, SecondLevelBatchReturnsToTheFirst) {
  std::byte* second = space.alloc(0x20000);
  fake::put(second, mi::join({mi::store(kData, 1), {mi::kBatchEnd}}));
  run_batch(mi::join(
      {mi::batch_start(0x20000, mi::kPpgttBatch | mi::kSecondLevel), mi::store(kData + 4, 2)}));
  EXPECT_EQ(data32(0), 1u);
  EXPECT_EQ(data32(4), 2u);
}

TEST_F(MiTest, AChainedBatchReturnsToTheRing) {
  std::byte* next = space.alloc(0x20000);
  fake::put(next, mi::join({mi::store(kData, 1), {mi::kBatchEnd}}));
  batch(context, mi::join({mi::batch_start(0x20000), mi::store(kData + 4, 2)}));
  run_ring(mi::store(kData + 8, 3));
  EXPECT_EQ(data32(0), 1u);
  EXPECT_EQ(data32(4), 0u);  // never returned to
  EXPECT_EQ(data32(8), 3u);
}

TEST_F(MiTest, CommandsMayCrossPagesInABatch) {
  std::byte* next = space.alloc(kBatch + 0x1000);
  const Dwords store = mi::store(kData, 0x77);
  fake::put(batch_page + 0xff8, Dwords{store[0], store[1]});
  fake::put(next, Dwords{store[2], store[3], mi::kBatchEnd});
  run_ring(mi::batch_start(kBatch + 0xff8));
  EXPECT_EQ(data32(), 0x77u);
}

TEST_F(MiTest, CommandsMayWrapInTheRing) {
  const Dwords noops(1022, mi::kNoop);
  run_ring(noops);
  run_ring(mi::store(kData, 0x78));
  EXPECT_EQ(data32(), 0x78u);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kRingHead) & 0x1ffffc, 8u);
}

TEST_F(MiTest, ConditionalEndStopsUnlessMemoryIsGreater) {
  const auto conditional = [](uint32_t value) {
    return Dwords{0x36u << 23 | 1u << 21 | 2, value, mi::lo(kData), mi::hi(kData)};
  };
  hv::store<uint32_t>(data, 5);
  run_batch(mi::join({conditional(4), mi::store(kData + 4, 1)}));
  EXPECT_EQ(data32(4), 1u);
  run_batch(mi::join({conditional(5), mi::store(kData + 8, 1)}));
  EXPECT_EQ(data32(8), 0u);
}

TEST_F(MiTest, MathAddsSubtractsAndSetsFlags) {
  constexpr uint32_t kLoadA0 = 0x08008000, kLoadB1 = 0x08008401, kAdd = 0x10000000;
  constexpr uint32_t kSub = 0x10100000, kStore2 = 0x18000831, kStore3Cf = 0x18000c33;
  run_ring(mi::join({load_gpr(0, ~uint64_t{0}),
                     load_gpr(1, 2),
                     {0x1au << 23 | 4, kLoadA0, kLoadB1, kAdd, kStore2, kStore3Cf}}));
  EXPECT_EQ(gpr64(2), 1u);
  EXPECT_EQ(gpr64(3), ~uint64_t{0});  // carry
  run_ring({0x1au << 23 | 4, kLoadA0, kLoadB1, kSub, kStore2, kStore3Cf});
  EXPECT_EQ(gpr64(2), ~uint64_t{0} - 2);
  EXPECT_EQ(gpr64(3), 0u);
}

struct AtomicCase {
  uint32_t op;
  uint64_t old, one, two, result;
};
class AtomicTest : public MiTest, public testing::WithParamInterface<AtomicCase> {};

TEST_P(AtomicTest, ComputesAndReturnsTheOldValue) {
  const AtomicCase c = GetParam();
  hv::store<uint64_t>(data, c.old);
  const uint32_t header = 0x2fu << 23 | c.op << 8 | 1u << 16 | 1u << 18 | 9;
  run_ring({header, mi::lo(kData), mi::hi(kData), mi::lo(c.one), mi::lo(c.two), mi::hi(c.one),
            mi::hi(c.two), 0, 0, 0, 0});
  EXPECT_EQ(data64(), c.result);
  if (c.op != 0xf) {
    EXPECT_EQ(gpr(0), mi::lo(c.old));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Operations, AtomicTest,
    testing::Values(AtomicCase{0x01, 6, 3, 0, 2}, AtomicCase{0x02, 6, 3, 0, 7},
                    AtomicCase{0x03, 6, 3, 0, 5}, AtomicCase{0x04, 6, 3, 0, 3},
                    AtomicCase{0x05, 6, 0, 0, 7}, AtomicCase{0x06, 6, 0, 0, 5},
                    AtomicCase{0x07, 0xffffffff, 1, 0, 0}, AtomicCase{0x08, 6, 3, 0, 3},
                    AtomicCase{0x09, 3, 6, 0, 3}, AtomicCase{0x0a, 0xffffffff, 1, 0, 1},
                    AtomicCase{0x0c, 0xffffffff, 1, 0, 0xffffffff},
                    AtomicCase{0x0d, 0xffffffff, 1, 0, 1}, AtomicCase{0x0e, 6, 6, 9, 9},
                    AtomicCase{0x0e, 6, 5, 9, 6}, AtomicCase{0x0f, 6, 0, 0, 5},
                    AtomicCase{0x27, 0xffffffff, 1, 0, 0x100000000},
                    AtomicCase{0x2b, ~uint64_t{0}, 1, 0, ~uint64_t{0}},
                    AtomicCase{0x2e, uint64_t{5} << 32, uint64_t{5} << 32, 1, 1}));

TEST_F(MiTest, PredicateGatesPredicatedStores) {
  const uint32_t equal_load = 0x0cu << 23 | 2u << 6 | 2;
  Dwords gated = mi::srm(0x2600, kData);
  gated[0] |= 1u << 21;
  run_ring(mi::join({mi::lri(0x2600, 9), mi::lri(0x2400, 1), {equal_load}, gated}));
  EXPECT_EQ(data32(), 0u);
  run_ring(mi::join({mi::lri(0x2408, 1), {equal_load}, gated}));
  EXPECT_EQ(data32(), 9u);
}

TEST_F(MiTest, SetPredicateSkipsUntilClearedAndEndsWithTheBatch) {
  const uint32_t always = 0x01u << 23 | 15, never = 0x01u << 23;
  batch(context,
        mi::join({{always}, mi::store(kData, 1), {never}, mi::store(kData + 4, 2), {always}}));
  run_ring(mi::store(kData + 8, 3));
  EXPECT_EQ(data32(0), 0u);
  EXPECT_EQ(data32(4), 2u);
  EXPECT_EQ(data32(8), 3u);
}

TEST_F(MiTest, UpdateGttWritesEntries) {
  run_ring({0x23u << 23 | 2, 0x5000, 0x1001, 0});
  EXPECT_EQ(world.model.read_ggtt(5), 0x1001u);
}

TEST_F(MiTest, PipeControlWritesImmediateTimestampAndNoDepth) {
  run_ring(
      mi::join({mi::pipe_control(1u << 14, kData, 0x1122334455667788),
                mi::pipe_control(3u << 14, kData + 8), mi::pipe_control(2u << 14, kData + 16)}));
  EXPECT_EQ(data64(0), 0x1122334455667788u);
  EXPECT_EQ(data64(8), (4000u + 800) * 3 / 250);
  EXPECT_EQ(data64(16), 0u);
}

TEST_F(MiTest, PipeControlWritesTheGgttWhereItSaysSo) {
  run_ring(mi::pipe_control(1u << 14 | 1u << 24, page, 77));
  EXPECT_EQ(world.ggtt32(page), 77u);
}

TEST_F(MiTest, NotifyRaisesItsInterrupt) {
  world.model.write32(0x44304, ~gen9::irq::kPipeControlNotify);
  run_ring(mi::pipe_control(1u << 8));
  EXPECT_EQ(world.model.read32(0x44308), gen9::irq::kPipeControlNotify);
}

TEST_F(MiTest, FlushDwWritesADwordOrAQword) {
  fake::Context blit = world.make_context(EngineId::bcs, space.root());
  hv::store<uint64_t>(data, ~uint64_t{0});
  world.emit(blit, {0x26u << 23 | 1u << 14 | 2, page | 4, 0, 7});
  world.emit(blit, mi::flush_dw(1u << 14, kData, 9));
  world.execute(blit);
  EXPECT_EQ(world.ggtt32(page), 7u);
  EXPECT_EQ(data64(), 9u);
}

TEST_F(MiTest, EnginesHaveTheirOwnRegisters) {
  for (const EngineId e : gen9::kAllEngines) {
    fake::Context c = world.make_context(e, space.root());
    world.emit(c, mi::lri(gen9::engine_reg(e, rel::kGpr0), 10 + gen9::index(e)));
    world.execute(c);
  }
  for (const EngineId e : gen9::kAllEngines)
    EXPECT_EQ(world.reg(e, rel::kGpr0), 10 + gen9::index(e));
}

}  // namespace

// SPDX-License-Identifier: MIT
// What a PPGTT batch may not do, and that a GGTT batch may.
#include "tests/unit/model/model_fixture.h"

namespace {

using gen9::EngineId;
namespace mi = fake::mi;
namespace rel = gen9::rel;
using fake::Dwords;

struct PrivilegeTest : fake::ModelTest {
  void run_secure_batch(const Dwords& commands) {
    for (unsigned i = 0; i < commands.size(); ++i) world.set_ggtt32(secure + i * 4, commands[i]);
    world.set_ggtt32(secure + static_cast<uint32_t>(commands.size()) * 4, mi::kBatchEnd);
    run_ring(mi::batch_start(secure, 0));
  }
  uint32_t secure = world.alloc_ggtt();
};

TEST_F(PrivilegeTest, AUserBatchCannotReachTheGgtt) {
  world.set_ggtt32(page, 5);
  run_batch(mi::join({mi::store(page, 1, true),
                      mi::srm(0x2600, page, true),
                      {0x2eu << 23 | 1u << 21 | 3, page, 0, mi::lo(kData), mi::hi(kData)},
                      {0x2fu << 23 | mi::kGgtt | 5u << 8 | 1, page, 0},
                      mi::lrm(0x2600, page, true)}));
  EXPECT_EQ(world.ggtt32(page), 5u);
  EXPECT_EQ(gpr(0), 0u);
}

TEST_F(PrivilegeTest, AUserPipeControlIsTurnedToThePpgtt) {
  run_batch(mi::pipe_control(1u << 14 | 1u << 24, kData, 3));
  EXPECT_EQ(data32(), 3u);
}

TEST_F(PrivilegeTest, AGgttBatchMay) {
  run_secure_batch(mi::store(page, 1, true));
  EXPECT_EQ(world.ggtt32(page), 1u);
}

TEST_F(PrivilegeTest, AUserBatchWritesOnlyItsRegisters) {
  run_batch(mi::join({mi::lri(0x2600, 1), mi::lri(0x7034, 2), mi::lri(0x20d8, 0x00010001),
                      mi::lri(0xb118, 3), mi::lri(0x4080, 4)}));
  EXPECT_EQ(gpr(0), 1u);
  EXPECT_EQ(world.model.read32(0x7034), 2u);
  EXPECT_EQ(world.model.read32(0x20d8), 1u);
  EXPECT_EQ(world.model.read32(0xb118), 0u);
  EXPECT_EQ(world.model.read32(0x4080), 0u);
}

// Each slice's counters, and what a driver saves of them by hand: all open to user batches on Gen9.
constexpr uint32_t kCounters[] = {0x2158, 0x22c8, 0x22cc, 0x22d8, 0x22dc, 0x22f0, 0x22f4, 0x22f8,
                                  0x22fc, 0x2360, 0x2364, 0x2448, 0x244c, 0x2450, 0x2454};

TEST_F(PrivilegeTest, AUserBatchWritesTheCountersOfEachSlice) {
  Dwords batch;
  for (const uint32_t reg : kCounters) batch = mi::join({batch, mi::lri(reg, reg << 8)});
  run_batch(batch);
  for (const uint32_t reg : kCounters)
    EXPECT_EQ(world.model.read32(reg), reg << 8) << std::hex << reg;
}

TEST_F(PrivilegeTest, ForceToNonprivAddsARegister) {
  world.model.write32(0x24d0, 0xb118);
  run_batch(mi::lri(0xb118, 3));
  EXPECT_EQ(world.model.read32(0xb118), 3u);
}

TEST_F(PrivilegeTest, ForceToNonprivMayCoverARange) {
  world.model.write32(0x24d4, 0xb100 | 2);  // 16 registers
  run_batch(mi::join({mi::lri(0xb13c, 3), mi::lri(0xb140, 4)}));
  EXPECT_EQ(world.model.read32(0xb13c), 3u);
  EXPECT_EQ(world.model.read32(0xb140), 0u);
}

TEST_F(PrivilegeTest, AUserBatchReadsTimestampsButNotPageTables) {
  hv::store<uint32_t>(data + 8, 0x55);
  run_batch(mi::join({mi::srm(0x2358, kData), mi::srm(0x2270, kData + 8)}));
  EXPECT_NE(data32(), 0u);
  EXPECT_EQ(data32(8), 0x55u);
}

TEST_F(PrivilegeTest, AUserBatchCannotTurnArbitrationOff) {
  fake::put(batch_page, mi::join({{mi::kArbOff}, mi::batch_start(kBatch)}));
  world.emit(context, mi::batch_start(kBatch));
  world.submit(context);
  world.model.advance_to(20'000);
  fake::Context other = world.make_context(EngineId::rcs, space.root());
  world.submit(other);
  world.run();
  EXPECT_TRUE(world.idle(EngineId::rcs));
}

TEST_F(PrivilegeTest, AUserBatchNeverBecomesSecure) {
  world.set_ggtt32(secure, mi::kBatchEnd);
  run_batch(mi::batch_start(secure, 0));  // taken as a PPGTT address, where nothing is
  EXPECT_TRUE(hangs());
  EXPECT_EQ(world.model.read32(gen9::kFaultTlbData1) & 0x10, 0u);
}

TEST_F(PrivilegeTest, AUserBatchCannotUpdateTheGtt) {
  run_batch({0x23u << 23 | 2, 0x5000, 0x1001, 0});
  EXPECT_EQ(world.model.read_ggtt(5), 0u);
}

TEST_F(PrivilegeTest, NoCommandReachesSubmissionOrReset) {
  run_ring(mi::join({mi::lri(gen9::kGdrst, 1), mi::lri(0x2080, 0), mi::lri(0x2030, 0x800),
                     mi::lri(0x2230, 1), mi::store(page, 1, true)}));
  EXPECT_EQ(world.ggtt32(page), 1u);
  EXPECT_EQ(world.reg(EngineId::rcs, rel::kHwsPga), world.hwsp(EngineId::rcs));
}

TEST_F(PrivilegeTest, TheBlitterMayChooseItsTiling) {
  fake::Context blit = world.make_context(EngineId::bcs, space.root());
  batch(blit, mi::join({mi::lri(0x22200, 0x00030003), mi::lri(0x220c0, 0x00010001)}));
  world.execute(blit);
  EXPECT_EQ(world.model.read32(0x22200), 3u);
  EXPECT_EQ(world.model.read32(0x220c0), 0u);
}

}  // namespace

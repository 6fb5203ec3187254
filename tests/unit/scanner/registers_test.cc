// SPDX-License-Identifier: MIT
// The register lists themselves.
#include <gtest/gtest.h>

#include "mediator/register_access.h"

namespace mediator {
namespace {

using gen9::EngineId;

unsigned count(EngineId e, Rules rules, bool write) {
  unsigned n = 0;
  for (uint32_t reg = 0; reg < gen9::kMmioBytes; reg += 4) {
    n += write ? may_write_register(e, rules, reg) : may_read_register(e, rules, reg);
  }
  return n;
}

TEST(RegisterSet, HoldsWhatWasAddedAndNothingElse) {
  RegisterSet<3> s;
  s.add({0x1000, 0x1008});
  s.add({0x1ffffc, 0x1ffffc});
  for (uint32_t reg : {0x1000u, 0x1004u, 0x1008u, 0x1ffffcu}) EXPECT_TRUE(s.contains(reg));
  for (uint32_t reg : {0xffcu, 0x100cu, 0x1001u, 0x2000u, 0x200000u, 0xfffffffcu}) {
    EXPECT_FALSE(s.contains(reg)) << std::hex << reg;
  }
}

TEST(RegisterRules, PrivilegedListIsTheFactsListWithoutPageDirectories) {
  // 757 offsets, less 8 pointers on each of 4 engines, each engine's own counted once.
  unsigned all = 0;
  for (uint32_t reg = 0; reg < gen9::kMmioBytes; reg += 4) {
    bool any = false;
    for (EngineId e : gen9::kAllEngines) any |= may_write_register(e, Rules::privileged, reg);
    all += any;
  }
  EXPECT_EQ(all, 757u - 32u);
}

TEST(RegisterRules, NoStreamReachesAnotherEnginesRegisters) {
  for (EngineId e : gen9::kAllEngines) {
    for (EngineId other : gen9::kAllEngines) {
      const uint32_t mode = gen9::engine_reg(other, gen9::rel::kRingMode);
      EXPECT_EQ(may_write_register(e, Rules::privileged, mode), e == other);
      const uint32_t mocs = gen9::kMocs[gen9::index(other)];
      EXPECT_EQ(may_write_register(e, Rules::privileged, mocs), e == other);
      const uint32_t gpr = gen9::engine_reg(other, gen9::rel::kGpr0);
      const Rules user = e == EngineId::bcs ? Rules::user_blitter : Rules::user;
      EXPECT_EQ(may_write_register(e, user, gpr), e == other);
    }
  }
}

TEST(RegisterRules, NobodyLoadsWhatDecidesWhereTheGpuLooks) {
  for (EngineId e : gen9::kAllEngines) {
    for (Rules rules : {Rules::privileged, Rules::user, Rules::user_blitter}) {
      for (uint32_t rel :
           {gen9::rel::kRingTail, gen9::rel::kRingStart, gen9::rel::kRingCtl, gen9::rel::kHwsPga,
            gen9::rel::kElsp, gen9::rel::kPdp0Ldw, gen9::rel::kPdp0Udw, gen9::rel::kResetCtl}) {
        EXPECT_FALSE(may_write_register(e, rules, gen9::engine_reg(e, rel))) << std::hex << rel;
      }
      EXPECT_FALSE(may_write_register(e, rules, gen9::kGdrst));
      EXPECT_FALSE(may_write_register(e, rules, gen9::kFence0));
    }
  }
}

TEST(RegisterRules, PrivilegedStreamsMoveOneRegister) {
  for (EngineId e : gen9::kAllEngines) {
    EXPECT_EQ(count(e, Rules::privileged, false), 1u);
    EXPECT_TRUE(may_read_register(e, Rules::privileged, 0xb118));
  }
}

TEST(RegisterRules, WhatAUserMayWriteItMayRead) {
  for (EngineId e : gen9::kAllEngines) {
    for (Rules rules : {Rules::user, Rules::user_blitter}) {
      for (uint32_t reg = 0; reg < 0x30000; reg += 4) {
        if (may_write_register(e, rules, reg)) {
          EXPECT_TRUE(may_read_register(e, rules, reg)) << std::hex << reg;
        }
      }
    }
  }
}

TEST(RegisterRules, TheBlitterListIsShort) {
  EXPECT_EQ(count(EngineId::bcs, Rules::user_blitter, true), 1u + 32u);
  EXPECT_EQ(count(EngineId::bcs, Rules::user_blitter, false), 1u + 32u + 3u + 4u);
}

}  // namespace
}  // namespace mediator

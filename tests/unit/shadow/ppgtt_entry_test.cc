// SPDX-License-Identifier: MIT
// Decoding of guest entries; constant expressions, so that undefined behaviour does not compile.
#include "shadow/ppgtt_entry.h"

#include <gtest/gtest.h>

namespace shadow::ppgtt {
namespace {

using What = Target::What;
constexpr uint64_t kP = gen9::kPtePresent;

static_assert(decode_upper(Kind::pml4, 0x1000).what == What::none);
static_assert(decode_upper(Kind::pml4, 0x1000 | kP).kind == Kind::pdp);
static_assert(decode_upper(Kind::pdp, 0x1000 | kP).kind == Kind::pd);
static_assert(decode_upper(Kind::pd, 0x1000 | kP).kind == Kind::pt4k);
static_assert(decode_upper(Kind::pd, 0x1000 | kP | gen9::kPdeIps64K).kind == Kind::pt64k);
static_assert(decode_upper(Kind::pd, 0x20'0000 | kP | gen9::kPdePageSize).what == What::block);
static_assert(decode_upper(Kind::pd, 0x20'1000 | kP | gen9::kPdePageSize).what == What::block);
static_assert(decode_upper(Kind::pd, 0x20'2000 | kP | gen9::kPdePageSize).what == What::bad);
static_assert(decode_upper(Kind::pdp, kP | gen9::kPdePageSize).what == What::bad);
static_assert(decode_upper(Kind::pd, kP | hv::bit64(46)).what == What::bad);
static_assert(level_of(Kind::pt2m) == gen9::Level::pt && level_of(Kind::pml4) == gen9::Level::pml4);

TEST(PpgttEntry, A64KTableCountsEverySixteenthEntry) {
  Entries e{};
  e[16] = 0x30000 | kP;
  e[17] = 0x99000 | kP;
  e[32] = 0x31000 | kP;
  e[33] = 0x40000 | kP;
  expand_64k(e);
  EXPECT_EQ(e[15], 0u);
  EXPECT_EQ(e[17], 0x31000 | kP);
  EXPECT_EQ(e[31], 0x3f000 | kP);
  EXPECT_TRUE(present(e[33]) && reserved(e[33]));
}

TEST(PpgttEntry, A2MEntrySplitsAndItsPatMoves) {
  Entries e{};
  expand_2m(0x40'0000 | hv::bit64(12) | gen9::kPdePageSize | kP | gen9::kPteWritable, e);
  EXPECT_EQ(e[0], 0x40'0000 | hv::bit64(7) | kP | gen9::kPteWritable);
  EXPECT_EQ(e[511], 0x5f'f000 | hv::bit64(7) | kP | gen9::kPteWritable);
  expand_2m(0x40'0000 | gen9::kPdePageSize | kP, e);
  EXPECT_EQ(e[1], 0x40'1000 | kP);
}

}  // namespace
}  // namespace shadow::ppgtt

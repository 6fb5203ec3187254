// SPDX-License-Identifier: MIT
// The command table: look-up, lengths, and properties that every row must have.
#include "shadow/gen9/commands.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gen9 {
namespace {

uint32_t with_dwords(const CommandDesc& d, unsigned n) {
  return d.length_bits == 0 ? d.value : d.value | (n - d.bias);
}

TEST(CommandTable, FindsEachRowOnItsEnginesOnly) {
  for (const CommandDesc& d : command_table()) {
    for (EngineId e : kAllEngines) {
      const CommandDesc* found = find_command(e, d.value);
      if (d.engines & engine_bit(e)) {
        EXPECT_EQ(found, &d) << d.name;
      } else {
        EXPECT_NE(found, &d) << d.name;
      }
    }
  }
}

TEST(CommandTable, AgreesWithLinearSearchForEveryUpperHalf) {
  for (uint32_t key = 0; key < 0x10000; key += 17) {
    const uint32_t dword0 = key << 16 | 0x1234;
    for (EngineId e : kAllEngines) {
      const CommandDesc* expected = nullptr;
      for (const CommandDesc& d : command_table()) {
        if ((d.engines & engine_bit(e)) && (dword0 & d.mask) == d.value) expected = &d;
      }
      ASSERT_EQ(find_command(e, dword0), expected) << std::hex << dword0;
    }
  }
}

TEST(CommandTable, AcceptsShortestAndLongestFormAndNothingBeyond) {
  for (const CommandDesc& d : command_table()) {
    EXPECT_EQ(command_length(d, with_dwords(d, d.min_dwords)), d.min_dwords) << d.name;
    EXPECT_EQ(command_length(d, with_dwords(d, d.max_dwords)), d.max_dwords) << d.name;
    if (d.length_bits == 0) continue;
    const unsigned largest = (1u << d.length_bits) - 1 + d.bias;
    if (d.min_dwords > d.bias) {
      EXPECT_EQ(command_length(d, with_dwords(d, d.min_dwords - 1u)), 0u) << d.name;
    }
    if (d.max_dwords < largest) {
      EXPECT_EQ(command_length(d, with_dwords(d, d.max_dwords + 1u)), 0u) << d.name;
    }
  }
}

TEST(CommandTable, KnowsNoLessThanGvtg) {
  std::array<unsigned, kEngines> rows{};
  for (const CommandDesc& d : command_table()) {
    for (EngineId e : kAllEngines) rows[index(e)] += (d.engines & engine_bit(e)) != 0;
  }
  EXPECT_GE(rows[index(EngineId::rcs)], 158u);
  EXPECT_GE(rows[index(EngineId::vcs)], 70u);
  EXPECT_GE(rows[index(EngineId::bcs)], 57u);
  EXPECT_GE(rows[index(EngineId::vecs)], 33u);
}

TEST(CommandTable, IdsStandForOneCommandEach) {
  const std::set<Cmd> shared{Cmd::other, Cmd::mi_load_scan_lines, Cmd::media_object};
  std::set<Cmd> seen;
  for (const CommandDesc& d : command_table()) {
    if (!shared.contains(d.id)) {
      EXPECT_TRUE(seen.insert(d.id).second) << d.name;
    }
  }
  EXPECT_TRUE(seen.contains(Cmd::xy_fast_copy_blt));
}

TEST(CommandTable, AddressFlagsAreOutsideOpcodeAndAddress) {
  for (const CommandDesc& d : command_table()) {
    for (unsigned i = 0; i < d.address_count; ++i) {
      const AddressOperand& a = d.addresses[i];
      const bool flagged = a.space == Space::by_bit || a.space == Space::by_bit_clear;
      EXPECT_EQ(flagged, a.flag_mask != 0) << d.name;
      if (flagged && a.flag_dword == 0) {
        EXPECT_EQ(a.flag_mask & d.mask, 0u) << d.name;
      }
    }
  }
}

TEST(CommandTable, NamesPreemptionPoints) {
  std::set<std::string> points;
  for (const CommandDesc& d : command_table()) {
    if (d.arbitration_point) points.insert(d.name);
  }
  for (const char* name :
       {"MI_ARB_CHECK", "MI_SEMAPHORE_WAIT", "MI_BATCH_BUFFER_START", "MI_BATCH_BUFFER_END",
        "3DPRIMITIVE", "GPGPU_WALKER", "MEDIA_OBJECT", "MEDIA_OBJECT_WALKER", "XY_COLOR_BLT"}) {
    EXPECT_TRUE(points.contains(name)) << name;
  }
  EXPECT_FALSE(points.contains("MI_NOOP"));
  EXPECT_FALSE(points.contains("PIPE_CONTROL"));
}

TEST(CommandLookup, RefusesReservedOpcodesAndOtherClients) {
  EXPECT_EQ(find_command(EngineId::rcs, 0x3f800000), nullptr);  // MI, opcode 0x7f: none
  EXPECT_EQ(find_command(EngineId::rcs, 0x20000000), nullptr);  // client 1: reserved
  EXPECT_EQ(find_command(EngineId::rcs, 0x54c00006), nullptr);  // XY_SRC_COPY_BLT is BCS only
  EXPECT_EQ(find_command(EngineId::bcs, 0x7b000005), nullptr);  // 3DPRIMITIVE is RCS only
  EXPECT_EQ(find_command(EngineId::vcs, 0xffffffff), nullptr);
}

}  // namespace
}  // namespace gen9

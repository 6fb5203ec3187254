// SPDX-License-Identifier: MIT
// What goes into a ring: every word is a command the Gen9 table knows, in i915's order.
#include "dom0/guests/driver/emit.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "shadow/gen9/commands.h"

namespace {

using gen9::EngineId;

std::vector<std::string> names(EngineId engine, const guests::Words& words) {
  std::vector<std::string> out;
  for (size_t i = 0; i < words.size();) {
    const gen9::CommandDesc* d = gen9::find_command(engine, words[i]);
    const unsigned n = d ? gen9::command_length(*d, words[i]) : 0;
    if (n == 0 || i + n > words.size()) {
      out.push_back("?");
      break;
    }
    if (d->id != gen9::Cmd::mi_noop) out.push_back(d->name);
    i += n;
  }
  return out;
}

guests::RequestWords request(EngineId engine, uint64_t batch) {
  return {engine, batch, 0x1000'2000, 7, false};
}

TEST(Emit, RenderRequestFollowsI915) {
  const auto e = guests::emit_request(request(EngineId::rcs, 0xfffe'0000'1000));
  EXPECT_EQ(names(EngineId::rcs, e.words),
            (std::vector<std::string>{"PIPE_CONTROL", "PIPE_CONTROL", "MI_STORE_DATA_IMM",
                                      "MI_ARB_CHECK", "MI_ARB_ON_OFF", "MI_BATCH_BUFFER_START",
                                      "PIPE_CONTROL", "PIPE_CONTROL", "MI_USER_INTERRUPT",
                                      "MI_ARB_ON_OFF", "MI_ARB_CHECK"}));
}

TEST(Emit, CopyRequestFollowsI915) {
  const auto e = guests::emit_request(request(EngineId::bcs, 0x1000));
  EXPECT_EQ(names(EngineId::bcs, e.words),
            (std::vector<std::string>{"MI_FLUSH_DW", "MI_STORE_DATA_IMM", "MI_ARB_CHECK",
                                      "MI_ARB_ON_OFF", "MI_BATCH_BUFFER_START", "MI_FLUSH_DW",
                                      "MI_USER_INTERRUPT", "MI_ARB_ON_OFF", "MI_ARB_CHECK"}));
}

TEST(Emit, TailsAreQwordAlignedAndLeaveTheWorkaroundTailOut) {
  for (const EngineId engine : gen9::kAllEngines) {
    for (const bool first : {false, true}) {
      auto r = request(engine, 0x1000);
      r.first_use = first;
      const auto e = guests::emit_request(r);
      EXPECT_EQ(e.tail_words % 2, 0u);
      EXPECT_EQ(e.tail_words + 2, e.words.size());
    }
  }
}

TEST(Emit, KernelRequestHasNoBatch) {
  const auto e = guests::emit_request(request(EngineId::vcs, 0));
  for (const std::string& n : names(EngineId::vcs, e.words)) EXPECT_NE(n, "MI_BATCH_BUFFER_START");
}

TEST(Emit, IndirectContextIsWholeCacheLinesOfKnownCommands) {
  const auto words = guests::emit_indirect_context(0x5000);
  EXPECT_EQ(words.size() % 16, 0u);
  for (const std::string& n : names(EngineId::rcs, words)) EXPECT_NE(n, "?");
}

}  // namespace

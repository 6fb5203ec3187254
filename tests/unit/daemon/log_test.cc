// SPDX-License-Identifier: MIT
#include "dom0/daemon/log.h"

#include <gtest/gtest.h>

#include <sstream>

namespace xengvtd {
namespace {

TEST(Log, PutsThePriorityInFrontForTheJournal) {
  std::ostringstream out;
  Log log(out, LogLevel::info, true);
  log.add(LogLevel::warning, "web", "odd");
  EXPECT_EQ(out.str(), "<4>web: odd\n");
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
  std::ostringstream out;
  Log log(out, LogLevel::warning, false);
  log.info("chatter");
  EXPECT_EQ(out.str(), "");
  EXPECT_TRUE(log.lines(0, 10).empty());
}

TEST(Log, OneGuestCannotFillIt) {
  std::ostringstream out;
  Log log(out, LogLevel::info, false);
  for (int i = 0; i < 1000; ++i) log.add(LogLevel::info, "loud", "again");
  log.add(LogLevel::info, "calm", "once");
  const auto lines = log.lines(0, kLogLines);
  EXPECT_EQ(lines.size(), kGuestLogBurst + 1);
  EXPECT_EQ(lines.back().guest, "calm");
}

TEST(Log, KeepsTheLastLinesOnly) {
  std::ostringstream out;
  Log log(out, LogLevel::info, false);
  for (size_t i = 0; i < kLogLines + 5; ++i) log.info("line");
  const auto lines = log.lines(0, 2 * kLogLines);
  EXPECT_EQ(lines.size(), kLogLines);
  EXPECT_EQ(lines.front().number, 6u);
  EXPECT_EQ(log.lines(kLogLines + 3, 10).size(), 2u);
  EXPECT_EQ(log.lines(0, 3).back().number, kLogLines + 5);
}

TEST(Log, NothingLooksLikeASecondLine) {
  std::ostringstream out;
  Log log(out, LogLevel::info, false);
  log.info("one\ntwo\x1b[2J");
  EXPECT_EQ(out.str(), "xengvtd: info: one two [2J\n");
}

}  // namespace
}  // namespace xengvtd

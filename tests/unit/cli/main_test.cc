// SPDX-License-Identifier: MIT
// The program's front door: help, version, and one clear line for everything else.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "dom0/cli/command.h"

namespace {

struct Outcome {
  int code;
  std::string out, err;
};

Outcome run(const std::vector<std::string>& args) {
  std::ostringstream out, err;
  const int code = cli::xengvt_main(args, out, err);
  return {code, out.str(), err.str()};
}

void expect_one_clear_line(const Outcome& o, const std::string& about) {
  EXPECT_EQ(o.code, cli::kBadInput);
  EXPECT_EQ(o.out, "");
  EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
  EXPECT_NE(o.err.find(about), std::string::npos) << o.err;
}

TEST(Main, HelpNamesEveryCommand) {
  const Outcome o = run({"help"});
  EXPECT_EQ(o.code, cli::kOk);
  for (const char* name : {"demo", "scan", "run", "record", "replay", "trace", "version"})
    EXPECT_NE(o.out.find(name), std::string::npos) << name;
  EXPECT_EQ(o.err, "");
}

TEST(Main, VersionIsOneLine) {
  const Outcome o = run({"--version"});
  EXPECT_EQ(o.code, cli::kOk);
  EXPECT_EQ(o.out.rfind("xengvt ", 0), 0u);
}

TEST(Main, NoCommandIsBadUsage) { expect_one_clear_line(run({}), "no command"); }

TEST(Main, UnknownCommandIsNamed) { expect_one_clear_line(run({"dmeo"}), "'dmeo'"); }

TEST(Main, ControlCharactersInAnArgumentDoNotMakeTwoLines) {
  expect_one_clear_line(run({"a\nb"}), "a b");
}

}  // namespace

// SPDX-License-Identifier: MIT
// The three captured streams: counted as an independent decoder counts them, nothing refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "dom0/aub/stream_scan.h"

namespace aub {
namespace {

std::map<std::string, uint64_t> expected_counts(const std::string& path) {
  std::map<std::string, uint64_t> counts;
  std::ifstream in(path);
  std::string name;
  uint64_t count = 0;
  while (in >> name >> count) counts[name] = count;
  return counts;
}

class Corpus : public testing::TestWithParam<const char*> {};

TEST_P(Corpus, CountsEqualTheCommandsFileAndNothingIsRefused) {
  const std::string base = std::string("tests/corpus/aub/") + GetParam();
  auto source = open_source(base + ".aub.zst");
  ASSERT_TRUE(source) << source.error();
  StreamScan scan;
  auto read = read_aub(**source, scan);
  ASSERT_TRUE(read) << read.error().text();
  const auto expected = expected_counts(base + ".commands");
  ASSERT_FALSE(expected.empty());
  const ScanReport report = scan.report();
  EXPECT_EQ(report.commands, expected);
  EXPECT_TRUE(report.rejected.empty());
  EXPECT_EQ(report.batches, expected.at("MI_BATCH_BUFFER_END"));
}

INSTANTIATE_TEST_SUITE_P(Aub, Corpus,
                         testing::Values("skl-tri-256", "skl-many-512", "skl-compute-64"),
                         [](const auto& p) {
                           std::string name = p.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace aub

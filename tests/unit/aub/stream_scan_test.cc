// SPDX-License-Identifier: MIT
// Scanning what an AUB file submits: counts, rules by address space, and files made to hurt.
#include "dom0/aub/stream_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "dom0/cli/command.h"
#include "tests/unit/aub/aub_builder.h"

namespace aub {
namespace {

using mediator::Reject;
using Dwords = std::vector<uint32_t>;

constexpr uint32_t kEnd = 0x05000000;
const Dwords kStart{0x18800101, test::kBatch, 0, 0};

ScanReport scan_bytes(const test::Builder& file) {
  StreamScan scan;
  auto read = read_aub(*memory_source(file.bytes()), scan);
  EXPECT_TRUE(read) << read.error().text();
  return scan.report();
}

TEST(StreamScan, CountsRingAndBatch) {
  const auto r =
      scan_bytes(test::capture(kStart, Dwords{0, 0x7a000004, 0, 0, 0, 0, 0, kEnd, 1, 2}));
  const std::map<std::string, uint64_t> expected{{"MI_BATCH_BUFFER_START", 1},
                                                 {"MI_NOOP", 2},
                                                 {"PIPE_CONTROL", 1},
                                                 {"MI_BATCH_BUFFER_END", 1}};
  EXPECT_EQ(r.commands, expected);
  EXPECT_EQ(r.submissions, 1u);
  EXPECT_EQ(r.batches, 1u);
  EXPECT_EQ(r.bytes, (4 + 8) * 4u);
  EXPECT_TRUE(r.rejected.empty());
}

TEST(StreamScan, CountsWhatTheFileSaysNotWhatPatchingLeft) {
  const auto r = scan_bytes(test::capture(Dwords{0x01800002, 0}, Dwords{kEnd}));
  EXPECT_EQ(r.commands.at("MI_WAIT_FOR_EVENT"), 1u);
}

TEST(StreamScan, NamesRefusalsWithStreamAndOffset) {
  const auto r = scan_bytes(test::capture(kStart, Dwords{0, 0x11000001, 0x2030, 1, kEnd}));
  ASSERT_EQ(r.rejected.size(), 1u);
  EXPECT_EQ(r.rejected[0].refusal.reason, Reject::forbidden_register);
  EXPECT_EQ(r.rejected[0].refusal.offset, 4u);
  EXPECT_STREQ(r.rejected[0].stream, "ppgtt");
  EXPECT_EQ(r.rejected[0].address, test::kBatch);
  EXPECT_EQ(r.commands.at("MI_NOOP"), 2u);
}

TEST(StreamScan, BlitterBatchesHaveTheCloserRules) {
  const Dwords load{0x11000001, 0x22400, 1, kEnd};
  EXPECT_EQ(scan_bytes(test::capture(kStart, load, 0x22230)).rejected.size(), 1u);
  EXPECT_EQ(scan_bytes(test::capture(kStart, Dwords{0x11000001, 0x22600, 1, kEnd}, 0x22230))
                .rejected.size(),
            0u);
}

TEST(StreamScan, RefusesABatchThatIsNotThere) {
  const auto r = scan_bytes(test::capture(Dwords{0x18800101, 0x900000, 0, 0}, Dwords{kEnd}));
  ASSERT_EQ(r.rejected.size(), 1u);
  EXPECT_EQ(r.rejected[0].refusal.reason, Reject::no_batch_end);
}

TEST(StreamScan, ACircleOfBatchesEnds) {
  const auto r = scan_bytes(test::capture(kStart, Dwords{0x18800101, test::kBatch, 0}));
  ASSERT_EQ(r.rejected.size(), 1u);
  EXPECT_EQ(r.rejected[0].refusal.reason, Reject::too_many_batches);
}

TEST(StreamScan, SecondDescriptorRunsToo) {
  auto file = test::capture(kStart, Dwords{kEnd});
  file.elsp(0x2230, 0x2000 | 0x119, 0x2000 | 0x119);  // both name the same, now finished context
  const auto r = scan_bytes(file);
  EXPECT_EQ(r.submissions, 2u);
  EXPECT_EQ(r.batches, 1u);
}

TEST(StreamScan, SubmittingNoContextIsAnError) {
  test::Builder b;
  b.header();
  b.elsp(0x2230, 0x9000 | 0x119);
  StreamScan scan;
  auto read = read_aub(*memory_source(b.bytes()), scan);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().what.find("context image"), std::string::npos);
}

TEST(ScanCommand, BadInputIsOneLineAndExitTwo) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{}, {"/nonexistent"}, {"a", "b"}, {"--what"}, {"/"}}) {
    std::ostringstream out, err;
    EXPECT_EQ(cli::scan_main(args, out, err), cli::kBadInput);
    EXPECT_TRUE(out.str().empty());
    const std::string line = err.str();
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
  }
}

TEST(ScanCommand, PrintsJson) {
  const std::vector<std::string> args{"--json", "tests/corpus/aub/skl-compute-64.aub.zst"};
  std::ostringstream out, err;
  EXPECT_EQ(cli::scan_main(args, out, err), cli::kOk);
  EXPECT_NE(out.str().find("\"GPGPU_WALKER\":4"), std::string::npos);
  EXPECT_NE(out.str().find("\"rejected\":[]"), std::string::npos);
  EXPECT_TRUE(err.str().empty());
}

}  // namespace
}  // namespace aub

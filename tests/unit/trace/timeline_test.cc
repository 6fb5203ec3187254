// SPDX-License-Identifier: MIT
// Who had which engine when: from submissions and events to a drawing and trace events.
#include "dom0/cli/timeline.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dom0/cli/command.h"

namespace {
using cli::Stay;
using cli::Timeline;
using gen9::EngineId;
using hv::VgpuId;
using mediator::GpuEventKind;

constexpr uint64_t descriptor(uint32_t id) { return uint64_t{id} << 32 | 1; }

struct TimelineTest : testing::Test {
  TimelineTest() {
    line.created(VgpuId{1}, "a<b");
    line.created(VgpuId{2}, "two");
  }
  void submit(EngineId e, uint16_t vgpu, uint32_t id, uint64_t now) {
    const std::array<uint64_t, 1> d{descriptor(id)};
    line.submitted(e, VgpuId{vgpu}, d, now);
  }
  void event(EngineId e, GpuEventKind kind, uint32_t id, uint64_t at) {
    line.happened({kind, e, id, 0, at});
  }
  Timeline line;
};

TEST_F(TimelineTest, AStayLastsFromSubmissionToSave) {
  submit(EngineId::rcs, 1, 5, 100);
  submit(EngineId::bcs, 2, 6, 150);
  event(EngineId::rcs, GpuEventKind::context_preempted, 5, 300);
  event(EngineId::bcs, GpuEventKind::context_complete, 6, 400);
  line.finish(0, UINT64_MAX);
  ASSERT_EQ(line.stays().size(), 2u);
  EXPECT_EQ(line.stays()[0].to_ns - line.stays()[0].from_ns, 200u);
  EXPECT_EQ(line.stays()[0].end, Stay::End::preempted);
  EXPECT_EQ(line.stays()[1].end, Stay::End::complete);
  EXPECT_EQ(line.length_ns(), 300u);
}

TEST_F(TimelineTest, ALiteRestoreGoesOnWithTheStay) {
  submit(EngineId::rcs, 1, 5, 100);
  submit(EngineId::rcs, 1, 5, 200);
  event(EngineId::rcs, GpuEventKind::context_complete, 5, 300);
  line.finish(0, UINT64_MAX);
  ASSERT_EQ(line.stays().size(), 1u);
  EXPECT_EQ(line.length_ns(), 200u);
}

TEST_F(TimelineTest, AResetEndsAStay) {
  submit(EngineId::rcs, 1, 5, 100);
  line.submitted(EngineId::rcs, {}, {}, 250);
  line.finish(0, UINT64_MAX);
  ASSERT_EQ(line.stays().size(), 1u);
  EXPECT_EQ(line.stays()[0].end, Stay::End::reset);
}

TEST_F(TimelineTest, APartCanBeCutOut) {
  for (uint64_t t = 0; t < 10; ++t) {
    submit(EngineId::rcs, 1, 5, 1000 + t * 100);
    event(EngineId::rcs, GpuEventKind::context_complete, 5, 1000 + t * 100 + 80);
  }
  line.finish(250, 450);
  ASSERT_EQ(line.stays().size(), 3u);
  EXPECT_EQ(line.stays()[0].from_ns, 1250u);
  EXPECT_EQ(line.stays()[2].to_ns, 1450u);
}

TEST_F(TimelineTest, NamesAreGuestsWordsAndEscaped) {
  submit(EngineId::rcs, 1, 5, 100);
  event(EngineId::rcs, GpuEventKind::context_complete, 5, 300);
  line.finish(0, UINT64_MAX);
  EXPECT_EQ(timeline_svg(line).find("a<b"), std::string::npos);
  EXPECT_NE(timeline_svg(line).find("a&lt;b"), std::string::npos);
  const auto json = boost::json::parse(timeline_json(line));
  const auto& events = json.at("traceEvents").as_array();
  EXPECT_EQ(events.back().at("name").as_string(), "a<b");
  EXPECT_EQ(events.back().at("ph").as_string(), "X");
  EXPECT_DOUBLE_EQ(events.back().at("dur").to_number<double>(), 0.2);
}

TEST_F(TimelineTest, NothingIsADrawingToo) {
  line.finish(0, UINT64_MAX);
  EXPECT_NE(timeline_svg(line).find("<svg"), std::string::npos);
}

TEST(TimelineCli, DrawsAGoldenTraceAndRefusesWhatItCannot) {
  const auto call = [](std::vector<std::string> words, std::string& out) {
    std::ostringstream o, e;
    const int code = cli::timeline_main(words, o, e);
    out = o.str() + e.str();
    return code;
  };
  std::string out;
  const std::string file = testing::TempDir() + "timeline-test.json";
  EXPECT_EQ(call({"tests/traces/streams.xgt", "-o", file}, out), cli::kOk) << out;
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_GT(boost::json::parse(text.str()).at("traceEvents").as_array().size(), 10u);
  std::filesystem::remove(file);
  EXPECT_EQ(call({"tests/traces/streams.xgt"}, out), cli::kBadInput);
  EXPECT_EQ(call({"tests/traces/streams.xgt", "-o", "x.png"}, out), cli::kBadInput);
  EXPECT_EQ(call({"tests/traces/none.xgt", "-o", file}, out), cli::kBadInput);
  EXPECT_EQ(call({"tests/traces/streams.xgt", "-o", file, "--from", "5", "--to", "1"}, out),
            cli::kBadInput);
}

}  // namespace

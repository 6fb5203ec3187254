// SPDX-License-Identifier: MIT
// The control protocol over a running service with guests of this process.
#include "dom0/daemon/control.h"

#include <gmock/gmock.h>
#include <poll.h>

#include <boost/json.hpp>
#include <filesystem>
#include <sstream>

#include "dom0/daemon/local_backend.h"
#include "dom0/replay/script.h"

namespace xengvtd {
namespace {

using testing::HasSubstr;
namespace json = boost::json;

class Control : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(service_.start(), ""); }
  json::object ask(const std::string& line) {
    return json::parse(answer(service_, line).line).as_object();
  }
  std::string error(const std::string& line) {
    const json::object o = ask(line);
    return o.at("ok").as_bool() ? "" : std::string(o.at("error").as_string());
  }
  /// Runs the loop until `done` or a second has gone.
  template <class F>
  bool run_until(F done) {
    const uint64_t end = clock_.now_ns() + 5'000'000'000;
    while (!done()) {
      if (clock_.now_ns() > end) return false;
      pollfd p{service_.event_fd(), POLLIN, 0};
      poll(&p, 1, 10);
      service_.pump();
    }
    return true;
  }
  Config config_ = [] {
    Config c = default_config();
    c.types.erase(c.types.begin());  // begin with small
    c.types[0].maximum = 2;
    return c;
  }();
  WallClock clock_;
  std::ostringstream logged_;
  Log log_{logged_, LogLevel::debug, false};
  LocalBackend backend_{clock_};
  Service service_{config_, backend_, clock_, log_};
};

TEST_F(Control, AGuestIsAttachedDrawsAndIsDetached) {
  EXPECT_EQ(error(R"({"request":"attach","domain":"1","type":"small"})"), "");
  EXPECT_TRUE(run_until([&] {
    const json::object info = ask(R"({"request":"info","domain":"local1"})");
    return info.at("result").at("flips").to_number<uint64_t>() > 1;
  }));
  const Reply shot = answer(service_, R"({"request":"screenshot","domain":"1"})");
  const json::object o = json::parse(shot.line).as_object();
  ASSERT_TRUE(o.at("ok").as_bool());
  EXPECT_EQ(shot.bytes.size(), o.at("bytes").to_number<size_t>());
  EXPECT_EQ(shot.bytes.size(), 640u * 480 * 4);
  EXPECT_EQ(error(R"({"request":"detach","domain":"1"})"), "");
  EXPECT_THAT(error(R"({"request":"info","domain":"1"})"), HasSubstr("has no vGPU"));
}

TEST_F(Control, ListAndTypesSayWhatIsInUse) {
  EXPECT_EQ(error(R"({"request":"attach","domain":"1","type":"small"})"), "");
  const json::object list = ask(R"({"request":"list"})");
  EXPECT_EQ(list.at("result").at("guests").as_array().size(), 1u);
  EXPECT_EQ(list.at("result").at("host").at("backend").as_string(), "local");
  const json::object types = ask(R"({"request":"types"})");
  EXPECT_EQ(types.at("result").as_array()[0].at("in_use").to_number<int>(), 1);
}

TEST_F(Control, RefusalsSayWhyAndLeaveNothingBehind) {
  EXPECT_THAT(error(R"({"request":"attach","domain":"0","type":"small"})"), HasSubstr("no domain"));
  EXPECT_THAT(error(R"({"request":"attach","domain":"1","type":"huge"})"),
              HasSubstr("no vGPU type"));
  EXPECT_THAT(error(R"({"request":"attach","domain":"1","type":"small","options":{"x":"y"}})"),
              HasSubstr("not an option"));
  EXPECT_THAT(
      error(R"({"request":"attach","domain":"1","type":"small","options":{"resolution":"1x1"}})"),
      HasSubstr("resolution"));
  EXPECT_TRUE(service_.guests().empty());
  EXPECT_EQ(error(R"({"request":"attach","domain":"1","type":"small"})"), "");
  EXPECT_THAT(error(R"({"request":"attach","domain":"1","type":"small"})"), HasSubstr("already"));
  EXPECT_EQ(error(R"({"request":"attach","domain":"2","type":"small"})"), "");
  EXPECT_THAT(error(R"({"request":"attach","domain":"3","type":"small"})"),
              HasSubstr("all 2 vGPUs of type small are in use"));
  EXPECT_EQ(service_.guests().size(), 2u);
}

TEST_F(Control, APausedGuestGetsNoGpu) {
  EXPECT_EQ(error(R"({"request":"attach","domain":"1","type":"small"})"), "");
  EXPECT_EQ(error(R"({"request":"set","domain":"1","paused":true})"), "");
  EXPECT_EQ(ask(R"({"request":"info","domain":"1"})").at("result").at("state").as_string(),
            "paused");
  EXPECT_EQ(error(R"({"request":"set","domain":"1","paused":false})"), "");
  EXPECT_TRUE(run_until([&] { return service_.guests()[0].stats.submissions > 1; }));
}

TEST_F(Control, ReadsOfAGuestThatReadsByItselfAnywayCannotBeChanged) {
  EXPECT_EQ(error(R"({"request":"attach","domain":"1","type":"small"})"), "");
  EXPECT_THAT(error(R"({"request":"set","domain":"1","direct_reads":false})"),
              HasSubstr("cannot change how registers are read"));
  EXPECT_TRUE(ask(R"({"request":"info","domain":"1"})").at("result").at("direct_reads").as_bool());
}

TEST_F(Control, MalformedRequestsAreRefusedWithAReason) {
  for (const char* bad : {"",
                          "{",
                          "[]",
                          "1",
                          "\"list\"",
                          "{}",
                          R"({"request":1})",
                          R"({"request":"nothing"})",
                          R"({"request":"info"})",
                          R"({"request":"info","domain":7})",
                          R"({"request":"attach","domain":"1"})",
                          R"({"request":"attach","domain":"1","type":[]})",
                          R"({"request":"attach","domain":"1","type":"small","options":[]})",
                          R"({"request":"attach","domain":"1","type":"small","options":{"a":1}})",
                          R"({"request":"set","domain":"1","paused":"yes"})",
                          R"({"request":"set","domain":"1"})",
                          R"({"request":"set","domain":"1","direct_reads":1})",
                          R"({"request":"log","after":-1})",
                          R"({"request":"trace-start","path":"relative"})",
                          R"({"request":"list"} {})",
                          R"({"request":"info","domain":"a\u0000b"})",
                          "{\"request\":\"info\",\"domain\":\"\xff\"}"})
    EXPECT_NE(error(bad), "") << bad;
  const std::string deep =
      R"({"request":"list","x":)" + std::string(100, '[') + std::string(100, ']') + "}";
  EXPECT_THAT(error(deep), HasSubstr("bad request"));
  EXPECT_NE(error(R"({"request":"info","domain":")" + std::string(5000, 'x') + "\"}"), "");
}

TEST_F(Control, LogCarriesWhatWasRefused) {
  (void)error(R"({"request":"attach","domain":"1","type":"small"})");
  (void)error(R"({"request":"attach","domain":"1","type":"small"})");
  const json::object log = ask(R"({"request":"log"})");
  const json::array& lines = log.at("result").as_array();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(std::string(lines[1].at("text").as_string()), HasSubstr("already; detach it first"));
}

TEST_F(Control, ATraceIsRecordedOnlyFromBeforeTheFirstGuest) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("xengvtd_" + std::to_string(getpid()) + ".trace"))
          .string();
  EXPECT_NE(error(R"({"request":"trace-stop"})"), "");
  EXPECT_NE(error(R"({"request":"trace-start","path":"/nonexistent/folder/t"})"), "");
  EXPECT_EQ(error(R"({"request":"trace-start","path":")" + path + "\"}"), "");
  EXPECT_NE(error(R"({"request":"trace-start","path":")" + path + "\"}"), "");
  EXPECT_EQ(error(R"({"request":"attach","domain":"1","type":"small"})"), "");
  EXPECT_TRUE(run_until([&] { return service_.guests()[0].stats.submissions > 1; }));
  EXPECT_EQ(error(R"({"request":"trace-stop"})"), "");
  EXPECT_GT(std::filesystem::file_size(path), 1000u);
  EXPECT_NE(error(R"({"request":"trace-start","path":")" + path + "\"}"), "");
  EXPECT_TRUE(run_until([&] { return service_.guests()[0].stats.submissions > 3; }));
  std::filesystem::remove(path);
}

TEST_F(Control, OneGuestIsRecordedFromItsBirthBesideOthers) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("xengvtd_" + std::to_string(getpid()) + ".one"))
          .string();
  const std::string start = R"({"request":"trace-start","domain":"local2","path":")" + path + "\"}";
  const std::string stop = R"({"request":"trace-stop","domain":"local2"})";
  EXPECT_NE(error(stop), "");
  EXPECT_EQ(error(R"({"request":"attach","domain":"1","type":"small"})"), "");
  EXPECT_EQ(error(start), "");
  EXPECT_EQ(error(R"({"request":"attach","domain":"2","type":"small"})"), "");
  EXPECT_NE(error(start), "");  // it lives already
  EXPECT_TRUE(run_until([&] {
    const auto all = service_.guests();
    return all[0].stats.submissions > 1 && all[1].stats.submissions > 1;
  }));
  EXPECT_EQ(error(R"({"request":"detach","domain":"2"})"), "");
  const auto scripts = replay::load_scripts(path);
  ASSERT_TRUE(scripts.ok()) << scripts.error();
  ASSERT_EQ(scripts->guests.size(), 1u);
  const replay::Script& script = scripts->guests.begin()->second;
  EXPECT_EQ(script.config.name, "local2");
  EXPECT_GT(script.submissions, 1u);
  EXPECT_FALSE(script.written.empty());
  EXPECT_NE(error(stop), "");  // it ended with the guest
  std::filesystem::remove(path);
}

TEST_F(Control, AWishForARecordingCanBeTakenBack) {
  EXPECT_EQ(error(R"({"request":"trace-start","domain":"local2","path":"/nonexistent/t"})"), "");
  EXPECT_EQ(error(R"({"request":"trace-stop","domain":"local2"})"), "");
  EXPECT_NE(error(R"({"request":"trace-stop","domain":"local2"})"), "");
}

TEST_F(Control, AGuestThatCannotBeRecordedStillGetsItsVgpu) {
  EXPECT_EQ(error(R"({"request":"trace-start","domain":"local2","path":"/nonexistent/t"})"), "");
  EXPECT_EQ(error(R"({"request":"attach","domain":"2","type":"small"})"), "");
  EXPECT_TRUE(run_until([&] { return service_.guests()[0].stats.submissions > 1; }));
}

}  // namespace
}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// xengvt run and demo as called: what they print, and one clear line for what cannot be.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dom0/cli/command.h"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
constexpr const char* kStream = "tests/corpus/aub/skl-compute-64.aub.zst";

struct Outcome {
  int code;
  std::string out, err;
};

Outcome call(std::vector<std::string> args) {
  std::ostringstream out, err;
  const int code = cli::xengvt_main(args, out, err);
  return {code, out.str(), err.str()};
}

void expect_refused(const std::vector<std::string>& args, const std::string& about) {
  const Outcome o = call(args);
  EXPECT_EQ(o.code, cli::kBadInput) << about;
  EXPECT_EQ(o.out, "") << about;
  EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
  EXPECT_NE(o.err.find(about), std::string::npos) << o.err;
}

class Folder {
 public:
  Folder() { fs::create_directories(path_); }
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_ = fs::temp_directory_path() / ("xengvt-cli-" + std::to_string(getpid()));
};

TEST(Run, BadUsageIsOneLine) {
  expect_refused({"run"}, "no file");
  expect_refused({"run", kStream}, "--native and --mediated");
  expect_refused({"run", kStream, "--native", "--mediated"}, "--native and --mediated");
  expect_refused({"run", kStream, "--nativ"}, "--nativ");
  expect_refused({"run", kStream, "--mediated", "--slice", "0.5"}, "1 to 30 ms");
  expect_refused({"run", kStream, "--mediated", "--slice", "31"}, "1 to 30 ms");
  expect_refused({"run", kStream, "--mediated", "--slice", "x"}, "slice");
}

TEST(Run, BadFilesAreNamed) {
  expect_refused({"run", "--native", "no-such-file.aub"}, "no-such-file.aub");
  expect_refused({"run", "--native", "tests"}, "tests");
  Folder f;
  std::ofstream(f.file("empty.aub")).flush();
  expect_refused({"run", "--native", f.file("empty.aub")}, "empty.aub");
  std::ofstream(f.file("nonsense.aub")) << "this is not an AUB file at all";
  expect_refused({"run", "--mediated", f.file("nonsense.aub")}, "nonsense.aub");
}

TEST(Run, NativeAndMediatedSayTheSame) {
  const Outcome native = call({"run", kStream, "--native", "--json"});
  const Outcome mediated = call({"run", kStream, "--mediated", "--json"});
  ASSERT_EQ(native.code, cli::kOk) << native.err;
  ASSERT_EQ(mediated.code, cli::kOk) << mediated.err;
  const auto n = json::parse(native.out).as_object(), m = json::parse(mediated.out).as_object();
  for (const char* key : {"memory", "executed", "stream"}) EXPECT_EQ(n.at(key), m.at(key)) << key;
  EXPECT_EQ(n.at("traps").to_number<uint64_t>(), 0u);
  EXPECT_GT(m.at("traps").to_number<uint64_t>(), 0u);
  EXPECT_GT(m.at("host_ns").to_number<uint64_t>(), 0u);
  EXPECT_EQ(m.at("dma_violations").to_number<uint64_t>(), 0u);
}

TEST(Run, TextNamesTheFile) {
  const Outcome o = call({"run", kStream, "--mediated"});
  EXPECT_EQ(o.code, cli::kOk) << o.err;
  EXPECT_NE(o.out.find(kStream), std::string::npos);
}

TEST(Demo, BadUsageIsOneLine) {
  expect_refused({"demo", "--guests", "0"}, "1 to 64 guests");
  expect_refused({"demo", "--guests", "65"}, "1 to 64 guests");
  expect_refused({"demo", "--guests", "many"}, "guests");
  expect_refused({"demo", "--seconds", "0"}, "seconds");
  expect_refused({"demo", "--seconds", "nan"}, "seconds");
  expect_refused({"demo", "--streams", "no-such-file.aub"}, "no-such-file.aub");
  expect_refused({"demo", "surplus"}, "demo");
  expect_refused({"demo", "--seconds", "0.01", "--out", "Makefile"}, "Makefile");
}

TEST(Demo, WritesAPictureAndFigures) {
  Folder f;
  const Outcome o =
      call({"demo", "--guests", "3", "--seconds", "0.03", "--out", f.file("out"), "--json"});
  ASSERT_EQ(o.code, cli::kOk) << o.err;
  const auto r = json::parse(o.out).as_object();
  ASSERT_EQ(r.at("guests").as_array().size(), 3u);
  for (const auto& g : r.at("guests").as_array()) {
    EXPECT_GT(g.at("submissions").to_number<uint64_t>(), 0u);
    EXPECT_GT(g.at("traps").at("register_writes").to_number<uint64_t>(), 0u);
    EXPECT_EQ(g.at("refused").to_number<uint64_t>(), 0u);
  }
  EXPECT_GT(r.at("total").at("mediated_over_native").to_number<double>(), 0.0);
  std::ifstream png(f.file("out/demo.png"), std::ios::binary);
  char head[8] = {};
  png.read(head, sizeof head);
  EXPECT_EQ(std::string(head, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_TRUE(fs::exists(f.file("out/demo.json")));
  EXPECT_EQ(std::distance(fs::directory_iterator(f.file("out")), fs::directory_iterator{}), 2);
}

TEST(Demo, IsTheSameEveryTime) {
  const auto stable = [] {
    Folder f;
    auto r = json::parse(call({"demo", "--guests", "3", "--seconds", "0.03", "--out", f.file("o"),
                               "--json"})
                             .out)
                 .as_object();
    for (auto& g : r.at("guests").as_array()) g.as_object().erase("mediator_ns");
    for (const char* real : {"mediator_ns", "mediator_idle_ns", "mediated_over_native",
                             "mediated_over_native_unhidden"})
      r.at("total").as_object().erase(real);
    return r;
  };
  EXPECT_EQ(stable(), stable());
}

}  // namespace

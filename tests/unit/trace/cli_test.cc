// SPDX-License-Identifier: MIT
// record, replay and trace as the shell calls them, on a small stream; and files that appear whole
// or not at all.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dom0/cli/output_file.h"
#include "dom0/cli/record.h"

namespace {
namespace fs = std::filesystem;
using Words = std::vector<std::string>;

struct Outcome {
  int code;
  std::string out, err;
  [[nodiscard]] boost::json::value json() const { return boost::json::parse(out); }
};

class TraceCli : public testing::Test {
 protected:
  TraceCli() { fs::create_directories(folder_); }
  ~TraceCli() override { fs::remove_all(folder_); }

  static Outcome call(cli::CommandMain main, const Words& words) {
    std::ostringstream out, err;
    const int code = main(words, out, err);
    return {code, out.str(), err.str()};
  }
  static void expect_refused(cli::CommandMain main, const Words& words, const std::string& about) {
    const Outcome o = call(main, words);
    EXPECT_EQ(o.code, cli::kBadInput);
    EXPECT_EQ(std::ranges::count(o.err, '\n'), 1) << o.err;
    EXPECT_NE(o.err.find(about), std::string::npos) << o.err;
  }
  [[nodiscard]] std::string path(const char* name) const { return folder_ / name; }
  [[nodiscard]] size_t files() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  std::string record(const char* name, const Words& more = {}) {
    Words words{"run", kStream, "--mediated", "-o", path(name)};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome o = call(cli::record_main, words);
    EXPECT_EQ(o.code, cli::kOk) << o.err;
    return path(name);
  }

  static constexpr const char* kStream = "tests/corpus/aub/skl-compute-64.aub.zst";
  const fs::path folder_ = fs::temp_directory_path() / ("trace-cli-" + std::to_string(getpid()));
};

TEST_F(TraceCli, AStreamRecordsAndReplays) {
  const std::string trace = record("a.trace");
  EXPECT_EQ(files(), 1u);
  const Outcome o = call(cli::replay_main, {trace, "--json"});
  EXPECT_EQ(o.code, cli::kOk) << o.out << o.err;
  const auto json = o.json().as_object();
  EXPECT_TRUE(json.at("matches").as_bool());
  EXPECT_TRUE(json.at("first_divergence").is_null());
  EXPECT_EQ(json.at("state").as_string().size(), 64u);
  EXPECT_GT(json.at("events").to_number<uint64_t>(), 100u);
}

TEST_F(TraceCli, SeveralTracesGiveAList) {
  const std::string trace = record("a.trace");
  const Outcome o = call(cli::replay_main, {trace, trace, "--json"});
  EXPECT_EQ(o.code, cli::kOk);
  EXPECT_EQ(o.json().as_array().size(), 2u);
}

TEST_F(TraceCli, TheTextFormGoesBothWays) {
  const std::string trace = record("a.trace");
  const Outcome text = call(cli::trace_main, {"show", trace, "--text"});
  std::ofstream(path("a.txt")) << "# a comment\n\n" << text.out;
  const Outcome o = call(cli::trace_main, {"assemble", path("a.txt"), "-o", path("b.trace")});
  EXPECT_EQ(o.code, cli::kOk) << o.err;
  EXPECT_EQ(call(cli::trace_main, {"show", path("b.trace"), "--text"}).out, text.out);
}

TEST_F(TraceCli, AChangedWriteIsLocated) {
  const std::string trace = record("a.trace");
  std::string text = call(cli::trace_main, {"show", trace, "--text"}).out;
  const size_t at = text.find("hash=0x");
  text[at + 7] = text[at + 7] == '1' ? '2' : '1';
  std::ofstream(path("a.txt")) << text;
  ASSERT_EQ(call(cli::trace_main, {"assemble", path("a.txt"), "-o", path("b.trace")}).code, 0);
  const Outcome o = call(cli::replay_main, {path("b.trace"), "--json"});
  EXPECT_EQ(o.code, cli::kFailed);
  const auto json = o.json().as_object();
  EXPECT_FALSE(json.at("matches").as_bool());
  const auto before = std::count(text.begin(), text.begin() + static_cast<long>(at), '\n');
  EXPECT_EQ(json.at("first_divergence").to_number<int64_t>(), before - 1);  // less the header line
}

TEST_F(TraceCli, ShowNamesRegistersContextsAndCommands) {
  const Outcome o = call(cli::trace_main, {"show", record("a.trace")});
  EXPECT_NE(o.out.find("RCS ELSP submits context"), std::string::npos);
  EXPECT_NE(o.out.find("submit rcs0: context"), std::string::npos);
  EXPECT_NE(o.out.find("MI_BATCH_BUFFER_START"), std::string::npos);
  const Outcome json = call(cli::trace_main, {"show", path("a.trace"), "--json"});
  std::istringstream lines(json.out);
  for (std::string line; std::getline(lines, line);)
    EXPECT_TRUE(boost::json::parse(line).is_object());
}

TEST_F(TraceCli, InfoCountsAccessesByKindAndRegister) {
  const std::string trace = record("a.trace");
  const Outcome all = call(cli::trace_main, {"info", trace, "--json"});
  ASSERT_EQ(all.code, cli::kOk) << all.err;
  const auto guests = all.json().at("guests").as_array();
  ASSERT_EQ(guests.size(), 1u);
  uint64_t elsp = 0;
  for (const auto& r : guests[0].at("by_register").as_array())
    if (r.at("name").as_string() == "RCS ELSP") elsp = r.at("writes").to_number<uint64_t>();
  const auto submitted = guests[0].at("submissions").at("rcs0").to_number<uint64_t>();
  EXPECT_GT(submitted, 0u);
  EXPECT_EQ(elsp, 4 * submitted);
  EXPECT_EQ(guests[0].at("completed").at("rcs0").to_number<uint64_t>(), submitted);
  const Outcome none = call(cli::trace_main, {"info", trace, "--json", "--from", "1e9"});
  EXPECT_EQ(none.json().at("guests").at(0).at("accesses").to_number<uint64_t>(), 0u);
  EXPECT_NE(call(cli::trace_main, {"info", trace}).out.find("RCS ELSP"), std::string::npos);
  expect_refused(cli::trace_main, {"info", trace, "--from", "-1"}, "milliseconds");
}

TEST_F(TraceCli, OpenReplayRunsEverySubmissionOnALiveModel) {
  const std::string trace = record("a.trace", {"--open"});
  const Outcome once = call(cli::replay_main, {trace, "--open", "--json"});
  EXPECT_EQ(once.code, cli::kOk) << once.err;
  const auto json = once.json().as_object();
  EXPECT_GT(json.at("submissions").to_number<uint64_t>(), 0u);
  EXPECT_EQ(json.at("refused").to_number<uint64_t>(), 0u);
  EXPECT_EQ(json.at("late").to_number<uint64_t>(), 0u);
  EXPECT_TRUE(json.at("same").as_bool());
  const auto& guest = json.at("guests").as_array().at(0).as_object();
  EXPECT_GT(guest.at("written_pages").to_number<uint64_t>(), 0u);
  EXPECT_EQ(guest.at("equal_pages"), guest.at("written_pages"));
  EXPECT_EQ(call(cli::replay_main, {trace, "--open", "--json"}).out, once.out);
  EXPECT_EQ(call(cli::replay_main, {trace}).code, cli::kOk);  // closed as well
}

TEST_F(TraceCli, AnOpenReplayCanBeRecordedAndReplays) {
  const std::string trace = record("a.trace", {"--open"});
  ASSERT_EQ(call(cli::replay_main, {trace, "--open", "-o", path("b.trace")}).code, cli::kOk);
  const Outcome o = call(cli::replay_main, {path("b.trace"), "--json"});
  EXPECT_EQ(o.code, cli::kOk) << o.out << o.err;
  expect_refused(cli::replay_main, {trace, "-o", path("c.trace")}, "goes with --open");
}

/// The trace's text without the line that starts with `what`, and with the right number of records.
std::string without(std::string text, const std::string& what) {
  const size_t at = text.find("\n" + what + " ");
  if (at == std::string::npos) return {};
  text.erase(at, text.find('\n', at + 1) - at);
  const size_t records = text.find("records=") + 8;
  return text.replace(records, text.find(' ', records) - records,
                      std::to_string(std::count(text.begin(), text.end(), '\n') - 2));
}

TEST_F(TraceCli, WhatTheMediatorPutsOutCanBeToldAnew) {
  const std::string trace = path("a.trace");
  const Words demo{"demo", "--guests", "1", "--seconds", "0.02", "--open", "-o", trace};
  ASSERT_EQ(call(cli::record_main, demo).code, cli::kOk);
  const std::string text = call(cli::trace_main, {"show", trace, "--text"}).out;
  std::string other = without(text, "inject_msi");
  const size_t hash = other.find("hash=0x");
  ASSERT_NE(hash, std::string::npos);
  other[hash + 7] = other[hash + 7] == '1' ? '2' : '1';
  std::ofstream(path("b.txt")) << other;
  ASSERT_EQ(call(cli::trace_main, {"assemble", path("b.txt"), "-o", path("b.trace")}).err, "");
  EXPECT_EQ(call(cli::replay_main, {path("b.trace")}).code, cli::kFailed);
  const Outcome o = call(cli::replay_main, {path("b.trace"), "--retell", "-o", path("c.trace")});
  EXPECT_EQ(o.code, cli::kOk) << o.out << o.err;
  EXPECT_EQ(call(cli::replay_main, {path("c.trace")}).code, cli::kOk);
  EXPECT_EQ(call(cli::trace_main, {"show", path("c.trace"), "--text"}).out, text);
}

TEST_F(TraceCli, WhatWasNeverAnsweredCannotBeToldAnew) {
  const std::string trace = record("a.trace");
  std::ofstream(path("b.txt")) << without(call(cli::trace_main, {"show", trace, "--text"}).out,
                                          "read");
  ASSERT_EQ(call(cli::trace_main, {"assemble", path("b.txt"), "-o", path("b.trace")}).err, "");
  EXPECT_EQ(call(cli::replay_main, {path("b.trace"), "--retell", "-o", path("c.trace")}).code,
            cli::kFailed);
  EXPECT_FALSE(fs::exists(path("c.trace")));
  expect_refused(cli::replay_main, {trace, "--retell"}, "--retell goes with");
}

TEST_F(TraceCli, OneGuestCanBeTakenOutOfARecordingOfSeveral) {
  const Words words{"run", kStream, kStream, "--mediated", "--open", "-o", path("a.trace")};
  ASSERT_EQ(call(cli::record_main, words).code, cli::kOk);
  for (const char* guest : {"1", "2"}) {
    const Outcome out = call(
        cli::trace_main, {"extract", path("a.trace"), "--guest", guest, "-o", path("one.trace")});
    ASSERT_EQ(out.code, cli::kOk) << out.err;
    const Outcome o = call(cli::replay_main, {path("one.trace"), "--open", "--json"});
    EXPECT_EQ(o.code, cli::kOk) << o.out << o.err;
    EXPECT_GT(o.json().at("guests").at(0).at("written_pages").to_number<uint64_t>(), 0u);
    expect_refused(cli::replay_main, {path("one.trace")}, "--open");
  }
  expect_refused(cli::trace_main,
                 {"extract", path("a.trace"), "--guest", "3", "-o", path("x.trace")}, "number");
}

TEST_F(TraceCli, OpenReplayTellsOfOtherResults) {
  const std::string trace = record("a.trace", {"--open"});
  std::string text = call(cli::trace_main, {"show", trace, "--text"}).out;
  const size_t at = text.find("sum=0x");
  ASSERT_NE(at, std::string::npos);
  text[at + 6] = text[at + 6] == '1' ? '2' : '1';
  std::ofstream(path("a.txt")) << text;
  ASSERT_EQ(call(cli::trace_main, {"assemble", path("a.txt"), "-o", path("b.trace")}).code, 0);
  const Outcome o = call(cli::replay_main, {path("b.trace"), "--open"});
  EXPECT_EQ(o.code, cli::kFailed);
  EXPECT_NE(o.out.find("other bytes written"), std::string::npos) << o.out;
}

TEST_F(TraceCli, OpenReplayNeedsMemory) {
  expect_refused(cli::replay_main, {record("a.trace"), "--open"}, "without --open");
}

TEST_F(TraceCli, BadUsageIsOneLine) {
  expect_refused(cli::record_main, {}, "demo or run");
  expect_refused(cli::record_main, {"walk", "-o", "x"}, "demo or run");
  expect_refused(cli::record_main, {"run", kStream, "--mediated"}, "no -o");
  expect_refused(cli::record_main, {"run", "--frobnicate", "-o", path("x")}, "frobnicate");
  expect_refused(cli::record_main, {"run", kStream, "--native", "-o", path("x")}, "");
  expect_refused(cli::replay_main, {}, "no trace");
  expect_refused(cli::replay_main, {path("missing")}, "No such file");
  expect_refused(cli::replay_main, {folder_}, "directory");
  expect_refused(cli::trace_main, {}, "info, show, extract");
  expect_refused(cli::trace_main, {"show"}, "expected info, show");
  expect_refused(cli::trace_main, {"assemble", "x"}, "no -o");
  EXPECT_EQ(files(), 0u);
}

TEST_F(TraceCli, BadTextNamesItsLine) {
  std::ofstream(path("a.txt"))
      << "xengvt-trace 1 quirks=0 device_id=0 revision=0\n# fine\nno such thing\n";
  expect_refused(cli::trace_main, {"assemble", path("a.txt"), "-o", path("b")}, ":3: unknown kind");
  EXPECT_EQ(files(), 1u);
}

TEST_F(TraceCli, RecordingOntoAFullDiskLeavesNothing) {
  expect_refused(cli::record_main, {"run", kStream, "--mediated", "-o", "/dev/full"}, "");
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
  expect_refused(cli::record_main, {"run", kStream, "--mediated", "-o", path("none/x")},
                 "No such file");
  expect_refused(cli::record_main, {"run", kStream, "--mediated", "-o", folder_}, "directory");
}

TEST_F(TraceCli, AnOutputFileAppearsOnlyWhenCommitted) {
  const std::byte b{'x'};
  {
    cli::OutputFile file(path("f"));
    EXPECT_TRUE(file.write({&b, 1}));
    EXPECT_FALSE(fs::exists(path("f")));
  }
  EXPECT_EQ(files(), 0u);
  cli::OutputFile file(path("f"));
  EXPECT_TRUE(file.write({&b, 1}));
  EXPECT_TRUE(file.commit());
  EXPECT_EQ(fs::file_size(path("f")), 1u);
  EXPECT_EQ(files(), 1u);
}

}  // namespace

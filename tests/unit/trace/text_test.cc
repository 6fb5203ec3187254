// SPDX-License-Identifier: MIT
// The text form goes both ways without loss and refuses what it does not know.
#include "hv/trace/text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "hv/result.h"
#include "mediator/trace/kinds.h"
#include "tests/fake/trace_bytes.h"

namespace {
using namespace hv::trace;
using mediator::trace::kVocabulary;

std::string refused(std::string_view line) {
  ParsedLine parsed;
  return from_text(line, kVocabulary, parsed);
}

TEST(TraceText, EveryKindRoundTrips) {
  const std::array blob{std::byte{0}, std::byte{0x7f}, std::byte{0xff}};
  unsigned kinds = 0;
  for (unsigned k = 0; k < 256; ++k) {
    const KindInfo* info = kVocabulary.find(static_cast<Kind>(k));
    if (!info) continue;
    ++kinds;
    Record r;
    r.kind = info->kind;
    r.subject = k;
    for (unsigned i = 0; i < kVocabulary.args(r.kind); ++i) r.args[i] = i * 0x123456789abcdefu + k;
    if (info->blob) r.blob = blob;
    ParsedLine back;
    ASSERT_EQ(from_text(to_text(r, kVocabulary), kVocabulary, back), "") << to_text(r, kVocabulary);
    EXPECT_EQ(back.record.kind, r.kind);
    EXPECT_EQ(back.record.subject, r.subject);
    EXPECT_EQ(back.record.args, r.args);
    EXPECT_TRUE(std::ranges::equal(back.record.blob, r.blob));
  }
  EXPECT_GT(kinds, 30u);
}

TEST(TraceText, ShowsNumbersAndErrorsAsTheTableSays) {
  Record r;
  r.kind = Kind::place;
  r.subject = 2;
  r.args = {1, 0xe0000000, 4096, 1 + static_cast<uint64_t>(hv::Error::bad_address)};
  EXPECT_EQ(to_text(r, kVocabulary),
            "place 2 range=1 base=0xe0000000 bytes=4096 status=bad_address");
}

TEST(TraceText, HeaderRoundTrips) {
  FileHeader h;
  h.quirks = kGuestPages;
  h.device_id = 0x5912;
  h.revision = 4;
  FileHeader back;
  ASSERT_EQ(from_text(to_text(h), back), "");
  EXPECT_EQ(back.quirks, h.quirks);
  EXPECT_EQ(back.device_id, h.device_id);
  EXPECT_EQ(back.revision, h.revision);
}

TEST(TraceText, RefusesBadLines) {
  EXPECT_EQ(refused("nothing 1"), "unknown kind nothing");
  EXPECT_EQ(refused("poll"), "bad subject");
  EXPECT_EQ(refused("poll 99999999999"), "bad subject");
  EXPECT_EQ(refused("poll 0 more"), "more than the record has");
  EXPECT_EQ(refused("pause 1"), "expected paused=");
  EXPECT_EQ(refused("pause 1 pausedx=1"), "expected paused=");
  EXPECT_EQ(refused("pause 1 paused="), "bad paused");
  EXPECT_EQ(refused("pause 1 paused=0x"), "bad paused");
  EXPECT_EQ(refused("pause 1 paused=99999999999999999999"), "bad paused");
  EXPECT_EQ(refused("remove 1 range=1 status=fine"), "bad status");
  EXPECT_EQ(refused("end 0 records=1 state=abc"), "bad state");
  EXPECT_EQ(refused("end 0 records=1 state=zz"), "bad state");
}

/// A file of version 1 as its first writer made it: it stays readable.
constexpr std::string_view kVersion1 =
    "5847565452414345010000000100000001000000000000001219060000000000000000000000000000000000"
    "000000000000000000000000000000008d392e3c5847424b000000004f000000580000004ddc036428b52ffd"
    "204f7902000b020101b04404808080800806100002c0843d0a200180200400010203040c11000388ef99abc5"
    "e88c911123140004e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(TraceText, AFileOfVersion1StaysReadable) {
  std::vector<std::byte> bytes(kVersion1.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] =
        static_cast<std::byte>(std::stoi(std::string(kVersion1.substr(2 * i, 2)), nullptr, 16));
  fake::TraceBytes file(bytes);
  Reader reader(file, kVocabulary);
  std::string text = to_text(reader.header()) + "\n";
  while (const Record* r = reader.next()) text += to_text(*r, kVocabulary) + "\n";
  EXPECT_EQ(reader.error(), "");
  EXPECT_EQ(text,
            "xengvt-trace 1 quirks=0x1 device_id=0x1912 revision=6\n"
            "trap_write 1 range=1 offset=0x2230 size=4 value=0x80000000\n"
            "clock 0 same=2 delta=1000000\n"
            "read 1 address=0x1000 bytes=4 status=ok data=01020304\n"
            "outputs 0 count=3 hash=0x1122334455667788\n"
            "end 0 records=4 "
            "state=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
}

TEST(TraceText, RefusesBadHeaders) {
  FileHeader h;
  EXPECT_EQ(from_text("trace 1", h), "not the text of a trace");
  EXPECT_EQ(from_text("xengvt-trace 9", h), "unknown version");
  EXPECT_EQ(from_text("xengvt-trace 1 quirks=0x80 device_id=0 revision=0", h), "bad quirks");
  EXPECT_EQ(from_text("xengvt-trace 1 quirks=0 device_id=65536 revision=0", h), "bad device_id");
  EXPECT_EQ(from_text("xengvt-trace 1 quirks=0 device_id=1 revision=256", h), "bad revision");
}

}  // namespace

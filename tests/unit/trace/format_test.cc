// SPDX-License-Identifier: MIT
// Writer and reader: what goes in comes out; what is damaged is refused with one line.
#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

#include "hv/trace/reader.h"
#include "hv/trace/writer.h"
#include "tests/fake/trace_bytes.h"

namespace {
using namespace hv::trace;

constexpr Vocabulary kWords{kHvKinds};

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> v;
  for (int x : values) v.push_back(static_cast<std::byte>(x));
  return v;
}

void add(Writer& w, Kind kind, uint32_t subject, std::initializer_list<uint64_t> args,
         std::span<const std::byte> blob = {}) {
  w.add(kind, subject, {args.begin(), args.size()}, blob);
}

std::vector<std::byte> sample(size_t reads = 3) {
  fake::TraceBytes file;
  Writer w(file, {});
  add(w, Kind::trap_write, 1, {1, 0x2230, 4, 0xffffffff});
  std::vector<std::byte> data(100);
  for (size_t i = 0; i < reads; ++i) {
    for (auto& b : data) b = static_cast<std::byte>(i * 37 + (&b - data.data()) * 11);
    add(w, Kind::read, 1, {0x1000 * i, data.size(), 0}, data);
  }
  add(w, Kind::value, 1, {~uint64_t{0}});
  EXPECT_TRUE(w.finish(sha256({})).ok());
  return file.bytes;
}

/// Reads to the end; gives the number of records or the error.
std::string outcome(std::vector<std::byte> content) {
  fake::TraceBytes file(std::move(content));
  Reader r(file, kWords);
  size_t n = 0;
  while (r.next()) ++n;
  EXPECT_NE(r.ended(), !r.error().empty());
  EXPECT_EQ(r.error().find('\n'), std::string::npos);
  return r.error().empty() ? std::to_string(n) : r.error();
}

/// The header as changed, with its checksum made right again.
template <class Change>
std::vector<std::byte> with_header(Change change) {
  std::vector<std::byte> t = sample();
  FileHeader h;
  std::memcpy(&h, t.data(), sizeof h);
  change(h);
  h.crc = crc32({std::as_bytes(std::span{&h, 1}).first(offsetof(FileHeader, crc))});
  std::memcpy(t.data(), &h, sizeof h);
  return t;
}

TEST(Hash64, IsTheOneOfTheDocument) {
  // From an independent implementation; the hash is part of the format.
  const std::pair<size_t, uint64_t> kKnown[] = {
      {0, 0xf7e27bed97b0321eu},  {5, 0x02205103d88759dcu},  {8, 0xfdb080477de193d7u},
      {31, 0xc8e9ba2073166bb7u}, {32, 0x9806b4574ae11d69u}, {77, 0x01329cef98f7d37cu},
  };
  for (const auto& [bytes, value] : kKnown) {
    std::vector<std::byte> data(bytes);
    for (size_t i = 0; i < bytes; ++i) data[i] = static_cast<std::byte>(i * 7 + 1);
    Hash64 h;
    h.add(std::span<const std::byte>{data});
    EXPECT_EQ(h.value(), value) << bytes;
  }
}

TEST(Hash64, SeesOrderAndEveryByte) {
  std::vector<std::byte> data(100);
  Hash64 zeros;
  zeros.add(std::span<const std::byte>{data});
  for (auto& b : data) {
    b = std::byte{1};
    Hash64 h;
    h.add(std::span<const std::byte>{data});
    EXPECT_NE(h.value(), zeros.value());
    b = std::byte{0};
  }
  Hash64 ab, ba;
  ab.add(1);
  ab.add(2);
  ba.add(2);
  ba.add(1);
  EXPECT_NE(ab.value(), ba.value());
}

TEST(Varint, RoundTripsEveryLength) {
  for (unsigned shift = 0; shift < 64; ++shift) {
    const uint64_t v = ~uint64_t{0} >> shift;
    std::byte buffer[kVarintBytes];
    const size_t n = put_varint(buffer, v);
    std::span<const std::byte> rest{buffer, n};
    uint64_t back = 0;
    ASSERT_TRUE(take_varint(rest, back));
    EXPECT_EQ(back, v);
    EXPECT_TRUE(rest.empty());
    rest = {buffer, n - 1};
    EXPECT_FALSE(take_varint(rest, back));
  }
}

TEST(Varint, RefusesWhatDoesNotFit64Bits) {
  const auto eleven = bytes_of({255, 255, 255, 255, 255, 255, 255, 255, 255, 2});
  std::span<const std::byte> rest{eleven};
  uint64_t v = 0;
  EXPECT_FALSE(take_varint(rest, v));
}

TEST(Zigzag, RoundTripsSmallDifferencesBothWays) {
  for (const uint64_t d : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{1} << 63}) {
    EXPECT_EQ(unzigzag(zigzag(d)), d);
  }
  EXPECT_EQ(zigzag(~uint64_t{0}), 1u);
}

TEST(Trace, GivesBackWhatWasWritten) {
  fake::TraceBytes file(sample(2));
  Reader r(file, kWords);
  const Record* x = r.next();
  ASSERT_NE(x, nullptr);
  EXPECT_EQ(x->kind, Kind::trap_write);
  EXPECT_EQ(x->subject, 1u);
  EXPECT_EQ(x->args[3], 0xffffffffu);
  x = r.next();
  ASSERT_NE(x, nullptr);
  EXPECT_EQ(x->index, 1u);
  ASSERT_EQ(x->blob.size(), 100u);
  EXPECT_EQ(x->blob[1], std::byte{11});
  ASSERT_NE(r.next(), nullptr);
  x = r.next();
  ASSERT_NE(x, nullptr);
  EXPECT_EQ(x->args[0], ~uint64_t{0});
  x = r.next();
  ASSERT_NE(x, nullptr);
  EXPECT_EQ(x->kind, Kind::end);
  EXPECT_TRUE(std::ranges::equal(x->blob, sha256({})));
  EXPECT_EQ(r.next(), nullptr);
  EXPECT_TRUE(r.ended());
  EXPECT_EQ(r.error(), "");
}

TEST(Trace, SpansBlocks) {
  fake::TraceBytes file;
  Writer w(file, {});
  std::vector<std::byte> big(kBlockGoal / 2);
  for (int i = 0; i < 5; ++i) add(w, Kind::read, 1, {0, big.size(), 0}, big);
  ASSERT_TRUE(w.finish({}).ok());
  EXPECT_EQ(outcome(file.bytes), "6");
}

TEST(Trace, EveryTruncationIsRefused) {
  const auto whole = sample();
  for (size_t n = 0; n < whole.size(); ++n) {
    const std::string why = outcome({whole.begin(), whole.begin() + static_cast<long>(n)});
    ASSERT_NE(why.find("truncated"), std::string::npos) << n << ": " << why;
  }
}

TEST(Trace, EveryFlippedBitIsRefused) {
  const auto whole = sample();
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto t = whole;
    t[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    ASSERT_FALSE(std::isdigit(outcome(t)[0])) << "bit " << bit;
  }
}

TEST(Trace, RefusesBytesAfterTheEnd) {
  auto t = sample();
  t.push_back({});
  EXPECT_EQ(outcome(t), "bytes after the end record");
}

TEST(Trace, RefusesUnknownVersionsAndQuirks) {
  EXPECT_EQ(outcome(with_header([](FileHeader& h) { h.version = h.min_reader = 99; })),
            "unknown trace version 99; this reader knows 2");
  EXPECT_EQ(outcome(with_header([](FileHeader& h) { h.version = 0; })),
            "unknown trace version 0; this reader knows 2");
  const char* unknown = "header has fields this reader does not know";
  EXPECT_EQ(outcome(with_header([](FileHeader& h) { h.quirks = 1u << 30; })), unknown);
  EXPECT_EQ(outcome(with_header([](FileHeader& h) { h.reserved[7] = 1; })), unknown);
}

TEST(Trace, ReadsANewerVersionThatSaysItMay) {
  EXPECT_EQ(outcome(with_header([](FileHeader& h) { h.version = 3; })), "6");
}

TEST(Trace, AnArgumentThatCameLaterIsZeroWhereItIsMissing) {
  static constexpr KindInfo kLater[] = {
      {Kind{200}, Role::input, "later", "first second:o", nullptr}};
  static constexpr Vocabulary kWithLater{kHvKinds, kLater};
  const auto read = [](std::initializer_list<uint64_t> args) {
    fake::TraceBytes file;
    Writer w(file, {});
    add(w, Kind{200}, 0, {7, 8});  // what stood before must not show through
    add(w, Kind{200}, 0, args);
    EXPECT_TRUE(w.finish(sha256({})).ok());
    Reader r(file, kWithLater);
    (void)r.next();
    const Record* record = r.next();
    return record ? std::to_string(record->args[0]) + ' ' + std::to_string(record->args[1])
                  : r.error();
  };
  EXPECT_EQ(read({5, 6}), "5 6");
  EXPECT_EQ(read({5}), "5 0");
  EXPECT_EQ(read({}), "record 1: bad later");
}

TEST(Trace, SomethingElseIsNotATrace) {
  EXPECT_EQ(outcome(std::vector<std::byte>(200)), "not a trace: bad magic");
  EXPECT_EQ(outcome({}), "truncated in the header");
}

/// A header and one rightly checksummed block with this content.
std::vector<std::byte> forged(std::span<const std::byte> records) {
  std::vector<std::byte> t = with_header([](FileHeader&) {});
  t.resize(sizeof(FileHeader) + sizeof(BlockHeader) + ZSTD_compressBound(records.size()));
  std::byte* const stored = t.data() + sizeof(FileHeader) + sizeof(BlockHeader);
  BlockHeader h;
  h.raw = static_cast<uint32_t>(records.size());
  h.stored = static_cast<uint32_t>(
      ZSTD_compress(stored, ZSTD_compressBound(records.size()), records.data(), records.size(), 1));
  h.crc = crc32(
      {std::as_bytes(std::span{&h, 1}).first(offsetof(BlockHeader, crc)), {stored, h.stored}});
  std::memcpy(t.data() + sizeof(FileHeader), &h, sizeof h);
  t.resize(sizeof(FileHeader) + sizeof(BlockHeader) + h.stored);
  return t;
}

TEST(Trace, RefusesForgedRecords) {
  EXPECT_EQ(outcome(forged(bytes_of({2, 200, 0}))), "record 0: unknown kind 200");
  EXPECT_EQ(outcome(forged(bytes_of({0}))), "record 0: empty");
  EXPECT_EQ(outcome(forged(bytes_of({2, 1, 0}))), "record 0: bad trap_read");
  EXPECT_EQ(outcome(forged(bytes_of({6, 1, 1, 0, 0, 4, 9}))), "record 0: bad trap_read");
  EXPECT_EQ(outcome(forged(bytes_of({255, 255, 3, 1}))), "record 0: bad length");
}

TEST(Trace, NonsenseRecordsNeverCrash) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::byte> junk(random() % 200 + 1);
    for (auto& b : junk) b = static_cast<std::byte>(random() % 48);
    const std::string why = outcome(forged(junk));
    EXPECT_FALSE(why.empty());
  }
}

TEST(Trace, AbsurdBlockLengthsAllocateNothing) {
  auto t = sample();
  BlockHeader h;
  std::memcpy(&h, t.data() + sizeof(FileHeader), sizeof h);
  for (uint32_t BlockHeader::*field : {&BlockHeader::raw, &BlockHeader::stored}) {
    BlockHeader bad = h;
    bad.*field = 0xfffffff0;
    std::memcpy(t.data() + sizeof(FileHeader), &bad, sizeof bad);
    EXPECT_EQ(outcome(t), "block 0: absurd length");
  }
}

TEST(Trace, ASourceThatFailsIsReported) {
  fake::TraceBytes file(sample());
  file.readable = 70;
  Reader r(file, kWords);
  while (r.next()) {
  }
  EXPECT_EQ(r.error(), "cannot read the trace: input/output error");
}

TEST(Trace, AFullSinkFailsTheFinish) {
  const auto write = [](fake::TraceBytes& file) {
    Writer w(file, {});
    add(w, Kind::value, 1, {1});
    return w.finish({}).ok();
  };
  fake::TraceBytes whole;
  ASSERT_TRUE(write(whole));
  for (size_t room = 0; room < whole.bytes.size(); ++room) {
    fake::TraceBytes file;
    file.room = room;
    EXPECT_FALSE(write(file)) << room;
  }
}

TEST(Trace, ARecordTooLongFailsTheFinish) {
  fake::TraceBytes file;
  Writer w(file, {});
  const std::vector<std::byte> huge(kMaxRecord);
  add(w, Kind::read, 1, {0, huge.size(), 0}, huge);
  EXPECT_FALSE(w.finish({}).ok());
}

}  // namespace

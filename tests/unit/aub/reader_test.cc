// SPDX-License-Identifier: MIT
// The AUB reader: what good files say, and that damaged ones end in one clear line.
#include "dom0/aub/reader.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <fstream>
#include <random>

#include "dom0/aub/submission.h"
#include "tests/unit/aub/aub_builder.h"

namespace aub {
namespace {

using test::Builder;

struct Recorder : Player {
  std::vector<Submission> submissions;
  std::vector<std::string> comments;
  std::vector<std::pair<gen9::EngineId, size_t>> rings;
  unsigned polls = 0;
  SinkStatus submitted(const Submission& s) override {
    submissions.push_back(s);
    return {};
  }
  SinkStatus comment(std::string_view text) override {
    comments.emplace_back(text);
    return {};
  }
  SinkStatus register_poll(uint32_t, uint32_t, uint32_t) override {
    ++polls;
    return {};
  }
  SinkStatus ring_write(gen9::EngineId e, std::span<const std::byte> data) override {
    rings.emplace_back(e, data.size());
    return {};
  }
};

hv::Result<void, Error> read_bytes(std::span<const std::byte> bytes, Sink& sink) {
  return read_aub(*memory_source(bytes), sink);
}

std::string error_of(std::span<const std::byte> bytes) {
  Recorder r;
  auto result = read_bytes(bytes, r);
  return result ? std::string() : result.error().text();
}

const uint32_t kNoops[4] = {};

TEST(AubReader, TellsDeviceAndApplication) {
  Builder b;
  b.header("PCI-ID=0x5916 glxgears");
  Recorder r;
  ASSERT_TRUE(read_bytes(b.bytes(), r));
  EXPECT_EQ(r.file_header().device_id, 0x5916);
  EXPECT_EQ(r.file_header().application, "glxgears");
  EXPECT_FALSE(r.file_header().blocks);
}

TEST(AubReader, AppliesWritesAndFindsTheSubmission) {
  const uint32_t batch[] = {0x05000000, 0};
  Recorder r;
  ASSERT_TRUE(read_bytes(test::capture(kNoops, batch).bytes(), r));
  ASSERT_EQ(r.submissions.size(), 1u);
  EXPECT_EQ(r.submissions[0].engine, gen9::EngineId::rcs);
  auto view = view_context(r.memory(), r.submissions[0].descriptors[0]);
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ(view->ring_start, 0x1000u);
  EXPECT_EQ(view->tail, 16u);
  EXPECT_EQ(r.memory().ppgtt(view->ppgtt, test::kBatch), 0x104000u);
  EXPECT_EQ(r.memory().ppgtt(view->ppgtt, test::kBatch + 0x1000), std::nullopt);
  const auto pages = r.memory().mapped(view->ppgtt, 100);
  ASSERT_EQ(pages.size(), 1u);
  EXPECT_EQ(pages[0].address, test::kBatch);
  retire_context(r.memory(), *view);
  EXPECT_EQ(view_context(r.memory(), r.submissions[0].descriptors[0])->head, 16u);
}

TEST(AubReader, KnowsEverySubmitPort) {
  for (gen9::EngineId e : gen9::kAllEngines) {
    SubmitPorts ports;
    for (uint32_t i = 0; i < 4; ++i) {
      auto s = ports.write(gen9::info(e).mmio_base + 0x230, i + 1);
      ASSERT_TRUE(s);
      ASSERT_EQ(s->has_value(), i == 3);
      if (i == 3) {
        EXPECT_EQ((*s)->engine, e);
        EXPECT_EQ((*s)->descriptors[0], 0x300000004u);
        EXPECT_EQ((*s)->descriptors[1], 0x100000002u);
      }
    }
  }
}

TEST(AubReader, RefusesGen11SubmissionByName) {
  Builder b;
  b.header();
  b.reg(0x2510, 1);
  EXPECT_NE(error_of(b.bytes()).find("Gen11"), std::string::npos);
}

TEST(AubReader, RefusesNonsenseWithItsOffset) {
  Builder good;
  good.header();
  const size_t at = good.bytes().size();
  const auto after_header = [&](auto add) {
    Builder b;
    b.header();
    add(b);
    return error_of(b.bytes());
  };
  const std::string where = "byte " + std::to_string(at) + ": ";
  EXPECT_EQ(after_header([](Builder& b) { b.dword(0); }), where + "not an AUB packet: 0x0");
  EXPECT_EQ(after_header([](Builder& b) { b.packet(0x33, {}); }),
            where + "unknown trace packet 0x33");
  EXPECT_EQ(after_header([](Builder& b) {
              b.packet(6, {0, 0, 0x20000000, 64});
            }),
            where + "write of 0x40 bytes in a packet with room for 0x0");
  EXPECT_EQ(after_header([](Builder& b) {
              b.packet(6, {0, 0, 0x70000000, 0});
            }),
            where + "unknown address space 7");
  EXPECT_EQ(after_header([](Builder& b) {
              b.packet(6, {0, 0});
            }),
            where + "packet of 3 dwords is too short");
  EXPECT_EQ(after_header([](Builder& b) { b.reg(0x200000, 1); }),
            where + "register offset 0x200000 is outside the register space");
  EXPECT_EQ(after_header([](Builder& b) { b.memory(0, 0x1000, kNoops); }),
            where + "write to a GGTT address that is not mapped");
  EXPECT_EQ(after_header([](Builder& b) { b.memory(4, 8u << 20, kNoops); }),
            where + "GGTT entries beyond the table's end");
}

TEST(AubReader, RefusesWhatIsNotAnAubFile) {
  EXPECT_EQ(error_of({}), "byte 0: not an AUB file: it is empty");
  const std::string text = "#!/bin/sh and more";
  EXPECT_EQ(error_of(std::as_bytes(std::span(text))), "byte 0: not an AUB file");
  Builder b;
  b.reg(0x2230, 0);
  EXPECT_EQ(error_of(b.bytes()), "byte 0: not an AUB file: no header");
  Builder id;
  id.header("PCI-ID=zzz");
  EXPECT_NE(error_of(id.bytes()).find("bad device id"), std::string::npos);
}

TEST(AubReader, EveryTruncationIsAnErrorOrAShorterFile) {
  const uint32_t batch[] = {0x05000000, 0};
  const auto whole = test::capture(kNoops, batch).bytes();
  for (size_t n = 0; n < whole.size(); ++n) {
    Recorder r;
    auto result = read_bytes(std::span(whole).first(n), r);
    EXPECT_TRUE(r.submissions.empty());
    if (!result) {
      EXPECT_LE(result.error().offset, n);
      EXPECT_FALSE(result.error().what.empty());
    }
  }
}

TEST(AubReader, BitFlipsNeverCrash) {
  const uint32_t batch[] = {0x05000000, 0};
  auto bytes = test::capture(kNoops, batch).bytes();
  for (size_t bit = 0; bit < bytes.size() * 8; bit += 5) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    Recorder r;
    auto result = read_bytes(bytes, r);
    for (const Submission& s : r.submissions) {
      auto view = view_context(r.memory(), s.descriptors[0]);
      if (view) (void)r.memory().mapped(view->ppgtt, 1000);
    }
    EXPECT_EQ(result.ok() || !result.error().what.empty(), true);
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
}

TEST(AubReader, ReadsTheOlderBlockFormat) {
  Builder b;
  b.dword(Builder::kBlock | 0x05 << 16 | (13 + 4 - 2));
  b.dword(4u << 24);
  for (int i = 0; i < 10; ++i) b.dword(0x61616161);  // application name, two timestamps
  b.dword(13);
  const char id[16] = "PCI-ID=0x1912";
  uint32_t w[4];
  std::memcpy(w, id, 16);
  for (uint32_t v : w) b.dword(v);
  const auto block = [&](uint32_t kind, uint64_t address, std::span<const uint32_t> data) {
    b.dword(Builder::kBlock | 0x41 << 16 | 4);
    for (uint32_t v :
         {kind, 0u, static_cast<uint32_t>(address), static_cast<uint32_t>(data.size() * 4),
          static_cast<uint32_t>(address >> 32)}) {
      b.dword(v);
    }
    for (uint32_t v : data) b.dword(v);
  };
  const uint32_t word[] = {0xfeed};
  block(0x0001, 0x1'0000'2000, word);  // data write, GTT
  block(0x0402, 0x3000, word);         // command write, blitter ring
  Recorder r;
  auto result = read_bytes(b.bytes(), r);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_TRUE(r.file_header().blocks);
  EXPECT_EQ(r.file_header().device_id, 0x1912);
  EXPECT_EQ(r.memory().ppgtt({}, 0x1'0000'2000), 0x1'0000'2000u);
  EXPECT_EQ(r.memory().read64(0x1'0000'2000) & 0xffffffff, 0xfeedu);
  ASSERT_EQ(r.rings.size(), 1u);
  EXPECT_EQ(r.rings[0].first, gen9::EngineId::bcs);
}

TEST(AubReader, ReadsCommentsPollsAndScatteredWrites) {
  Builder b;
  b.header();
  b.packet(8, {0, 0x6c6c6568, 0x0000006f});
  b.packet(2, {0x2234, 0x20000, 0x10, 0, 0});
  b.dword(Builder::kTrace | 0x0b << 16 | (1 + 3 * 63 + 2));
  b.dword(2u << 28);
  for (uint32_t i = 0; i < 63; ++i) {
    b.dword(i == 0 ? 0x5000 : i == 1 ? 0x9000 : 0);
    b.dword(0);
    b.dword(i < 2 ? 4 : 0);
  }
  b.dword(11);
  b.dword(22);
  Recorder r;
  auto result = read_bytes(b.bytes(), r);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(r.comments, std::vector<std::string>{"hello"});
  EXPECT_EQ(r.polls, 1u);
  EXPECT_EQ(r.memory().read64(0x5000), 11u);
  EXPECT_EQ(r.memory().read64(0x9000), 22u);
}

TEST(AubMemory, WalkOfASelfReferringTableIsBounded) {
  Memory m;
  std::vector<uint64_t> self(512, 0x1000 | 3);
  ASSERT_TRUE(m.write_physical(0x1000, std::as_bytes(std::span(self))));
  Ppgtt tables;
  tables.roots[0] = 0x1000;
  EXPECT_EQ(m.mapped(tables, 5000).size(), 5000u);
  EXPECT_EQ(m.ppgtt(tables, 0x123456789abc), 0x1abcu);
}

TEST(AubMemory, KnowsLargePages) {
  Memory m;
  const auto put = [&](uint64_t at, uint64_t v) {
    ASSERT_TRUE(m.write_physical(at, std::as_bytes(std::span(&v, 1))));
  };
  put(0x1000, 0x2003);
  put(0x2000, 0x3003);
  put(0x3000, 0x400083);           // 2 MiB at 4 MiB
  put(0x3008, 0x5003 | 1 << 11);   // 64 KiB pages
  put(0x5000 + 16 * 8, 0x120001);  // second 64 KiB page, read-only
  Ppgtt tables;
  tables.roots[0] = 0x1000;
  EXPECT_EQ(m.ppgtt(tables, 0x123456), 0x523456u);
  EXPECT_EQ(m.ppgtt(tables, 0x212345), 0x122345u);
  EXPECT_EQ(m.ppgtt(tables, 0x200000), std::nullopt);
  const auto pages = m.mapped(tables, 10000);
  ASSERT_EQ(pages.size(), 512u + 16u);
  EXPECT_FALSE(pages.back().writable);
}

TEST(AubSource, DecompressesAndNoticesDamage) {
  const uint32_t batch[] = {0x05000000, 0};
  const auto plain = test::capture(kNoops, batch).bytes();
  std::vector<std::byte> packed(ZSTD_compressBound(plain.size()));
  packed.resize(ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), 1));
  Recorder r;
  ASSERT_TRUE(read_bytes(packed, r));
  EXPECT_EQ(r.submissions.size(), 1u);
  EXPECT_NE(error_of(std::span(packed).first(packed.size() - 1)).find("ends too early"),
            std::string::npos);
  EXPECT_FALSE(error_of(std::span(packed).first(10)).empty());
  packed[4] ^= std::byte{0xff};
  EXPECT_NE(error_of(packed).find("zstd"), std::string::npos);
}

TEST(AubSource, NamesWhatCannotBeOpened) {
  auto missing = open_source("/nonexistent/file.aub");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().find("cannot open"), std::string::npos);
  auto folder = open_source("/");
  ASSERT_FALSE(folder);
  EXPECT_FALSE(folder.error().empty());
}

TEST(AubCorpus, SubmissionsAreComplete) {
  auto source = open_source("tests/corpus/aub/skl-compute-64.aub.zst");
  ASSERT_TRUE(source) << source.error();
  Recorder r;
  auto result = read_aub(**source, r);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(r.submissions.size(), 5u);
  EXPECT_EQ(r.polls, 5u);
  EXPECT_EQ(r.file_header().device_id, 0x1912);
  EXPECT_FALSE(r.ports().unfinished());
}

}  // namespace
}  // namespace aub

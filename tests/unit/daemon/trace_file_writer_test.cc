// SPDX-License-Identifier: MIT
// Recordings reach their file through a thread, whole, bounded, or not at all.
#include "dom0/daemon/trace_file_writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "mediator/trace/kinds.h"

namespace xengvtd {
namespace {

class TraceFileWriterTest : public testing::Test {
 protected:
  ~TraceFileWriterTest() override { std::filesystem::remove(path_); }
  static void add(TraceFileWriter& w, size_t bytes) {
    const std::array<uint64_t, 3> args{0x1000, bytes, 0};
    w.add(hv::trace::Kind::read, 1, args, std::vector<std::byte>(bytes, std::byte{7}));
  }
  const std::string path_ = std::filesystem::temp_directory_path() /
                            ("trace-writer-" + std::to_string(getpid()) + ".xgt");
};

TEST_F(TraceFileWriterTest, AllRecordsAreThereInOrder) {
  {
    TraceFileWriter w(path_, {}, UINT64_MAX);
    for (size_t n = 0; n < 3000; ++n) add(w, n);
    add(w, size_t{3} << 20);
    EXPECT_FALSE(std::filesystem::exists(path_));
    EXPECT_TRUE(w.finish({}).ok());
    EXPECT_EQ(w.commit(), "");
  }
  cli::TraceSource file(path_);
  hv::trace::Reader reader(file, mediator::trace::kVocabulary);
  for (size_t n = 0; n < 3000; ++n) {
    const hv::trace::Record* r = reader.next();
    ASSERT_TRUE(r) << reader.error();
    ASSERT_EQ(r->blob.size(), n);
  }
  ASSERT_TRUE(reader.next());
  ASSERT_TRUE(reader.next());
  EXPECT_TRUE(reader.ended());
}

TEST_F(TraceFileWriterTest, WithoutACommitNothingIsLeft) {
  {
    TraceFileWriter w(path_, {}, UINT64_MAX);
    add(w, 100);
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(TraceFileWriterTest, ItsBoundIsTold) {
  TraceFileWriter w(path_, {}, 1);
  EXPECT_FALSE(w.full());
  for (unsigned i = 0; i < 40; ++i) add(w, size_t{64} << 10);
  EXPECT_TRUE(w.finish({}).ok());
  EXPECT_TRUE(w.full());
}

TEST_F(TraceFileWriterTest, AFullDiskIsToldAndDisturbsNothing) {
  TraceFileWriter w("/dev/full", {}, UINT64_MAX);
  EXPECT_EQ(w.error(), "");
  for (unsigned i = 0; i < 40; ++i) add(w, size_t{64} << 10);
  (void)w.finish({});
  EXPECT_NE(w.commit(), "");
}

}  // namespace
}  // namespace xengvtd

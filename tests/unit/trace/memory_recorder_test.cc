// SPDX-License-Identifier: MIT
// What the GPU finds in a guest's memory is noted once, where it is new; what it leaves there is
// summed up.
#include "dom0/replay/memory_recorder.h"

#include <gtest/gtest.h>

#include "dom0/embedded/machine_bus.h"
#include "hv/trace/text.h"
#include "hv/trace/writer.h"
#include "mediator/trace/kinds.h"
#include "mediator/vgpu.h"
#include "tests/fake/trace_bytes.h"
#include "tests/unit/trace/toy_gpu.h"

namespace {
using gen9::EngineId;
using hv::trace::Kind;

struct StoppedClock final : hv::Clock {
  uint64_t now_ns() override { return 1; }
};

class MemoryRecorderTest : public testing::Test {
 protected:
  MemoryRecorderTest() {
    const auto id = session_.create_vgpu(guest_, {});
    EXPECT_TRUE(id.ok());
    traps_ = session_.traps(*id);
    // The guest maps its page 5 at graphics address 0, and some command has an operand there.
    traps_->on_write(hv::Range::bar0, gen9::kGttOffset, 8, 0x5000 | 1);
    EXPECT_TRUE(session_.mediator().find(*id)->ggtt().host_address(hv::GmAddr{0}, 8).ok());
    frame_ = guest_.frame(hv::Gfn{5});
    memory_ = machine_.page(frame_);
  }
  void read(unsigned offset, unsigned bytes) {
    recorder_.on_access(
        {EngineId::bcs, 0, false, 0, frame_, offset, bytes, false, gpu::model::DmaPurpose::data});
  }
  void write(unsigned offset, uint8_t value) {
    recorder_.on_access(
        {EngineId::bcs, 0, false, 0, frame_, offset, 1, true, gpu::model::DmaPurpose::data});
    memory_[offset] = std::byte{value};
  }
  /// Ends the recording; its notes of one kind as text.
  std::vector<std::string> notes(Kind kind) {
    recorder_.finish();
    EXPECT_TRUE(session_.finish().ok());
    fake::TraceBytes source(file_.bytes);
    hv::trace::Reader reader(source, mediator::trace::kVocabulary);
    std::vector<std::string> found;
    while (const hv::trace::Record* r = reader.next())
      if (r->kind == kind) found.push_back(hv::trace::to_text(*r, mediator::trace::kVocabulary));
    EXPECT_EQ(reader.error(), "");
    return found;
  }

  hv::local::Machine machine_{uint64_t{1} << 30};
  hv::local::LocalDomain guest_{machine_, hv::DomId{1}, "guest", uint64_t{1} << 20};
  embedded::MachineBus bus_{machine_};
  fake::ToyGpu gpu_;
  StoppedClock clock_;
  fake::TraceBytes file_;
  hv::trace::Writer writer_{file_, {.quirks = hv::trace::kGuestData}};
  mediator::trace::Session session_{gpu_, clock_, {}, &writer_, true};
  replay::MemoryRecorder recorder_{session_, bus_};
  hv::TrapHandler* traps_ = nullptr;
  hv::BusFrame frame_{};
  std::byte* memory_ = nullptr;
};

TEST_F(MemoryRecorderTest, WhatTheCpuWroteIsNotedOnceWhereTheGpuReads) {
  memory_[0x100] = std::byte{1};
  memory_[0x800] = std::byte{2};
  read(0x100, 4);
  read(0x100, 4);
  read(0x800, 4);
  EXPECT_EQ(
      notes(Kind::guest_data),
      (std::vector<std::string>{"guest_data 1 engine=1 address=0x5100 contents=0100000000000000",
                                "guest_data 1 engine=1 address=0x5800 contents=0200000000000000"}));
}

TEST_F(MemoryRecorderTest, WhatNobodyReadsIsNotNoted) {
  memory_[0x100] = std::byte{1};
  EXPECT_TRUE(notes(Kind::guest_data).empty());
}

TEST_F(MemoryRecorderTest, WhatTheGpuWroteItselfIsNotNoted) {
  write(0x100, 7);
  read(0x100, 1);
  EXPECT_TRUE(notes(Kind::guest_data).empty());
}

TEST_F(MemoryRecorderTest, AChangeAfterTheGpusOwnWriteIsNoted) {
  write(0x100, 7);
  read(0x100, 1);
  memory_[0x100] = std::byte{8};
  read(0x100, 1);
  EXPECT_EQ(notes(Kind::guest_data).size(), 1u);
}

TEST_F(MemoryRecorderTest, WhatTheGpuLeavesIsSummedUpByItsLastValues) {
  write(0x100, 7);
  write(0x101, 1);
  write(0x100, 9);
  replay::WrittenPage same;
  const std::array<std::byte, 2> last{std::byte{9}, std::byte{1}};
  same.add(0x100, last);
  char expected[80];
  std::snprintf(expected, sizeof expected, "gpu_page 1 gfn=0x5 bytes=2 sum=%#llx",
                static_cast<unsigned long long>(same.sum().sum));
  EXPECT_EQ(notes(Kind::gpu_page), std::vector<std::string>{expected});
}

TEST_F(MemoryRecorderTest, ProgressStandsBeforeTheGuestsNextAccess) {
  write(0x100, 7);
  traps_->on_read(hv::Range::bar0, 0x78000, 4);
  traps_->on_read(hv::Range::bar0, 0x78000, 4);
  EXPECT_EQ(notes(Kind::gpu_progress), std::vector<std::string>{"gpu_progress 1 engine=1 bytes=1"});
}

TEST(WrittenPage, SwappedBytesGiveAnotherSum) {
  replay::WrittenPage a, b;
  const std::array one{std::byte{1}, std::byte{2}}, other{std::byte{2}, std::byte{1}};
  a.add(0, one);
  b.add(0, other);
  EXPECT_NE(a.sum(), b.sum());
}

}  // namespace

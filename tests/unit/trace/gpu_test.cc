// SPDX-License-Identifier: MIT
// HostGpu through a journal: what a core learns from the GPU comes back in a replay, and what a
// trace may not say is a divergence.
#include "mediator/trace/gpu.h"

#include <gtest/gtest.h>

#include <functional>

#include "mediator/trace/inputs.h"
#include "mediator/trace/kinds.h"
#include "tests/fake/trace_bytes.h"
#include "tests/unit/trace/toy_gpu.h"

namespace {
using namespace mediator;
using namespace mediator::trace;
using hv::trace::Journal;
using hv::trace::Reader;
using hv::trace::Record;
using hv::trace::Writer;

using fake::ToyGpu;

std::string text(uint64_t v) { return std::to_string(v) + " "; }
std::string text(const hv::Status& s) { return s.ok() ? "ok " : "error "; }

class TracedGpuTest : public testing::Test {
 protected:
  using Core = std::function<std::string(HostGpu&)>;

  std::string record(const Core& core) {
    Writer writer(file_, {});
    Journal journal(writer);
    TracedGpu gpu(&gpu_, journal);
    journal.input(kind::poll, 0, {});
    const std::string learnt = core(gpu);
    journal.stop();
    EXPECT_TRUE(writer.finish({}).ok());
    return learnt;
  }
  std::string replay(const Core& core) {
    fake::TraceBytes source(file_.bytes);
    Reader reader(source, kVocabulary);
    Journal journal(reader);
    TracedGpu gpu(nullptr, journal);
    std::string learnt;
    while (journal.next_input()) learnt += core(gpu);
    EXPECT_EQ(reader.error(), "");
    divergence_ = journal.first_divergence();
    reason_ = journal.divergence_reason();
    return learnt;
  }
  /// A trace of one poll input, and then this record.
  void forge(hv::trace::Kind kind, std::initializer_list<uint64_t> args,
             std::span<const std::byte> blob = {}) {
    Writer writer(file_, {});
    writer.add(kind::poll, 0, {});
    writer.add(kind, 0, {args.begin(), args.size()}, blob);
    ASSERT_TRUE(writer.finish({}).ok());
  }

  ToyGpu gpu_;
  fake::TraceBytes file_;
  std::optional<uint64_t> divergence_;
  std::string reason_;
};

TEST_F(TracedGpuTest, EverythingLearntComesBack) {
  gpu_.fail_alloc_at = 2;
  gpu_.fail_invalidate_at = 1;
  gpu_.pending = {{GpuEventKind::context_complete, EngineId::vcs, 7, 8, 9},
                  {GpuEventKind::reset_done, EngineId::bcs, 0, ~uint64_t{0}, 1}};
  const Core core = [](HostGpu& gpu) {
    const GpuInfo info = gpu.gpu_info();
    std::string s = text(info.ggtt_free_base) + text(info.device_id);
    const auto page = gpu.alloc_page(shadow::PageUse::ring, hv::VgpuId{1});
    s += text(page->v) + text(gpu.alloc_page(shadow::PageUse::ring, hv::VgpuId{1}).ok());
    const uint32_t word = 0x1234;
    gpu.write_page(*page, 16, std::as_bytes(std::span{&word, 1}));
    gpu.write_entry(*page, 1, 0x55);
    uint32_t back[3] = {};
    gpu.read_page(*page, 8, std::as_writable_bytes(std::span{back}));
    s += text(back[0]) + text(back[2]);
    s += text(gpu.page_equals(*page, 16, std::as_bytes(std::span{&word, 1})));
    s += text(gpu.page_equals(*page, 0, std::as_bytes(std::span{&word, 1})));
    const uint64_t entries[] = {1, 2};
    gpu.write_ggtt(5, entries);
    s += text(gpu.invalidate_tlbs()) + text(gpu.invalidate_tlbs());
    s += text(gpu.submit(EngineId::rcs, entries)) + text(gpu.preempt(EngineId::rcs));
    s += text(gpu.reset_engine(EngineId::bcs)) + text(gpu.progress(EngineId::bcs));
    const RegisterValue value{0xb020, 3};
    s += text(gpu.load_registers(EngineId::rcs, {&value, 1})) + text(gpu.read_register(0x2358));
    std::array<GpuEvent, 4> events;
    const size_t n = gpu.poll(events);
    s += text(n) + text(events[0].context_id) + text(gen9::index(events[0].engine)) +
         text(events[1].detail) + text(gpu.poll(events));
    gpu.free_page(*page);
    return s;
  };
  const std::string learnt = record(core);
  EXPECT_EQ(gpu_.violations, 0u);
  EXPECT_EQ(replay(core), learnt);
  EXPECT_FALSE(divergence_) << reason_;
}

TEST_F(TracedGpuTest, AFailedSubmissionFailsInTheReplay) {
  gpu_.answer = hv::Error::busy;
  const Core core = [](HostGpu& gpu) {
    const uint64_t descriptor = 1;
    const auto s = gpu.submit(EngineId::rcs, {&descriptor, 1});
    return s.ok() ? std::string("ok") : hv::error_name(s.error());
  };
  EXPECT_EQ(record(core), "busy");
  EXPECT_EQ(replay(core), "busy");
}

TEST_F(TracedGpuTest, AnotherDescriptorIsADivergence) {
  const auto submitting = [](uint64_t descriptor) {
    return [descriptor](HostGpu& gpu) { return text(gpu.submit(EngineId::rcs, {&descriptor, 1})); };
  };
  (void)record(submitting(1));
  (void)replay(submitting(2));
  EXPECT_EQ(divergence_, 1u);
  EXPECT_EQ(reason_, "other contents of submit (0)");
}

TEST_F(TracedGpuTest, EventsThatCannotBeAreADivergence) {
  const Core core = [](HostGpu& gpu) {
    std::array<GpuEvent, 2> events;
    return text(gpu.poll(events));
  };
  StoredEvent bad[3] = {};
  bad[0].engine = 4;
  forge(kind::events, {2, 1}, std::as_bytes(std::span{bad, 1}));
  EXPECT_EQ(replay(core), "0 ");
  EXPECT_EQ(reason_, "no such GPU event");
  file_.bytes.clear();
  forge(kind::events, {2, 3}, std::as_bytes(std::span{bad}));
  EXPECT_EQ(replay(core), "0 ");
  EXPECT_EQ(reason_, "more events than asked for");
}

TEST_F(TracedGpuTest, AGpuThatCannotBeIsADivergence) {
  const Core core = [](HostGpu& gpu) { return text(gpu.gpu_info().ggtt_free_bytes); };
  forge(kind::gpu_info, {0x1912, 6, uint64_t{4} << 30, 1 << 28, 15, 1 << 20, uint64_t{4} << 30});
  EXPECT_EQ(replay(core), "0 ");
  EXPECT_EQ(divergence_, 1u);
}

Record trap(hv::trace::Kind kind, std::initializer_list<uint64_t> args) {
  Record r;
  r.kind = kind;
  std::copy(args.begin(), args.end(), r.args.begin());
  return r;
}

TEST(Inputs, OnlyTrapsThatABackEndCanDeliverAreSane) {
  const uint64_t aperture = 1 << 20;
  const auto sane = [&](std::initializer_list<uint64_t> args) {
    return sane_trap(trap(hv::trace::Kind::trap_write, args), aperture);
  };
  EXPECT_TRUE(sane({0, 252, 4}));
  EXPECT_FALSE(sane({0, 253, 4}));
  EXPECT_TRUE(sane({1, (16 << 20) - 8, 8}));
  EXPECT_FALSE(sane({1, (16 << 20) - 7, 8}));
  EXPECT_FALSE(sane({1, ~uint64_t{0}, 8}));
  EXPECT_TRUE(sane({2, aperture - 1, 1}));
  EXPECT_FALSE(sane({2, aperture, 1}));
  for (const uint64_t size : {0u, 3u, 5u, 16u}) EXPECT_FALSE(sane({1, 0, size})) << size;
  EXPECT_FALSE(sane({3, 0, 4}));
}

TEST(Inputs, PageWritesStayInsideTheirPage) {
  const auto sane = [](uint64_t address, uint64_t size) {
    return sane_trap(trap(hv::trace::Kind::page_write, {address, size}), 0);
  };
  EXPECT_TRUE(sane(0x1ff8, 8));
  EXPECT_FALSE(sane(0x1ff9, 8));
  EXPECT_FALSE(sane(0x1000, 0));
  EXPECT_FALSE(sane(0x1000, 9));
}

TEST(Inputs, OpenLeavesAreNoneInOldRecordingsAndBounded) {
  Record r = trap(kind::session, {5'000'000, 1, 0, 0, 1, 1, 0, 0});
  EXPECT_TRUE(sane_session(r));
  EXPECT_EQ(decode_session(r).open_leaves, 0u);
  r.args[8] = 8;
  EXPECT_EQ(decode_session(r).open_leaves, 8u);
  r.args[8] = 4097;
  EXPECT_FALSE(sane_session(r));
}

TEST(Inputs, WindowsOutsideTheGgttAreNotSane) {
  Record r =
      trap(kind::create, {1, 0x1912, 6, 0, 1 << 20, 1 << 28, 1 << 28, 1 << 28, 4, 1024, 768, 1, 1});
  EXPECT_TRUE(sane_create(r));
  r.args[6] = uint64_t{4} << 30;
  EXPECT_FALSE(sane_create(r));
  r.args[6] = 4097;
  EXPECT_FALSE(sane_create(r));
  r.args[6] = 4096;
  r.args[9] = 1 << 20;
  EXPECT_FALSE(sane_create(r));
}

}  // namespace

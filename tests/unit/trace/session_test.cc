// SPDX-License-Identifier: MIT
// A recorded session replays in a fresh mediator to the same state; a changed trace says where.
#include "mediator/trace/session.h"

#include <gtest/gtest.h>

#include "hv/trace/text.h"
#include "mediator/trace/kinds.h"
#include "mediator/trace/replay.h"
#include "tests/fake/fake_domain.h"
#include "tests/fake/trace_bytes.h"
#include "tests/unit/trace/toy_gpu.h"

namespace {
using namespace mediator;
using mediator::trace::kVocabulary;
using mediator::trace::ReplayResult;
using mediator::trace::Session;

struct StepClock final : hv::Clock {
  uint64_t now = 1'000'000;
  uint64_t now_ns() override { return now += 1000; }
};

class SessionTest : public testing::Test {
 protected:
  /// Two guests that look at PVINFO, set up their BARs and write registers.
  void record() {
    hv::trace::Writer writer(file_, {});
    Session session(gpu_, clock_, {}, &writer);
    const auto a = session.create_vgpu(first_, {});
    const auto b = session.create_vgpu(second_, {});
    ASSERT_TRUE(a.ok() && b.ok());
    for (const hv::VgpuId id : {*a, *b}) {
      hv::TrapHandler& traps = *session.traps(id);
      vgt_magic_ = traps.on_read(hv::Range::bar0, 0x78000, 8);
      traps.on_write(hv::Range::config, 0x10, 4, 0xe0000000);
      traps.on_write(hv::Range::config, 4, 2, 6);
      traps.on_write(hv::Range::bar0, 0x44200, 4, 0x80000000);
      session.poll();
    }
    session.pause(*a, true);
    session.dismiss(*a);
    session.destroy_vgpu(*b);
    session.poll();
    ASSERT_TRUE(session.finish().ok());
    state_ = mediator::trace::state_hash(session.mediator());
  }
  ReplayResult replay(std::vector<std::byte> trace) {
    fake::TraceBytes source(std::move(trace));
    hv::trace::Reader reader(source, kVocabulary);
    return mediator::trace::replay(reader);
  }
  /// The trace with one record changed in its text form, at its first match.
  std::vector<std::byte> changed(const std::string& from, const std::string& to) {
    fake::TraceBytes source(file_.bytes), out;
    hv::trace::Reader reader(source, kVocabulary);
    hv::trace::Writer writer(out, {});
    bool done = false;
    while (const hv::trace::Record* r = reader.next()) {
      std::string line = hv::trace::to_text(*r, kVocabulary);
      const size_t at = done ? std::string::npos : line.find(from);
      if (at != std::string::npos) {
        line.replace(at, from.size(), to);
        changed_index_ = r->index;
        done = true;
      }
      hv::trace::ParsedLine p;
      EXPECT_EQ(hv::trace::from_text(line, kVocabulary, p), "");
      hv::trace::Sha256 state{};
      if (p.record.kind == hv::trace::Kind::end) {
        std::copy(p.blob.begin(), p.blob.end(), state.begin());
        EXPECT_TRUE(writer.finish(state).ok());
        break;
      }
      writer.add(p.record.kind, p.record.subject,
                 std::span{p.record.args}.first(kVocabulary.args(p.record.kind)), p.blob);
    }
    EXPECT_TRUE(done) << from;
    return out.bytes;
  }

  fake::FakeDomain first_, second_{uint64_t{64} << 20, hv::DomId{2}};
  fake::ToyGpu gpu_;
  StepClock clock_;
  fake::TraceBytes file_;
  uint64_t vgt_magic_ = 0;
  uint64_t changed_index_ = 0;
  hv::trace::Sha256 state_{};
};

TEST_F(SessionTest, ReplaysToTheSameState) {
  record();
  const ReplayResult r = replay(file_.bytes);
  EXPECT_EQ(r.error, "");
  EXPECT_FALSE(r.first_divergence) << *r.first_divergence << ": " << r.reason;
  EXPECT_TRUE(r.matches);
  EXPECT_EQ(r.state, state_);
  EXPECT_GT(r.events, 20u);
  EXPECT_GT(r.recorded_ns, 0u);
}

TEST_F(SessionTest, AReplayIsTheSameEveryTime) {
  record();
  EXPECT_EQ(replay(file_.bytes).state, replay(file_.bytes).state);
}

TEST_F(SessionTest, AnotherAnswerToTheGuestIsFoundWhereItWas) {
  record();
  char magic[32];
  std::snprintf(magic, sizeof magic, "value=0x%llx", static_cast<unsigned long long>(vgt_magic_));
  const ReplayResult r = replay(changed(magic, "value=0x1"));
  EXPECT_EQ(r.error, "");
  EXPECT_FALSE(r.matches);
  EXPECT_EQ(r.first_divergence, changed_index_);
}

TEST_F(SessionTest, AnotherInputThatOnlyChangesTheStateIsFoundAtTheEnd) {
  record();
  const ReplayResult r =
      replay(changed("offset=0x44200 size=4 value=0x80000000", "offset=0x44200 size=4 value=0x0"));
  EXPECT_EQ(r.error, "");
  EXPECT_FALSE(r.matches);
  EXPECT_TRUE(r.first_divergence.has_value());
}

TEST_F(SessionTest, InputsThatCannotBeAreRefused) {
  record();
  EXPECT_NE(replay(changed("offset=0x44200 size=4", "offset=0x1000000 size=4")).error, "");
  EXPECT_NE(replay(changed("trap_read 1", "trap_read 9")).error, "");
  EXPECT_NE(replay(changed("create 2", "create 1")).error, "");
  EXPECT_NE(replay(changed("fences=4", "fences=400")).error, "");
}

TEST_F(SessionTest, WithoutAWriterCallsGoStraightThrough) {
  Session session(gpu_, clock_, {});
  const auto id = session.create_vgpu(first_, {});
  ASSERT_TRUE(id.ok());
  EXPECT_EQ(session.traps(*id), session.mediator().traps(*id));
  EXPECT_TRUE(session.finish().ok());
}

TEST_F(SessionTest, RecordingChangesNothing) {
  fake::FakeDomain guest;
  StepClock clock;
  fake::ToyGpu gpu;
  fake::TraceBytes file;
  hv::trace::Writer writer(file, {});
  const auto run = [](Session& s, hv::Domain& d) {
    const auto id = s.create_vgpu(d, {});
    s.traps(*id)->on_write(hv::Range::bar0, 0x44200, 4, 0x80000000);
    s.poll();
    return mediator::trace::state_hash(s.mediator());
  };
  Session recorded(gpu, clock, {}, &writer);
  const auto with = run(recorded, guest);
  fake::FakeDomain guest2;
  StepClock clock2;
  fake::ToyGpu gpu2;
  Session plain(gpu2, clock2, {});
  EXPECT_EQ(with, run(plain, guest2));
}

TEST_F(SessionTest, AFullDiskShowsAtTheEndAndDisturbsNothingBefore) {
  hv::trace::Writer writer(file_, {});
  file_.room = 100;
  Session session(gpu_, clock_, {}, &writer);
  ASSERT_TRUE(session.create_vgpu(first_, {}).ok());
  EXPECT_FALSE(session.finish().ok());
}

}  // namespace

// SPDX-License-Identifier: MIT
// The journal between a toy core and its ports: a replay answers as the recording did, and the
// first call that differs is found.
#include <gtest/gtest.h>

#include <functional>

#include "hv/trace/ports.h"
#include "tests/fake/fake_domain.h"
#include "tests/fake/trace_bytes.h"

namespace {
using namespace hv::trace;
using hv::Gfn;
using hv::Gpa;

constexpr Vocabulary kWords{kHvKinds};

struct StepClock final : hv::Clock {
  uint64_t now = 1000;
  uint64_t now_ns() override { return now; }
};

/// What a core does with its ports during the inputs; returns what it learnt, as text.
using Core = std::function<std::string(hv::Domain&, hv::Clock&)>;

std::string number(uint64_t v) { return std::to_string(v) + " "; }

class JournalTest : public testing::Test {
 protected:
  /// Runs the core once for each of two inputs, recorded; `between` may change the world.
  std::string record(
      const Core& core, const std::function<void()>& between = [] {}) {
    Writer writer(file_, {});
    Journal journal(writer);
    TracedDomain domain(&guest_, journal, 1, guest_.id(), false);
    TracedClock clock(&clock_, journal);
    std::string learnt;
    for (int i = 0; i < 2; ++i) {
      journal.input(Kind::page_write, 1, {static_cast<uint64_t>(i), 4});
      learnt += core(domain, clock);
      between();
    }
    journal.stop();
    EXPECT_TRUE(writer.finish({}).ok());
    return learnt;
  }
  std::string replay(const Core& core) {
    fake::TraceBytes source(file_.bytes);
    Reader reader(source, kWords);
    Journal journal(reader);
    TracedDomain domain(nullptr, journal, 1, hv::DomId{1}, false);
    TracedClock clock(nullptr, journal);
    std::string learnt;
    while (journal.next_input()) learnt += core(domain, clock);
    EXPECT_EQ(reader.error(), "");
    divergence_ = journal.first_divergence();
    reason_ = journal.divergence_reason();
    EXPECT_NE(divergence_.has_value(), journal.final_state().has_value());
    return learnt;
  }

  fake::FakeDomain guest_;
  StepClock clock_;
  fake::TraceBytes file_;
  std::optional<uint64_t> divergence_;
  std::string reason_;
};

std::string read32(hv::Domain& d, uint64_t at) {
  uint32_t v = 0;
  const auto s = d.read(Gpa{at}, std::as_writable_bytes(std::span{&v, 1}));
  return s.ok() ? number(v) : "error ";
}
hv::Status write32(hv::Domain& d, uint64_t at, uint32_t v) {
  return d.write(Gpa{at}, std::as_bytes(std::span{&v, 1}));
}

TEST_F(JournalTest, ReplaysWhatWasReadThoughMemoryHasChanged) {
  guest_.poke<uint32_t>(0x1000, 7);
  const Core core = [](hv::Domain& d, hv::Clock&) { return read32(d, 0x1000); };
  EXPECT_EQ(record(core, [&] { guest_.poke<uint32_t>(0x1000, 8); }), "7 8 ");
  EXPECT_EQ(replay(core), "7 8 ");
  EXPECT_FALSE(divergence_) << reason_;
}

TEST_F(JournalTest, ReplaysErrorsOfEveryKindOfCall) {
  const Core core = [](hv::Domain& d, hv::Clock&) {
    std::string s = read32(d, 1u << 30);
    s += write32(d, 0, 1).ok() ? "ok " : "error ";
    s += d.protect(Gfn{3}).ok() ? "ok " : "error ";
    s += d.inject_msi(1, 2).ok() ? "ok " : "error ";
    s += d.place(hv::Range::bar0, Gpa{0x1000}, 0x1000).ok() ? "ok " : "error ";
    s += d.register_pages(hv::Range::bar0, 0, 0x1000).ok() ? "ok " : "error ";
    return s;
  };
  guest_.fail_at(fake::Call::write, 1);
  guest_.fail_at(fake::Call::protect, 2);
  guest_.fail_at(fake::Call::msi, 1);
  guest_.fail_at(fake::Call::place, 2);
  guest_.fail_at(fake::Call::pages, 2);
  const std::string learnt = record(core);
  EXPECT_EQ(learnt, "error error ok error ok ok error ok error ok error error ");
  EXPECT_EQ(replay(core), learnt);
  EXPECT_FALSE(divergence_) << reason_;
}

TEST_F(JournalTest, ReplaysPinnedFrames) {
  guest_.unpinnable.insert(6);
  const Core core = [](hv::Domain& d, hv::Clock&) {
    const Gfn gfns[] = {Gfn{5}, Gfn{6}, Gfn{1}};
    hv::BusFrame frames[3];
    d.pin(gfns, frames);
    d.unpin(std::span{gfns, 1});
    return number(frames[0].v) + number(frames[1].v) + number(frames[2].v);
  };
  const std::string learnt = record(core);
  EXPECT_EQ(replay(core), learnt);
  EXPECT_FALSE(divergence_) << reason_;
}

TEST_F(JournalTest, TimeReplaysExactlyThoughUnchangedAnswersAreNotStored) {
  const Core core = [this](hv::Domain& d, hv::Clock& c) {
    std::string s = number(c.now_ns()) + number(c.now_ns());
    (void)write32(d, 0, 1);
    s += number(c.now_ns());
    clock_.now += 10;  // moves in the middle of an input
    s += number(c.now_ns());
    (void)d.inject_msi(1, 2);
    return s + number(c.now_ns());
  };
  const std::string learnt = record(core);
  EXPECT_EQ(learnt, "1000 1000 1000 1010 1010 1010 1010 1010 1020 1020 ");
  EXPECT_EQ(replay(core), learnt);
  EXPECT_FALSE(divergence_) << reason_;
}

TEST_F(JournalTest, RegisterPagesAreThereInAReplay) {
  const Core core = [](hv::Domain& d, hv::Clock&) {
    const auto pages = d.register_pages(hv::Range::bar0, 0, 0x2000);
    return number(pages->size()) + number(static_cast<uint64_t>((*pages)[0x1fff]));
  };
  EXPECT_EQ(record(core), "8192 0 8192 0 ");
  EXPECT_EQ(replay(core), "8192 0 8192 0 ");
  EXPECT_FALSE(divergence_) << reason_;
}

TEST_F(JournalTest, FindsADifferentWrite) {
  (void)record([](hv::Domain& d, hv::Clock&) {
    for (uint32_t i = 0; i < 3; ++i) (void)write32(d, 0x1000, i);
    return "";
  });
  // Records: 0 input, 1 three writes, 2 input, 3 three writes, 4 end.
  int calls = 0;
  (void)replay([&](hv::Domain& d, hv::Clock&) {
    for (uint32_t i = 0; i < 3; ++i) (void)write32(d, 0x1000, ++calls == 5 ? 99 : i);
    return "";
  });
  EXPECT_EQ(divergence_, 3u);
  EXPECT_EQ(reason_, "the core wrote something else");
}

TEST_F(JournalTest, FindsACallThatIsMissing) {
  (void)record([](hv::Domain& d, hv::Clock&) {
    (void)write32(d, 0, 1);
    (void)write32(d, 0, 2);
    return read32(d, 0);
  });
  (void)replay([](hv::Domain& d, hv::Clock&) {
    (void)write32(d, 0, 1);
    (void)write32(d, 0, 2);
    return "";
  });
  EXPECT_EQ(divergence_, 2u);
  EXPECT_EQ(reason_, "the core did not do read (1)");
}

TEST_F(JournalTest, FindsWritesThatAreMissing) {
  (void)record([](hv::Domain& d, hv::Clock&) {
    (void)write32(d, 0, 1);
    (void)write32(d, 0, 2);
    return "";
  });
  (void)replay([](hv::Domain& d, hv::Clock&) { return write32(d, 0, 1).ok() ? "" : "?"; });
  EXPECT_EQ(divergence_, 1u);
  EXPECT_EQ(reason_, "1 writes were not done");
}

TEST_F(JournalTest, FindsACallThatIsNew) {
  (void)record([](hv::Domain&, hv::Clock&) { return ""; });
  EXPECT_EQ(replay([](hv::Domain& d, hv::Clock&) { return read32(d, 0); }), "error ");
  EXPECT_EQ(divergence_, 1u);
  EXPECT_EQ(reason_, "the core did read (1), the trace has page_write (1)");
}

TEST_F(JournalTest, FindsOtherArguments) {
  (void)record([](hv::Domain& d, hv::Clock&) { return read32(d, 0x1000); });
  (void)replay([](hv::Domain& d, hv::Clock&) { return read32(d, 0x1004); });
  EXPECT_EQ(divergence_, 1u);
  EXPECT_EQ(reason_, "other arguments of read (1)");
}

TEST_F(JournalTest, FindsAnotherInterruptMessage) {
  (void)record(
      [](hv::Domain& d, hv::Clock&) { return d.inject_msi(0xfee00000, 1).ok() ? "" : "?"; });
  (void)replay(
      [](hv::Domain& d, hv::Clock&) { return d.inject_msi(0xfee00000, 2).ok() ? "" : "?"; });
  EXPECT_EQ(divergence_, 1u);
}

TEST_F(JournalTest, AfterADivergenceEveryAnswerIsNeutral) {
  (void)record([](hv::Domain& d, hv::Clock&) { return read32(d, 0); });
  const std::string learnt = replay([](hv::Domain& d, hv::Clock& c) {
    const Gfn gfn{1};
    hv::BusFrame frame{1};
    std::string s = d.inject_msi(1, 1).ok() ? "ok " : "error ";
    d.pin(std::span{&gfn, 1}, std::span{&frame, 1});
    d.unpin(std::span{&gfn, 1});
    s += frame == hv::kNoFrame ? "none " : "? ";
    s += write32(d, 0, 1).ok() ? "ok " : "error ";
    s += d.register_pages(hv::Range::bar0, 0, 0x1000).ok() ? "ok " : "error ";
    return s + read32(d, 0) + number(c.now_ns());
  });
  EXPECT_EQ(learnt, "error none ok error error 0 ");
  EXPECT_EQ(divergence_, 1u);
}

TEST_F(JournalTest, WhatIsDoneInAPauseIsNotRecorded) {
  Writer writer(file_, {});
  Journal journal(writer);
  TracedDomain domain(&guest_, journal, 1, guest_.id(), false);
  {
    const Journal::Pause pause(journal);
    EXPECT_EQ(read32(domain, 0), "0 ");
  }
  EXPECT_EQ(writer.records(), 0u);
  EXPECT_EQ(read32(domain, 0), "0 ");
  EXPECT_EQ(writer.records(), 1u);
}

TEST_F(JournalTest, KnowsWhosePageAPinnedFrameIs) {
  Writer writer(file_, {});
  Journal journal(writer);
  TracedDomain domain(&guest_, journal, 1, guest_.id(), true);
  const Gfn gfns[] = {Gfn{1}, Gfn{2}};
  hv::BusFrame frames[2];
  domain.pin(gfns, frames);
  domain.pin(std::span{gfns, 1}, std::span{frames, 1});
  EXPECT_EQ(domain.gfn_of(frames[0]), Gfn{1});
  EXPECT_EQ(domain.gfn_of(frames[1]), Gfn{2});
  const uint64_t before = domain.pins_changed();
  domain.unpin(gfns);
  EXPECT_NE(domain.pins_changed(), before);
  EXPECT_EQ(domain.gfn_of(frames[0]), Gfn{1});  // one reference is left
  EXPECT_FALSE(domain.gfn_of(frames[1]));
}

}  // namespace

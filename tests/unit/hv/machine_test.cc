// SPDX-License-Identifier: MIT
// The in-process hypervisor: frames, traps, pins, protection, register pages.
#include "hv/local/machine.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "hv/bits.h"

namespace hv::local {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

struct Event {
  char kind;  // r, w, p
  Range range;
  uint64_t at;
  unsigned size;
  uint64_t value;
};

struct Recorder : TrapHandler {
  std::vector<Event> events;
  LocalDomain* domain = nullptr;
  Gfn release_on_write{~uint64_t{0}};
  uint64_t on_read(Range r, uint64_t offset, unsigned size) override {
    events.push_back({'r', r, offset, size, 0});
    return 0x1122334455667788;
  }
  void on_write(Range r, uint64_t offset, unsigned size, uint64_t v) override {
    events.push_back({'w', r, offset, size, v});
  }
  void on_page_write(Gpa a, unsigned size) override {
    std::byte now[8]{};
    EXPECT_TRUE(domain->read(a, {now, size}).ok());
    events.push_back({'p', Range::config, a.v, size, load<uint64_t>(now)});
    if (gfn_of(a) == release_on_write) (void)domain->unprotect(gfn_of(a));
  }
};

struct LocalDomainTest : testing::Test {
  Machine machine{64 * kMiB};
  LocalDomain domain{machine, DomId{3}, "guest", 4 * kMiB};
  Recorder traps;
  void SetUp() override {
    traps.domain = &domain;
    domain.attach(&traps);
  }
};

TEST(Machine, FramesAreDistinctZeroedAndKnowTheirOwner) {
  Machine m{kMiB};
  std::set<uint64_t> seen;
  for (uint32_t i = 0; i < 256; ++i) {
    const auto f = m.alloc_guest(DomId{7}, Gfn{i});
    ASSERT_TRUE(f.ok());
    EXPECT_TRUE(seen.insert(f->v).second);
    EXPECT_GT(f->v, 256u);
    EXPECT_EQ(m.owner(*f).gfn, Gfn{i});
    EXPECT_EQ(m.page(*f)[i], std::byte{0});
  }
  EXPECT_EQ(m.alloc_host(0).error(), Error::no_memory);
  EXPECT_EQ(m.frames_in_use(), 256u);
}

TEST(Machine, AReusedFrameIsZeroAndAFreedOneIsGone) {
  Machine m{kPageSize};
  const BusFrame f = *m.alloc_host(5);
  EXPECT_EQ(m.owner(f).tag, 5u);
  m.page(f)[9] = std::byte{1};
  m.free(f);
  m.free(f);
  EXPECT_EQ(m.page(f), nullptr);
  EXPECT_EQ(m.owner(f).kind, FrameOwner::Kind::none);
  const BusFrame g = *m.alloc_host(6);
  EXPECT_EQ(m.page(g)[9], std::byte{0});
  EXPECT_FALSE(m.alloc_host(7).ok());
}

TEST(Machine, FrameNumbersDoNotFollowGuestOrder) {
  Machine m{kMiB};
  const BusFrame a = *m.alloc_host(0), b = *m.alloc_host(0);
  EXPECT_NE(b.v, a.v + 1);
  EXPECT_EQ(m.page(BusFrame{0}), nullptr);
  EXPECT_EQ(m.page(kNoFrame), nullptr);
}

TEST_F(LocalDomainTest, RamCrossesPagesAndIsAllOrNothing) {
  std::vector<std::byte> in(6000, std::byte{0x5a}), out(6000);
  EXPECT_TRUE(domain.write(Gpa{100}, in).ok());
  EXPECT_TRUE(domain.read(Gpa{100}, out).ok());
  EXPECT_EQ(in, out);
  EXPECT_FALSE(domain.write(Gpa{4 * kMiB - 10}, in).ok());
  EXPECT_EQ(domain.cpu_read(Gpa{4 * kMiB - 8}, 8), 0u);
  EXPECT_FALSE(domain.read(Gpa{~uint64_t{0} - 2}, out).ok());
  EXPECT_EQ(domain.cpu_read(Gpa{1ull << 50}, 2), 0xffffu);
}

TEST_F(LocalDomainTest, BarsTrapWithTheirOffsetAndHideRam) {
  ASSERT_TRUE(domain.place(Range::bar0, Gpa{0x1000}, 0x2000).ok());
  domain.cpu_write(Gpa{0x1010}, 4, 0xffff'ffff'0000'0001);
  EXPECT_EQ(domain.cpu_read(Gpa{0x2ff8}, 2), 0x7788u);
  ASSERT_EQ(traps.events.size(), 2u);
  EXPECT_EQ(traps.events[0].at, 0x10u);
  EXPECT_EQ(traps.events[0].value, 1u);
  EXPECT_EQ(traps.events[1].at, 0x1ff8u);
  ASSERT_TRUE(domain.place(Range::bar0, Gpa{1ull << 32}, 0x2000).ok());
  EXPECT_EQ(domain.cpu_read(Gpa{0x1010}, 4), 0u);
  (void)domain.cpu_read(Gpa{(1ull << 32) + 8}, 4);
  EXPECT_EQ(traps.events.back().at, 8u);
  ASSERT_TRUE(domain.remove(Range::bar0).ok());
  EXPECT_EQ(domain.cpu_read(Gpa{(1ull << 32) + 8}, 4), 0xffffffffu);
  EXPECT_EQ(domain.counts().exits(), 3u);
}

TEST_F(LocalDomainTest, AnAccessAcrossTheEndOfABarReachesNobody) {
  ASSERT_TRUE(domain.place(Range::bar2, Gpa{1ull << 32}, 0x1000).ok());
  EXPECT_EQ(domain.cpu_read(Gpa{(1ull << 32) + 0xffc}, 8), ~uint64_t{0});
  domain.cpu_write(Gpa{(1ull << 32) + 0xffc}, 8, 1);
  EXPECT_TRUE(traps.events.empty());
}

TEST_F(LocalDomainTest, ConfigSpaceIsBounded) {
  (void)domain.config_read(0x10, 4);
  domain.config_write(0xff, 1, 9);
  EXPECT_EQ(domain.config_read(0xfe, 4), ~uint64_t{0});
  domain.config_write(~uint64_t{0}, 4, 9);
  ASSERT_EQ(traps.events.size(), 2u);
  EXPECT_EQ(traps.events[1].at, 0xffu);
}

TEST_F(LocalDomainTest, RegisterPagesAreReadWithoutExitsAndWritesTrap) {
  ASSERT_TRUE(domain.place(Range::bar0, Gpa{1ull << 32}, 16 * kMiB).ok());
  auto pages = domain.register_pages(Range::bar0, 8 * kMiB, 8 * kMiB);
  ASSERT_TRUE(pages.ok());
  EXPECT_EQ(domain.register_pages(Range::bar0, 15 * kMiB, 2 * kMiB).error(), Error::busy);
  store<uint64_t>(pages->data() + 0x5008, 0xabcd);
  const Gpa at{(1ull << 32) + 8 * kMiB + 0x5008};
  (void)domain.cpu_read(at, 8);
  EXPECT_EQ(domain.counts().register_reads, 1u);
  EXPECT_FALSE(domain.set_direct_read(Range::bar0, 4 * kMiB, 8 * kMiB, true).ok());
  ASSERT_TRUE(domain.set_direct_read(Range::bar0, 8 * kMiB, 8 * kMiB, true).ok());
  EXPECT_EQ(domain.cpu_read(at, 4), 0xabcdu);
  EXPECT_EQ(domain.counts().register_reads, 1u);
  EXPECT_EQ(domain.counts().direct_reads, 1u);
  domain.cpu_write(at, 4, 1);
  EXPECT_EQ(domain.counts().register_writes, 1u);
  EXPECT_EQ(domain.cpu_read(at, 4), 0xabcdu);
  ASSERT_TRUE(domain.set_direct_read(Range::bar0, 8 * kMiB + 0x5000, 0x1000, false).ok());
  (void)domain.cpu_read(at, 4);
  EXPECT_EQ(domain.counts().register_reads, 2u);
}

TEST_F(LocalDomainTest, AProtectedPageIsStoredThenReported) {
  ASSERT_TRUE(domain.protect(Gfn{2}).ok());
  EXPECT_EQ(domain.protected_pages(), 1u);
  domain.cpu_write(Gpa{0x2008}, 8, 77);
  domain.cpu_write(Gpa{0x3008}, 8, 78);
  EXPECT_EQ(domain.cpu_read(Gpa{0x2008}, 8), 77u);
  ASSERT_EQ(traps.events.size(), 1u);
  EXPECT_EQ(traps.events[0].value, 77u);
  ASSERT_TRUE(domain.unprotect(Gfn{2}).ok());
  domain.cpu_write(Gpa{0x2008}, 8, 79);
  EXPECT_EQ(traps.events.size(), 1u);
  EXPECT_FALSE(domain.protect(Gfn{1024}).ok());
}

TEST_F(LocalDomainTest, AWriteAcrossAPageTrapsOnlyInItsProtectedPart) {
  ASSERT_TRUE(domain.protect(Gfn{2}).ok());
  domain.cpu_write(Gpa{0x1ffc}, 8, 0x1111111122222222);
  EXPECT_EQ(domain.cpu_read(Gpa{0x1ffc}, 8), 0x1111111122222222u);
  ASSERT_EQ(traps.events.size(), 1u);
  EXPECT_EQ(traps.events[0].at, 0x2000u);
  EXPECT_EQ(traps.events[0].size, 4u);
}

TEST_F(LocalDomainTest, BulkWritesTrapEightBytesAtATimeUntilReleased) {
  ASSERT_TRUE(domain.protect(Gfn{1}).ok());
  std::vector<std::byte> bytes(64, std::byte{1});
  ASSERT_TRUE(domain.cpu_write_ram(Gpa{0xff0}, bytes).ok());
  EXPECT_EQ(domain.counts().page_writes, 6u);
  traps.release_on_write = Gfn{1};
  ASSERT_TRUE(domain.cpu_write_ram(Gpa{0x1000}, bytes).ok());
  EXPECT_EQ(domain.counts().page_writes, 7u);
  EXPECT_EQ(domain.cpu_read(Gpa{0x1038}, 1), 1u);
}

TEST_F(LocalDomainTest, PinsCountAndHoldABalloonedFrame) {
  const std::vector<Gfn> gfns{Gfn{5}, Gfn{5}, Gfn{1 << 20}};
  std::vector<BusFrame> frames(3);
  domain.pin(gfns, frames);
  EXPECT_EQ(frames[0], domain.frame(Gfn{5}));
  EXPECT_EQ(frames[2], kNoFrame);
  EXPECT_EQ(domain.pins(Gfn{5}), 2u);
  domain.balloon_out(Gfn{5});
  EXPECT_EQ(domain.frame(Gfn{5}), kNoFrame);
  EXPECT_FALSE(domain.cpu_write_ram(Gpa{0x5000}, std::vector<std::byte>(1)).ok());
  EXPECT_EQ(machine.owner(frames[0]).gfn, Gfn{5});
  domain.unpin(std::vector<Gfn>{Gfn{5}});
  EXPECT_NE(machine.page(frames[0]), nullptr);
  domain.unpin(std::vector<Gfn>{Gfn{5}});
  EXPECT_EQ(machine.page(frames[0]), nullptr);
  std::vector<BusFrame> again(1);
  domain.pin(std::vector<Gfn>{Gfn{5}}, again);
  EXPECT_EQ(again[0], kNoFrame);
}

TEST_F(LocalDomainTest, InterruptsAreCountedUntilTaken) {
  ASSERT_TRUE(domain.inject_msi(0xfee00000, 0x41).ok());
  ASSERT_TRUE(domain.inject_msi(0xfee00000, 0x42).ok());
  EXPECT_EQ(domain.take_interrupts(), 2u);
  EXPECT_EQ(domain.take_interrupts(), 0u);
  EXPECT_EQ(domain.last_msi().data, 0x42u);
}

TEST(LocalDomain, GivesItsFramesBack) {
  Machine m{8 * kMiB};
  {
    LocalDomain d{m, DomId{1}, "a", 4 * kMiB};
    EXPECT_EQ(m.frames_in_use(), 1024u);
  }
  EXPECT_EQ(m.frames_in_use(), 0u);
}

}  // namespace
}  // namespace hv::local

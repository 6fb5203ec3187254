// SPDX-License-Identifier: MIT
// The GPU follows the CPU scheduler, and a raised weight always comes back.
#include "dom0/daemon/cpu_hooks.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "tests/fake/fake_cpu.h"

namespace {
using fake::FakeCpu;
using hv::DomId;
using xengvtd::CpuHooks;
using xengvtd::CpuShare;
using xengvtd::CpuView;
using xengvtd::RaisedWeight;
using xengvtd::WeightLedger;

constexpr uint64_t kMs = 1'000'000;
constexpr DomId kA{1}, kB{2};

struct FakeSink final : xengvtd::CpuHookSink {
  void give_up(DomId d, bool on) override { gives_up[d] = on; }
  void cpu_share(DomId d, const std::optional<CpuShare>& s) override {
    share[d] = s;
    ++shares;
  }
  void starved(DomId d, bool on) override { starves[d] = on; }
  bool waits_for_cpu(DomId d) override { return waiting.contains(d); }
  void complain(DomId, const std::string& what) override { complaints.push_back(what); }
  std::map<DomId, bool> gives_up, starves;
  std::map<DomId, std::optional<CpuShare>> share;
  std::set<DomId> waiting;
  std::vector<std::string> complaints;
  unsigned shares = 0;
};

struct CpuHooksTest : testing::Test {
  CpuHooksTest() {
    char name[] = "/tmp/xengvt-hooks-XXXXXX";
    folder = mkdtemp(name);
    ledger.emplace(folder + "/raised");
    hooks.emplace(cpu, sink, *ledger);
  }
  ~CpuHooksTest() override {
    hooks.reset();
    std::filesystem::remove_all(folder);
  }
  /// Ticks as the daemon would, for `ms`.
  void pass(uint64_t ms) {
    for (const uint64_t end = now + ms * kMs; now < end; now += 10 * kMs) hooks->tick(now);
  }
  CpuView& add(DomId id) {
    CpuView& v = cpu.make(id);
    hooks->add(id);
    return v;
  }
  std::string folder;
  FakeCpu cpu;
  FakeSink sink;
  std::optional<WeightLedger> ledger;
  std::optional<CpuHooks> hooks;
  uint64_t now = 5'000 * kMs;
};

TEST_F(CpuHooksTest, NobodyIsLookedAtWithoutGuests) {
  pass(1000);
  EXPECT_EQ(cpu.looks, 0u);
  EXPECT_EQ(hooks->next_ns(), UINT64_MAX);
}

TEST_F(CpuHooksTest, AShareIsToldAtOnceAndThenOnlyWhenItChanges) {
  add(kA).share = CpuShare{512, 50};
  pass(20);
  EXPECT_EQ(sink.share[kA], (CpuShare{512, 50}));
  pass(2000);
  EXPECT_EQ(sink.shares, 1u);
}

TEST_F(CpuHooksTest, AWeightIsFollowedWithinASecond) {
  add(kA);
  pass(500);
  cpu.domains[kA].share->weight = 1024;
  pass(400);
  EXPECT_EQ(sink.share[kA]->weight, 1024u);
}

TEST_F(CpuHooksTest, APauseIsHonouredWithinATenthOfASecond) {
  add(kA);
  pass(500);
  cpu.domains[kA].paused = true;
  pass(100);
  EXPECT_TRUE(sink.gives_up[kA]);
  cpu.domains[kA].paused = false;
  pass(100);
  EXPECT_FALSE(sink.gives_up[kA]);
}

TEST_F(CpuHooksTest, ShutDownDyingAndGoneDomainsGiveTheGpuUp) {
  add(kA);
  for (bool CpuView::*what : {&CpuView::shut_down, &CpuView::dying}) {
    pass(100);
    cpu.domains[kA].*what = true;
    pass(100);
    EXPECT_TRUE(sink.gives_up[kA]);
    cpu.domains[kA].*what = false;
    pass(100);
    EXPECT_FALSE(sink.gives_up[kA]);
  }
  cpu.domains.erase(kA);
  pass(100);
  EXPECT_TRUE(sink.gives_up[kA]);
}

TEST(CpuShares, ACpuCapBecomesAGpuCapOfAtMostAll) {
  EXPECT_EQ(xengvtd::gpu_cap({256, 0}), 0u);
  EXPECT_EQ(xengvtd::gpu_cap({256, 1}), 100u);
  EXPECT_EQ(xengvtd::gpu_cap({256, 100}), 10'000u);
  EXPECT_EQ(xengvtd::gpu_cap({256, 400}), 10'000u);
}

TEST_F(CpuHooksTest, OnlyVcpusThatWantToRunAndDoNotAreStarved) {
  auto& v = add(kA);
  const auto vcpu = [&](bool online, bool blocked, bool running, uint64_t ran_ms) {
    v.vcpus = {{online, blocked, running, v.vcpus.empty() ? 0 : v.vcpus[0].cpu_ns}};
    for (int i = 0; i < 4; ++i) {
      pass(250);
      v.vcpus[0].cpu_ns += ran_ms * kMs;
    }
    return sink.starves[kA];
  };
  EXPECT_FALSE(vcpu(true, true, false, 0));    // idle
  EXPECT_FALSE(vcpu(true, false, true, 250));  // runs
  EXPECT_TRUE(vcpu(true, false, false, 20));   // waits in the run queue
  EXPECT_FALSE(vcpu(true, false, false, 240));
  EXPECT_TRUE(vcpu(true, false, false, 0));
  EXPECT_FALSE(vcpu(false, false, false, 0));  // unplugged
}

TEST_F(CpuHooksTest, AVcpuThatMovesBetweenCpusOrPoolsIsNotConfused) {
  auto& v = add(kA);
  v.share = CpuShare{700, 0};
  pass(500);
  v.share.reset();  // a pool whose scheduler has no weights
  pass(500);
  EXPECT_EQ(sink.share[kA], std::nullopt);
  v.share = CpuShare{};  // and back: Xen starts anew
  pass(500);
  EXPECT_EQ(sink.share[kA], CpuShare{});
  v.vcpus.clear();
  v.vcpus.resize(4);
  pass(500);
  EXPECT_FALSE(sink.starves[kA]);
}

// A pool change gives the domain its new scheduler's default weight: the raise is not written over
// it.
TEST_F(CpuHooksTest, AMoveToAnotherPoolDuringARaiseEndsIt) {
  add(kA).share = CpuShare{300, 0};
  hooks->set_boost(kA, true);
  sink.waiting.insert(kA);
  pass(300);
  ASSERT_EQ(cpu.domains[kA].share->weight, 1200u);
  sink.waiting.clear();
  cpu.domains[kA].share = CpuShare{};
  pass(1000);
  EXPECT_EQ(cpu.domains[kA].share->weight, 256u);
  EXPECT_EQ(sink.share[kA], CpuShare{});
  EXPECT_TRUE(ledger->read().empty());
  EXPECT_EQ(cpu.sets.size(), 1u) << "nothing but the raise was written";
}

TEST_F(CpuHooksTest, AMoveToAPoolWithoutWeightsDuringARaiseEndsIt) {
  add(kA);
  hooks->set_boost(kA, true);
  sink.waiting.insert(kA);
  pass(300);
  ASSERT_TRUE(hooks->boosted(kA));
  cpu.domains[kA].share.reset();
  pass(1000);
  EXPECT_FALSE(hooks->boosted(kA));
  EXPECT_EQ(sink.share[kA], std::nullopt);
  EXPECT_TRUE(ledger->read().empty());
  EXPECT_EQ(cpu.sets.size(), 1u);
}

// Time on a CPU counts, not which: a vCPU seen waiting twice that ran in between was migrated.
TEST_F(CpuHooksTest, AVcpuSeenWaitingWhileItIsMigratedIsNotStarved) {
  auto& v = add(kA);
  v.vcpus = {{true, false, false, 0}, {true, true, false, 0}};
  for (int i = 0; i < 8; ++i) {
    pass(250);
    v.vcpus[0].cpu_ns += 200 * kMs;
  }
  EXPECT_FALSE(sink.starves[kA]);
}

TEST_F(CpuHooksTest, AClockOfAVcpuThatGoesBackIsNoRun) {
  auto& v = add(kA);
  v.vcpus = {{true, false, false, 5'000 * kMs}};
  pass(300);
  v.vcpus[0].cpu_ns = 0;  // plugged in anew
  pass(300);
  EXPECT_TRUE(sink.starves[kA]);
}

TEST_F(CpuHooksTest, APausedDomainIsNotStarved) {
  auto& v = add(kA);
  v.vcpus = {{true, false, false, 0}};
  pass(600);
  ASSERT_TRUE(sink.starves[kA]);
  v.paused = true;
  pass(600);
  EXPECT_FALSE(sink.starves[kA]);
  EXPECT_TRUE(sink.gives_up[kA]);
}

TEST_F(CpuHooksTest, ADyingDomainsRaiseIsPutBackAndOneThatIsGoneIsForgotten) {
  for (const bool gone : {false, true}) {
    cpu.domains.clear();
    add(kA);
    hooks->set_boost(kA, true);
    sink.waiting = {kA};
    pass(300);
    ASSERT_TRUE(hooks->boosted(kA));
    if (gone)
      cpu.domains.erase(kA);
    else
      cpu.domains[kA].dying = true;
    pass(100);
    EXPECT_FALSE(hooks->boosted(kA));
    EXPECT_TRUE(ledger->read().empty());
    if (!gone) {
      EXPECT_EQ(cpu.domains[kA].share->weight, 256u);
    }
    hooks->remove(kA);
  }
}

// Between the line that is written down and the weight that is raised, and the other way round.
TEST_F(CpuHooksTest, APowerCutAtAnyPointLeavesTheOwnersWeightOrOneThatIsPutBack) {
  const auto uuid = cpu.make(kA).uuid;
  for (const bool raised : {false, true}) {
    ASSERT_EQ(ledger->add({kA, uuid, 256, 1024}), "");
    cpu.domains[kA].share->weight = raised ? 1024 : 256;
    WeightLedger next(folder + "/raised");
    EXPECT_TRUE(next.restore(cpu).empty());
    EXPECT_EQ(cpu.domains[kA].share->weight, 256u);
    EXPECT_TRUE(next.read().empty());
  }
  // A half-written next ledger is nobody's: the old one stands until the new one is whole.
  cpu.domains[kA].share->weight = 1024;
  ASSERT_EQ(ledger->add({kA, uuid, 256, 1024}), "");
  std::ofstream(folder + "/raised.next") << std::string(20, 'a');
  WeightLedger next(folder + "/raised");
  EXPECT_TRUE(next.restore(cpu).empty());
  EXPECT_EQ(cpu.domains[kA].share->weight, 256u);
}

// Over a raise too.
TEST_F(CpuHooksTest, TheFolderOfTheOwnersWeightsIsMadeWhereThereIsNone) {
  WeightLedger own(folder + "/state/xengvt/raised");
  EXPECT_EQ(own.add({kA, cpu.make(kA).uuid, 256, 512}), "");
  EXPECT_EQ(own.read().size(), 1u);
}

TEST_F(CpuHooksTest, ACapAboveAWholeCpuIsToldAndNeverTouched) {
  add(kA).share = CpuShare{256, 400};
  hooks->set_boost(kA, true);
  sink.waiting.insert(kA);
  pass(300);
  EXPECT_EQ(sink.share[kA], (CpuShare{256, 400}));
  EXPECT_EQ(xengvtd::gpu_cap(*sink.share[kA]), 10'000u);
  EXPECT_EQ(cpu.domains[kA].share, (CpuShare{1024, 400}));
}

TEST_F(CpuHooksTest, NothingIsRaisedUnlessTheOwnerAskedForIt) {
  add(kA);
  sink.waiting.insert(kA);
  pass(1000);
  EXPECT_TRUE(cpu.sets.empty());
}

TEST_F(CpuHooksTest, AWaitingInteractiveGuestIsRaisedWithinTheBoundAndPutBack) {
  add(kA);
  hooks->set_boost(kA, true);
  pass(300);
  sink.waiting.insert(kA);
  pass(100);
  EXPECT_EQ(cpu.domains[kA].share->weight, 1024u);
  EXPECT_EQ(ledger->read().size(), 1u);
  pass(1000);
  EXPECT_EQ(cpu.sets.size(), 1u);
  sink.waiting.clear();
  pass(400);
  EXPECT_EQ(cpu.domains[kA].share->weight, 256u);
  EXPECT_TRUE(ledger->read().empty());
  EXPECT_FALSE(hooks->boosted(kA));
}

TEST_F(CpuHooksTest, ItsOwnRaiseIsNeverFollowed) {
  add(kA);
  hooks->set_boost(kA, true);
  sink.waiting.insert(kA);
  pass(2000);
  ASSERT_TRUE(hooks->boosted(kA));
  EXPECT_EQ(sink.share[kA]->weight, 256u);
  EXPECT_EQ(sink.shares, 1u);
}

TEST_F(CpuHooksTest, ARaisedWeightStaysWithinWhatXenKnows) {
  add(kA).share = CpuShare{40'000, 0};
  hooks->set_boost(kA, true);
  sink.waiting.insert(kA);
  pass(500);
  EXPECT_EQ(cpu.domains[kA].share->weight, 65'535u);
}

TEST_F(CpuHooksTest, AnOwnersChangeDuringARaiseCounts) {
  add(kA);
  hooks->set_boost(kA, true);
  sink.waiting.insert(kA);
  pass(300);
  ASSERT_TRUE(hooks->boosted(kA));
  sink.waiting.clear();
  cpu.domains[kA].share->weight = 333;
  pass(1000);
  EXPECT_EQ(cpu.domains[kA].share->weight, 333u);
  EXPECT_EQ(sink.share[kA]->weight, 333u);
  EXPECT_TRUE(ledger->read().empty());
}

TEST_F(CpuHooksTest, DetachingTurningOffPausingAndEndingPutTheWeightBack) {
  for (int how = 0; how < 4; ++how) {
    if (!hooks) hooks.emplace(cpu, sink, *ledger);
    cpu.domains.clear();
    add(kA);
    hooks->set_boost(kA, true);
    sink.waiting = {kA};
    pass(300);
    ASSERT_EQ(cpu.domains[kA].share->weight, 1024u) << how;
    if (how == 0) hooks->remove(kA);
    if (how == 1) hooks->set_boost(kA, false);
    if (how == 2) cpu.domains[kA].paused = true, pass(100);
    if (how == 3) hooks.reset();
    EXPECT_EQ(cpu.domains[kA].share->weight, 256u) << how;
    EXPECT_TRUE(ledger->read().empty()) << how;
    if (hooks) hooks->remove(kA);
  }
}

TEST_F(CpuHooksTest, WithoutASafeLedgerNothingIsRaised) {
  add(kA);
  hooks->set_boost(kA, true);
  std::filesystem::remove_all(folder);
  std::ofstream(folder) << "no folder";
  sink.waiting.insert(kA);
  pass(1000);
  EXPECT_TRUE(cpu.sets.empty());
  EXPECT_EQ(sink.complaints.size(), 1u);
}

TEST_F(CpuHooksTest, AReusedNumberIsAnotherDomain) {
  add(kA);
  hooks->set_boost(kA, true);
  sink.waiting.insert(kA);
  pass(300);
  ASSERT_TRUE(hooks->boosted(kA));
  sink.waiting.clear();
  cpu.make(kA).share = CpuShare{1024, 0};  // by chance the raised weight
  pass(500);
  EXPECT_EQ(cpu.domains[kA].share->weight, 1024u);
  EXPECT_EQ(sink.share[kA]->weight, 1024u);
}

TEST_F(CpuHooksTest, AnUnexpectedEndIsMadeGoodByTheNextStart) {
  add(kA);
  hooks->set_boost(kA, true);
  sink.waiting.insert(kA);
  pass(300);
  std::filesystem::copy(folder + "/raised", folder + "/kept");  // as a crash would leave it
  hooks.reset();
  cpu.domains[kA].share->weight = 1024;
  WeightLedger after(folder + "/kept");
  EXPECT_TRUE(after.restore(cpu).empty());
  EXPECT_EQ(cpu.domains[kA].share->weight, 256u);
  EXPECT_TRUE(after.read().empty());
}

TEST_F(CpuHooksTest, ARestoreTouchesNeitherOtherDomainsNorWeightsSetSince) {
  cpu.make(kA).share = CpuShare{1024, 0};
  cpu.make(kB).share = CpuShare{900, 0};
  const auto other = cpu.domains[kB].uuid;
  EXPECT_EQ(ledger->add({kA, other, 256, 1024}), "");
  EXPECT_EQ(ledger->add({kB, other, 256, 1024}), "");
  EXPECT_EQ(ledger->add({DomId{9}, {}, 256, 1024}), "");
  EXPECT_TRUE(ledger->restore(cpu).empty());
  EXPECT_TRUE(cpu.sets.empty());
  EXPECT_TRUE(ledger->read().empty());
}

TEST_F(CpuHooksTest, AFailedRestoreIsKeptForTheNextTry) {
  const auto uuid = cpu.make(kA).uuid;
  cpu.domains[kA].share->weight = 1024;
  ASSERT_EQ(ledger->add({kA, uuid, 256, 1024}), "");
  cpu.refuse = "no";
  EXPECT_EQ(ledger->restore(cpu).size(), 1u);
  EXPECT_EQ(ledger->read().size(), 1u);
  cpu.refuse.clear();
  EXPECT_TRUE(ledger->restore(cpu).empty());
  EXPECT_EQ(cpu.domains[kA].share->weight, 256u);
}

TEST_F(CpuHooksTest, ADamagedLedgerIsReadAsFarAsItMakesSense) {
  std::ofstream(folder + "/raised") << "junk\n"
                                    << std::string(32, 'a') << " 1 256 1024\n"
                                    << std::string(32, 'a') << " 99999999 256 1024\n"
                                    << std::string(32, 'a') << " 1 0 1024\n"
                                    << std::string(31, 'a') << "x 1 256 1024\n"
                                    << std::string(32, 'b') << " 2 256";
  const auto all = ledger->read();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].domain, kA);
  EXPECT_EQ(all[0].uuid[5], 0xaa);
}

// Whatever happens in whatever order: no weight of the owner's is lost.
TEST_F(CpuHooksTest, NoSequenceLosesTheOwnersWeight) {
  uint64_t seed = 7;
  const auto random = [&](uint64_t below) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
  };
  std::map<DomId, uint32_t> owners;
  for (const DomId id : {kA, kB}) {
    add(id);
    owners[id] = 256;
    hooks->set_boost(id, true);
  }
  for (int i = 0; i < 3000; ++i) {
    const DomId id = random(2) ? kA : kB;
    CpuView& v = cpu.domains[id];
    switch (random(6)) {
      case 0: sink.waiting.insert(id); break;
      case 1: sink.waiting.erase(id); break;
      case 2: v.paused = !v.paused; break;
      case 3:
        if (random(8) != 0) break;
        v.share->weight = owners[id] = static_cast<uint32_t>(100 + random(100) * 10 + 1);
        break;
      case 4: hooks->set_boost(id, random(4) != 0); break;
      default: break;
    }
    pass(10 + random(200));
    const bool ours = hooks->boosted(id);
    EXPECT_EQ(v.share->weight, ours ? owners[id] * 4 : owners[id]);
  }
  hooks.reset();
  for (const auto& [id, weight] : owners) EXPECT_EQ(cpu.domains[id].share->weight, weight);
  EXPECT_TRUE(ledger->read().empty());
}

}  // namespace

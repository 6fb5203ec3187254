// SPDX-License-Identifier: MIT
// Random and mutated streams: whatever comes in, the scan ends, stays inside the stream, says what
// it changed, and accepts nothing twice differently.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/scanner/scan_fixture.h"

namespace mediator {
namespace {

using gen9::EngineId;
using test::Scanned;

std::vector<ScanRequest> requests(size_t dwords) {
  std::vector<ScanRequest> all;
  for (EngineId e : gen9::kAllEngines) {
    all.push_back(test::ring(dwords, e));
    all.push_back(test::batch(Rules::privileged, e));
    all.push_back(test::batch(e == EngineId::bcs ? Rules::user_blitter : Rules::user, e, 2));
  }
  return all;
}

void check(const std::vector<uint32_t>& stream, const ScanRequest& request) {
  Scanned s = test::run(stream, request);
  ASSERT_LE(s.outcome.dwords, stream.size());
  ASSERT_LE(s.outcome.commands, stream.size());
  ASSERT_LE(s.outcome.refusal.offset, stream.size() * 4);
  std::vector<uint32_t> undone = s.copy;
  for (auto p = s.host.patches.rbegin(); p != s.host.patches.rend(); ++p) {
    ASSERT_LT(p->first, undone.size());
    undone[p->first] = p->second;
  }
  ASSERT_TRUE(std::equal(undone.begin(), undone.end(), stream.begin()));
  if (s.reason() != Reject::none) return;
  // All at once or piece by piece: the same.
  test::PieceSource whole(stream, stream.size() + 1);
  test::RecordingHost host;
  const ScanOutcome again = scan(whole, request, host);
  ASSERT_EQ(again.refusal.reason, Reject::none);
  ASSERT_EQ(again.dwords, s.outcome.dwords);
  ASSERT_EQ(again.commands, s.outcome.commands);
  for (const auto& [reg, value] : s.host.registers) {
    ASSERT_TRUE(may_write_register(request.engine, request.rules, reg));
  }
}

TEST(ScannerProperty, RandomDwords) {
  std::mt19937 random(1);
  for (int i = 0; i < 30; ++i) {
    std::vector<uint32_t> stream(random() % 40);
    for (uint32_t& d : stream) d = random() >> (random() % 32);
    for (const ScanRequest& r : requests(stream.size())) check(stream, r);
  }
}

/// Streams of real commands with one field wrong.
TEST(ScannerProperty, MutatedCommands) {
  std::mt19937 random(2);
  const auto rows = gen9::command_table();
  for (int i = 0; i < 60; ++i) {
    std::vector<uint32_t> stream;
    for (int n = 0; n < 6; ++n) {
      const gen9::CommandDesc& d = rows[random() % rows.size()];
      const size_t at = stream.size();
      stream.resize(at + d.min_dwords);
      stream[at] = d.value | (d.length_bits ? d.min_dwords - d.bias : 0u);
    }
    stream.push_back(test::kEnd);
    stream[random() % stream.size()] ^= 1u << random() % 32;
    for (const ScanRequest& r : requests(stream.size())) check(stream, r);
  }
}

/// An accepted privileged copy scanned again needs only the same operands translated: no command in
/// it was skipped or reinterpreted by the patching.
TEST(ScannerProperty, PatchingKeepsCommandBoundaries) {
  const std::vector<uint32_t> stream{
      0x7a000004, 1u << 24 | 1u << 14, 0x2000, 0, 5, 0,          0x0a000001, 0x1c0,
      0x30000,    0x10400002,          0x3000, 0, 1, 0x01000000, 0x04000000};
  ScanRequest request = test::ring(stream.size());
  request.enable_arbitration = true;
  const Scanned first = test::run(stream, request);
  ASSERT_EQ(first.reason(), Reject::none);
  const Scanned second = test::run(first.copy, request);
  ASSERT_EQ(second.reason(), Reject::none);
  EXPECT_EQ(second.outcome.dwords, first.outcome.dwords);
  EXPECT_EQ(second.host.operands.size(), first.host.operands.size());
  EXPECT_TRUE(second.host.display.empty());
}

}  // namespace
}  // namespace mediator

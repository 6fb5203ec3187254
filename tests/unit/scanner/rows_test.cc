// SPDX-License-Identifier: MIT
// Tests made from the command table: each row in its shortest and longest form.
#include <gtest/gtest.h>

#include "tests/unit/scanner/scan_fixture.h"

namespace mediator {
namespace {

using gen9::CommandDesc;
using gen9::EngineId;
using test::batch;

std::vector<uint32_t> form(const CommandDesc& d, unsigned dwords) {
  std::vector<uint32_t> v(dwords);
  v[0] = d.length_bits == 0 ? d.value : d.value | (dwords - d.bias);
  return v;
}

bool is_shape_reason(Reject r) {
  return r == Reject::unknown_command || r == Reject::truncated || r == Reject::no_batch_end;
}

/// Every row on every engine that has it, under the rules of a batch there.
template <class F>
void for_each_row(F f) {
  for (const CommandDesc& d : gen9::command_table()) {
    for (EngineId e : gen9::kAllEngines) {
      if (d.engines & gen9::engine_bit(e)) {
        f(d, e, batch(e == EngineId::bcs ? Rules::user_blitter : Rules::user, e));
        f(d, e, batch(Rules::privileged, e));
      }
    }
  }
}

TEST(ScannerRows, ShortestAndLongestFormsAreRecognised) {
  for_each_row([](const CommandDesc& d, EngineId, const ScanRequest& request) {
    for (unsigned n : {d.min_dwords, d.max_dwords}) {
      auto stream = form(d, n);
      stream.push_back(test::kEnd);
      const auto s = test::run(stream, request);
      EXPECT_FALSE(is_shape_reason(s.reason())) << d.name << " " << n;
      const bool plain = d.audit == gen9::Audit::pass && d.id == gen9::Cmd::other;
      if (plain && s.reason() == Reject::none) {
        EXPECT_EQ(s.outcome.dwords, n + 1) << d.name;
        EXPECT_EQ(s.outcome.commands, 2u) << d.name;
        EXPECT_TRUE(s.host.patches.empty()) << d.name;
      }
    }
  });
}

TEST(ScannerRows, EveryTruncatedPrefixIsRefused) {
  for_each_row([](const CommandDesc& d, EngineId, const ScanRequest& request) {
    const unsigned n = std::min<unsigned>(d.max_dwords, 40);
    if (n < d.min_dwords) return;
    for (unsigned keep = 1; keep < n; keep += 3) {
      auto stream = form(d, n);
      stream.resize(keep);
      const auto s = test::run(stream, request);
      EXPECT_EQ(s.reason(), Reject::truncated) << d.name << " " << keep << "/" << n;
      EXPECT_STREQ(s.outcome.refusal.command, d.name);
    }
  });
}

TEST(ScannerRows, LengthsOutsideTheRowAreRefused) {
  for_each_row([](const CommandDesc& d, EngineId, const ScanRequest& request) {
    if (d.length_bits == 0) return;
    const unsigned largest = (1u << d.length_bits) - 1 + d.bias;
    std::vector<unsigned> bad;
    if (d.min_dwords > d.bias) bad.push_back(d.min_dwords - 1u);
    if (d.max_dwords < largest) bad.push_back(d.max_dwords + 1u);
    for (unsigned n : bad) {
      const auto s = test::run(form(d, n), request);
      EXPECT_EQ(s.reason(), Reject::bad_length) << d.name << " " << n;
      EXPECT_STREQ(s.outcome.refusal.command, d.name);
    }
  });
}

TEST(ScannerRows, RefusedEverywhereMeansEverywhere) {
  for_each_row([](const CommandDesc& d, EngineId, const ScanRequest& request) {
    if (d.audit != gen9::Audit::refuse) return;
    EXPECT_EQ(test::run(form(d, d.min_dwords), request).reason(), Reject::forbidden_command);
  });
}

TEST(ScannerRows, OtherEnginesCommandsAreUnknown) {
  const auto s = test::run({0x7b000005}, batch(Rules::user_blitter, EngineId::bcs));
  EXPECT_EQ(s.reason(), Reject::unknown_command);
  EXPECT_EQ(s.outcome.refusal.command, nullptr);
  EXPECT_EQ(s.outcome.refusal.detail, 0x7b000005u);
}

}  // namespace
}  // namespace mediator

// SPDX-License-Identifier: MIT
// Many guests on one GPU: all of them work, and what they do is right.
#include <gtest/gtest.h>

#include "dom0/aub/byte_source.h"
#include "dom0/embedded/streams.h"
#include "tests/fake/aub_builder.h"

namespace {

/// A file whose batch stores `value`.
guests::AubScript storing(uint32_t value) {
  constexpr uint64_t kBatch = 0x10000, kCell = 0x20000;
  constexpr uint32_t kStoreDword = 0x20u << 23 | 2, kEnd = 0x0au << 23;
  fake::AubBuilder aub;
  aub.map(kBatch, 1);
  aub.map(kCell, 1);
  for (uint32_t n = 0; n < 3; ++n) {
    const uint32_t words[] = {kStoreDword, static_cast<uint32_t>(kCell) + 8 * n, 0, value + n,
                              kEnd};
    aub.write(kBatch, words);
    aub.submit(gen9::EngineId::rcs, kBatch);
  }
  const auto source = aub::memory_source(aub.bytes());
  return std::move(guests::AubScript::load(*source).value());
}

TEST(Scale, TwoHundredAndFiftySixGuestsWorkAndAreRight) {
  std::vector<guests::AubScript> scripts;
  for (uint32_t n = 0; n < 256; ++n) scripts.push_back(storing(0x1000 * n));
  const auto native = embedded::run_streams(scripts, {.mediated = false});
  const auto mediated = embedded::run_streams(scripts, {.slice_ns = 1'000'000});
  ASSERT_TRUE(native.ok() && mediated.ok());
  EXPECT_TRUE(mediated->ok());
  for (const auto& v : mediated->violations) ADD_FAILURE() << v;
  for (size_t n = 0; n < scripts.size(); ++n) {
    EXPECT_EQ(mediated->streams[n].error, "") << n;
    EXPECT_EQ(mediated->streams[n].memory, native->streams[n].memory) << n;
    EXPECT_EQ(mediated->streams[n].stream, native->streams[n].stream) << n;
  }
  EXPECT_NE(native->streams[0].memory, native->streams[1].memory);
}

}  // namespace

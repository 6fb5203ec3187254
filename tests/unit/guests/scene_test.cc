// SPDX-License-Identifier: MIT
// Frames of the drawing guests: legal commands, the same every time, moving.
#include "dom0/guests/painter/scene.h"

#include <gtest/gtest.h>

#include "shadow/gen9/commands.h"

namespace {

constexpr guests::Surface kBack{0x10'0000, 640, 480}, kFront{0x90'0000, 640, 480};

std::vector<std::vector<uint32_t>> frame(unsigned scene, uint64_t number, uint32_t seed = 3) {
  guests::Frame parts;
  guests::make_scene(scene, seed)->draw(number, kBack, kFront, parts);
  std::vector<std::vector<uint32_t>> out;
  for (auto& p : parts) {
    const auto words = p.finish();
    out.emplace_back(words.begin(), words.end());
  }
  return out;
}

TEST(Scene, EveryCommandIsKnownAndEndsWithTheBatch) {
  for (unsigned scene = 0; scene < guests::kScenes; ++scene)
    for (const auto& batch : frame(scene, 77)) {
      size_t i = 0;
      const gen9::CommandDesc* d = nullptr;
      while (i < batch.size()) {
        d = gen9::find_command(gen9::EngineId::bcs, batch[i]);
        ASSERT_NE(d, nullptr) << scene << " at " << i;
        const unsigned n = gen9::command_length(*d, batch[i]);
        ASSERT_GT(n, 0u) << scene << " at " << i;
        i += n;
        if (d->id == gen9::Cmd::mi_batch_buffer_end) break;
      }
      EXPECT_EQ(d->id, gen9::Cmd::mi_batch_buffer_end);
      EXPECT_EQ(batch.size() % 2, 0u);
    }
}

TEST(Scene, AFrameIsAFunctionOfItsNumber) {
  for (unsigned scene = 0; scene < guests::kScenes; ++scene) {
    EXPECT_EQ(frame(scene, 5), frame(scene, 5));
    EXPECT_NE(frame(scene, 5), frame(scene, 6)) << "it moves";
    EXPECT_GE(frame(scene, 5).size(), 3u) << "several submissions a frame";
  }
}

TEST(Scene, GuestsWithOtherSeedsDrawOtherThings) {
  for (unsigned scene = 0; scene < guests::kScenes; ++scene)
    EXPECT_NE(frame(scene, 9, 1), frame(scene, 9, 2));
}

TEST(Canvas, RectanglesAreClippedToTheSurface) {
  guests::Canvas c(kBack);
  c.fill({-10, -10, 20, 20}, 1);
  c.fill({630, 470, 100, 100}, 1);
  c.fill({700, 0, 10, 10}, 1);
  const auto words = c.finish();
  ASSERT_EQ(words.size(), 16u);  // two fills, the end, a pad
  EXPECT_EQ(words[2], 0u);
  EXPECT_EQ(words[3], 10u << 16 | 10);
  EXPECT_EQ(words[10], 480u << 16 | 640);
}

TEST(Canvas, TextThatWouldLeaveTheSurfaceIsCut) {
  guests::Canvas some(kBack), none(kBack);
  some.text(600, 0, "HELLO", 1, 0);
  none.text(0, 470, "HELLO", 1, 0);
  EXPECT_EQ(some.finish().size(), 10u + 3 * 11 + 1);
  EXPECT_EQ(none.finish().size(), 12u);
}

TEST(Font, KnowsLowerCaseAndBlanksTheRest) {
  EXPECT_TRUE(std::ranges::equal(guests::glyph('a'), guests::glyph('A')));
  EXPECT_TRUE(std::ranges::equal(guests::glyph('\x01'), guests::glyph(' ')));
  EXPECT_FALSE(std::ranges::equal(guests::glyph('8'), guests::glyph('B')));
}

}  // namespace

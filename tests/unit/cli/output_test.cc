// SPDX-License-Identifier: MIT
// Tables and pictures.
#include <gtest/gtest.h>

#include <sstream>

#include "dom0/cli/png.h"
#include "dom0/cli/table.h"

namespace {

TEST(Table, AlignsColumns) {
  cli::Table t({"name", "n"});
  t.add({"a", "1"});
  t.add({"longer", "100"});
  std::ostringstream out;
  t.print(out);
  EXPECT_EQ(out.str(), "name      n\na         1\nlonger  100\n");
}

mediator::Screen plain(uint32_t w, uint32_t h, uint32_t colour) {
  return {w, h, std::vector<uint32_t>(size_t{w} * h, colour)};
}

TEST(Picture, ScreensStandSideBySideWithAGap) {
  const auto p = cli::side_by_side({plain(4, 2, 1), {}, plain(4, 2, 2)});
  EXPECT_EQ(p.width, 16u);
  EXPECT_EQ(p.height, 2u);
  EXPECT_EQ(p.pixels[0], 1u);
  EXPECT_EQ(p.pixels[12], 2u);
  EXPECT_EQ(p.pixels[6], 0x202020u);
}

TEST(Picture, ManyScreensFormASquare) {
  const auto p =
      cli::side_by_side({plain(4, 2, 1), plain(4, 2, 2), plain(4, 2, 3), plain(2, 1, 4)});
  EXPECT_EQ(p.width, 16u);
  EXPECT_EQ(p.height, 12u);
  EXPECT_EQ(p.pixels[10 * 16 + 12], 4u);
  EXPECT_EQ(p.pixels[11 * 16 + 12], 0x202020u) << "a smaller screen leaves its corner dark";
}

TEST(Picture, NoScreenIsOneBlackPixel) {
  const auto p = cli::side_by_side({});
  EXPECT_EQ(p.pixels, std::vector<uint32_t>{0});
  EXPECT_FALSE(cli::encode_png(p).empty());
}

}  // namespace

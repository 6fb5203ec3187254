// SPDX-License-Identifier: MIT
// What the bed takes for a readable console, and what it does not.
#include "tests/xen/console/console_text.h"

#include <gtest/gtest.h>

namespace console {
namespace {

constexpr unsigned kColumns = 128, kRows = 48;

class ConsoleTextTest : public testing::Test {
 protected:
  ConsoleTextTest() { write("7"); }
  void write(const std::string& guest) {
    picture = {kColumns * kCellWidth, kRows * kCellHeight, {}};
    picture.pixels.assign(size_t{picture.width} * picture.height, 0xff000000);
    for (unsigned row = 0; row < kLines; ++row) put(row, line_text(guest, row + 1));
  }
  /// A font of bits of the character's number.
  void put(unsigned row, const std::string& text) {
    for (unsigned x = 0; x < text.size(); ++x)
      for (unsigned bit = 0; text[x] != ' ' && bit < 8; ++bit)
        pixel(x, row, bit, 3) = text[x] >> bit & 1 ? 0xffaaaaaa : 0xff000000;
  }
  uint32_t& pixel(unsigned column, unsigned row, unsigned x, unsigned y) {
    return picture.pixels[(row * kCellHeight + y) * picture.width + column * kCellWidth + x];
  }
  std::string error() { return read_console(picture).error; }
  Picture picture;
};

TEST_F(ConsoleTextTest, the_lines_tell_whose_they_are) {
  EXPECT_EQ(error(), "");
  EXPECT_EQ(read_console(picture).guest, "7");
  write("42");
  EXPECT_EQ(read_console(picture).guest, "42");
}
TEST_F(ConsoleTextTest, a_cursor_may_stand_below_them) {
  pixel(0, kLines, 0, 15) = 0xffffffff;
  EXPECT_EQ(error(), "");
  pixel(9, kLines, 0, 15) = 0xffffffff;
  EXPECT_NE(error(), "");
}
TEST_F(ConsoleTextTest, one_wrong_pixel_is_seen) {
  pixel(20, 11, 7, 9) = 0xffaaaaaa;
  EXPECT_EQ(error(), "line 12, column 21 is no ' '");
}
TEST_F(ConsoleTextTest, an_old_line_is_seen) {
  put(20, line_text("7", 20));
  EXPECT_NE(error(), "");
}
TEST_F(ConsoleTextTest, a_line_of_another_guest_is_seen) {
  put(20, line_text("8", 21));
  EXPECT_EQ(error(), "line 21 names no guest");
}
TEST_F(ConsoleTextTest, a_screen_that_was_moved_is_seen) {
  std::rotate(picture.pixels.begin(), picture.pixels.begin() + 1, picture.pixels.end());
  EXPECT_NE(error(), "");
}
TEST_F(ConsoleTextTest, an_empty_screen_shows_nothing) {
  std::ranges::fill(picture.pixels, 0xff000000);
  EXPECT_NE(error(), "");
  picture = {};
  EXPECT_NE(error(), "");
}

}  // namespace
}  // namespace console

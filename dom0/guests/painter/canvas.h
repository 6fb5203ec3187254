// SPDX-License-Identifier: MIT
// Blitter commands for 32-bit linear surfaces, gathered into a batch. SKL PRM vol 2a and vol 10.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace guests {

/// A linear surface of 32-bit XRGB pixels in the context's PPGTT.
struct Surface {
  uint64_t address = 0;
  uint32_t width = 0, height = 0;
  [[nodiscard]] uint32_t stride() const { return width * 4; }
};

struct Rect {
  int x = 0, y = 0, width = 0, height = 0;
};

/// Builds one batch that draws on one surface. Rectangles are clipped to it.
class Canvas {
 public:
  explicit Canvas(const Surface& target) : target_(target) {}

  [[nodiscard]] const Surface& surface() const { return target_; }
  void fill(Rect r, uint32_t colour);
  /// From `from` at (x, y) to the rectangle, same size. Must lie inside both.
  void copy(const Surface& from, int x, int y, Rect to);
  void fast_copy(const Surface& from, int x, int y, Rect to);
  /// Characters of 12 x 16 pixels, opaque. Lower case is drawn as upper case.
  void text(int x, int y, std::string_view line, uint32_t ink, uint32_t paper);
  static constexpr int kGlyphWidth = 12, kGlyphHeight = 16;

  /// Ends the batch; nothing may be added after.
  std::span<const uint32_t> finish();

 private:
  void copy_with(uint32_t header, uint32_t br13, const Surface& from, int x, int y, Rect to);
  void address(uint64_t a);
  Surface target_;
  std::vector<uint32_t> words_;
};

/// Rows of a 5 x 7 character, top first, bit 4 leftmost; blank for what it has not.
std::span<const uint8_t, 7> glyph(char c);

}  // namespace guests

// SPDX-License-Identifier: MIT
// Encoders of XY_COLOR_BLT, XY_SRC_COPY_BLT, XY_FAST_COPY_BLT, XY_SETUP_BLT and
// XY_TEXT_IMMEDIATE_BLT (SKL PRM vol 2a, BLT engine instructions).
#include "dom0/guests/painter/canvas.h"

#include <algorithm>
#include <array>

namespace guests {
namespace {

constexpr uint32_t blt(uint32_t opcode, uint32_t words) {
  return 2u << 29 | opcode << 22 | (words - 2);
}
constexpr uint32_t kAllChannels = 3u << 20;
constexpr uint32_t k32Bpp = 3u << 24, kCopyPattern = 0xf0u << 16, kCopySource = 0xccu << 16;
constexpr uint32_t kFast32Bpp = 3u << 24;
constexpr uint32_t kEndOfBatch = 0x0au << 23;

constexpr uint32_t point(int x, int y) {
  return static_cast<uint32_t>(y) << 16 | (static_cast<uint32_t>(x) & 0xffff);
}

Rect clip(Rect r, const Surface& s) {
  const int x2 = std::min<int>(r.x + r.width, static_cast<int>(s.width));
  const int y2 = std::min<int>(r.y + r.height, static_cast<int>(s.height));
  const int x1 = std::max(r.x, 0), y1 = std::max(r.y, 0);
  return {x1, y1, std::max(x2 - x1, 0), std::max(y2 - y1, 0)};
}

// A 5 x 7 glyph doubled into 16 bits a row, left pixel in the high bit of the low byte, as the
// blitter reads monochrome bits.
uint32_t doubled_row(uint8_t row) {
  uint32_t bits = 0;
  for (unsigned i = 0; i < 5; ++i)
    if (row >> (4 - i) & 1) bits |= 3u << (14 - 2 * i);
  return (bits >> 8 & 0xff) | (bits & 0xff) << 8;
}

std::array<uint32_t, 8> glyph_bits(char c) {
  std::array<uint32_t, 8> words{};
  const auto rows = glyph(c);
  for (unsigned i = 0; i < 7; ++i) {
    const uint32_t row = doubled_row(rows[i]);
    words[i] = row | row << 16;
  }
  return words;
}

}  // namespace

void Canvas::address(uint64_t a) {
  words_.push_back(static_cast<uint32_t>(a));
  words_.push_back(static_cast<uint32_t>(a >> 32));
}

void Canvas::fill(Rect r, uint32_t colour) {
  r = clip(r, target_);
  if (r.width == 0 || r.height == 0) return;
  words_.insert(words_.end(),
                {blt(0x50, 7) | kAllChannels, target_.stride() | k32Bpp | kCopyPattern,
                 point(r.x, r.y), point(r.x + r.width, r.y + r.height)});
  address(target_.address);
  words_.push_back(colour);
}

void Canvas::copy_with(uint32_t header, uint32_t br13, const Surface& from, int x, int y, Rect to) {
  words_.insert(words_.end(),
                {header, br13, point(to.x, to.y), point(to.x + to.width, to.y + to.height)});
  address(target_.address);
  words_.insert(words_.end(), {point(x, y), from.stride()});
  address(from.address);
}

void Canvas::copy(const Surface& from, int x, int y, Rect to) {
  copy_with(blt(0x53, 10) | kAllChannels, target_.stride() | k32Bpp | kCopySource, from, x, y, to);
}

void Canvas::fast_copy(const Surface& from, int x, int y, Rect to) {
  copy_with(blt(0x42, 10), target_.stride() | kFast32Bpp, from, x, y, to);
}

void Canvas::text(int x, int y, std::string_view line, uint32_t ink, uint32_t paper) {
  words_.insert(words_.end(),
                {blt(0x01, 10) | kAllChannels, target_.stride() | k32Bpp | kCopySource, point(0, 0),
                 point(static_cast<int>(target_.width), static_cast<int>(target_.height))});
  address(target_.address);
  words_.insert(words_.end(), {paper, ink, 0, 0});
  for (const char c : line) {
    if (x < 0 || y < 0 || x + 16 > static_cast<int>(target_.width) ||
        y + kGlyphHeight > static_cast<int>(target_.height))
      break;
    words_.insert(words_.end(), {blt(0x31, 11), point(x, y), point(x + 16, y + kGlyphHeight)});
    const auto bits = glyph_bits(c);
    words_.insert(words_.end(), bits.begin(), bits.end());
    x += kGlyphWidth;
  }
}

std::span<const uint32_t> Canvas::finish() {
  words_.push_back(kEndOfBatch);
  if (words_.size() % 2) words_.push_back(0);
  return words_;
}

}  // namespace guests

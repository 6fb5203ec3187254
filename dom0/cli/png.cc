// SPDX-License-Identifier: MIT
// Composition and libpng.
#include "dom0/cli/png.h"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace cli {
namespace {

constexpr uint32_t kGap = 8, kGapColour = 0x202020;

void append(png_structp png, png_bytep data, size_t bytes) {
  auto& out = *static_cast<std::vector<std::byte>*>(png_get_io_ptr(png));
  const auto* p = reinterpret_cast<const std::byte*>(data);
  out.insert(out.end(), p, p + bytes);
}

}  // namespace

mediator::Screen side_by_side(const std::vector<mediator::Screen>& screens) {
  std::vector<const mediator::Screen*> shown;
  uint32_t width = 0, height = 0;
  for (const auto& s : screens) {
    if (s.pixels.empty()) continue;
    shown.push_back(&s);
    width = std::max(width, s.width);
    height = std::max(height, s.height);
  }
  if (shown.empty()) return {1, 1, {0}};
  const auto columns =
      static_cast<uint32_t>(std::ceil(std::sqrt(static_cast<double>(shown.size()))));
  const auto rows = static_cast<uint32_t>((shown.size() + columns - 1) / columns);
  mediator::Screen all{columns * (width + kGap) - kGap, rows * (height + kGap) - kGap, {}};
  all.pixels.assign(uint64_t{all.width} * all.height, kGapColour);
  for (size_t i = 0; i < shown.size(); ++i) {
    const auto x = static_cast<uint32_t>(i % columns) * (width + kGap);
    const auto y = static_cast<uint32_t>(i / columns) * (height + kGap);
    for (uint32_t row = 0; row < shown[i]->height; ++row)
      std::copy_n(&shown[i]->pixels[uint64_t{row} * shown[i]->width], shown[i]->width,
                  &all.pixels[uint64_t{y + row} * all.width + x]);
  }
  return all;
}

std::vector<std::byte> encode_png(const mediator::Screen& screen) {
  std::vector<std::byte> out;
  std::vector<uint8_t> row(size_t{screen.width} * 3);
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  if (png == nullptr) return {};
  png_infop info = png_create_info_struct(png);
  // libpng reports errors by longjmp; nothing with a destructor is made below this line.
  if (info == nullptr || setjmp(png_jmpbuf(png))) {
    png_destroy_write_struct(&png, &info);
    return {};
  }
  png_set_write_fn(png, &out, append, nullptr);
  png_set_IHDR(png, info, screen.width, screen.height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (uint32_t y = 0; y < screen.height; ++y) {
    const uint32_t* from = &screen.pixels[uint64_t{y} * screen.width];
    for (uint32_t x = 0; x < screen.width; ++x) {
      row[3 * x] = static_cast<uint8_t>(from[x] >> 16);
      row[3 * x + 1] = static_cast<uint8_t>(from[x] >> 8);
      row[3 * x + 2] = static_cast<uint8_t>(from[x]);
    }
    png_write_row(png, row.data());
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// Says which guest's lines a screenshot shows. Exit status 1 if it does not show them all as they
// were written, with one line about what is wrong.
#include <png.h>

#include <cstdio>
#include <cstring>

#include "tests/xen/console/console_text.h"

namespace {

std::optional<console::Picture> load(const char* path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&image, path)) return {};
  image.format = PNG_FORMAT_RGBA;
  console::Picture p{image.width, image.height, {}};
  p.pixels.resize(size_t{p.width} * p.height);
  if (!png_image_finish_read(&image, nullptr, p.pixels.data(), 0, nullptr)) return {};
  return p;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: read-console FILE.png\n", stderr), 2;
  const auto picture = load(argv[1]);
  if (!picture) return std::fprintf(stderr, "%s cannot be read\n", argv[1]), 1;
  const console::Read r = console::read_console(*picture);
  if (!r.error.empty()) return std::fprintf(stderr, "%s: %s\n", argv[1], r.error.c_str()), 1;
  std::printf("%s\n", r.guest.c_str());
  return 0;
}

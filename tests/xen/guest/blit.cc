// SPDX-License-Identifier: MIT
// Runs in a guest: fills, copies and tiles pictures with the blitter, and compares every byte.
#include "tests/xen/guest/check.h"
#include "tests/xen/guest/commands.h"

namespace guest {
namespace {

constexpr Picture kPicture{256, 64};

void test_fill(const Gpu& gpu) {
  Buffer target(gpu, kPicture.bytes());
  Batch batch(gpu);
  fill(batch, kPicture, target, pattern(2, 0));
  batch.submit(I915_EXEC_BLT);
  const bool done = batch.wait();
  report("fill", done && equal(target, target.size(), [](std::uint32_t) { return pattern(2, 0); }),
         kPicture.bytes());
}

void test_copy(const Gpu& gpu) {
  Buffer from(gpu, kPicture.bytes()), to(gpu, kPicture.bytes());
  for (std::uint32_t i = 0; i < from.size(); ++i) from[i] = pattern(3, i);
  Batch batch(gpu);
  copy(batch, kPicture, from, Tiling::linear, to, Tiling::linear);
  batch.submit(I915_EXEC_BLT);
  const bool done = batch.wait();
  report("copy", done && equal(to, to.size(), [](std::uint32_t i) { return pattern(3, i); }),
         kPicture.bytes());
}

using Copy = void(Batch&, const Picture&, const Buffer&, Tiling, const Buffer&, Tiling);

// Into tiles and out of them again; the tiles must be where they belong.
void test_tiles(const Gpu& gpu, const char* name, std::uint32_t tag, Tiling tiling, Copy& copies) {
  Buffer from(gpu, kPicture.bytes()), middle(gpu, kPicture.bytes()), to(gpu, kPicture.bytes());
  for (std::uint32_t i = 0; i < from.size(); ++i) from[i] = pattern(tag, i);
  Batch batch(gpu);
  copies(batch, kPicture, from, Tiling::linear, middle, tiling);
  copies(batch, kPicture, middle, tiling, to, Tiling::linear);
  batch.submit(I915_EXEC_BLT);
  bool good =
      batch.wait() && equal(to, to.size(), [&](std::uint32_t i) { return pattern(tag, i); });
  for (std::uint32_t i = 0; good && i < middle.size(); ++i)
    good = middle[kPicture.word(i, tiling)] == pattern(tag, i);
  report(name, good, 2 * kPicture.bytes());
}

}  // namespace
}  // namespace guest

int main() {
  using namespace guest;
  begin();
  const Gpu gpu;
  test_fill(gpu);
  test_copy(gpu);
  test_tiles(gpu, "tile X", 4, Tiling::x, copy);
  test_tiles(gpu, "tile Y", 5, Tiling::y, copy);
  test_tiles(gpu, "fast copy, tile X", 6, Tiling::x, fast_copy);
  test_tiles(gpu, "fast copy, tile Y", 7, Tiling::y, fast_copy);
  return end();
}

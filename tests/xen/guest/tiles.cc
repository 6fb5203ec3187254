// SPDX-License-Identifier: MIT
// Runs in a guest whose GPU has an aperture of its own: tiled buffers through fence registers,
// where they look linear, every word of them written and read both ways. As traps this takes a
// minute.
#include "tests/xen/guest/check.h"
#include "tests/xen/guest/commands.h"

namespace guest {
namespace {

constexpr Picture kPicture{256, 32};
int g_accesses = 0;

// What is written through the aperture stands in its tiles, and what is put into the tiles is seen
// through it; in between the GPU tiles or untiles the whole.
void test(const Gpu& gpu, const char* name, std::uint32_t tag, Tiling tiling, std::uint32_t mode) {
  Buffer tiled(gpu, kPicture.bytes()), linear(gpu, kPicture.bytes());
  tiled.set_tiling(mode, kPicture.pitch());
  volatile std::uint32_t* seen = tiled.map(I915_MMAP_OFFSET_GTT);
  const auto words = static_cast<std::uint32_t>(tiled.size());
  for (std::uint32_t i = 0; i < words; ++i) seen[i] = pattern(tag, i);
  bool good = true;
  for (std::uint32_t i = 0; i < words && good; ++i)
    good = tiled[kPicture.word(i, tiling)] == pattern(tag, i);
  Batch untile(gpu);
  copy(untile, kPicture, tiled, tiling, linear, Tiling::linear);
  untile.submit(I915_EXEC_BLT);
  good = untile.wait() && good &&
         equal(linear, words, [&](std::uint32_t i) { return pattern(tag, i); });
  for (std::uint32_t i = 0; i < words; ++i) linear[i] = pattern(tag + 1, i);
  Batch tile(gpu);
  copy(tile, kPicture, linear, Tiling::linear, tiled, tiling);
  tile.submit(I915_EXEC_BLT);
  good = tile.wait() && good &&
         equal(seen, words, [&](std::uint32_t i) { return pattern(tag + 1, i); });
  g_accesses += static_cast<int>(2 * words);
  report(name, good, 4 * kPicture.bytes());
}

}  // namespace
}  // namespace guest

int main() {
  using namespace guest;
  begin();
  const Gpu gpu;
  test(gpu, "tile X through a fence register", 90, Tiling::x, I915_TILING_X);
  test(gpu, "tile Y through a fence register", 92, Tiling::y, I915_TILING_Y);
  std::printf("bed: figure tiled_accesses %d\n", g_accesses);
  return end();
}

// SPDX-License-Identifier: MIT
// Runs in a guest: fills, copies and tiles with the blitter, stores from batches on every engine,
// with contexts, relocations, pinned addresses, the program's own memory and the aperture, and
// compares every byte. BED_SEED is a seed, so that guests that run at the same time have different
// data.
#include <chrono>

#include "tests/xen/guest/gpu.h"

namespace guest {
namespace {

constexpr std::uint32_t kWidth = 256, kHeight = 128, kPitch = kWidth * 4;
std::uint32_t g_seed = 1;
int g_failed = 0;

// What word `index` of buffer `tag` holds: any two of them differ.
std::uint32_t pattern(std::uint32_t tag, std::uint32_t index) {
  std::uint32_t x = (g_seed * 0x9E3779B9u) ^ (tag * 0x85EBCA6Bu) ^ (index * 0xC2B2AE35u);
  x ^= x >> 15;
  return x * 0x2C1B3C6Du;
}

void report(const char* name, bool good, std::size_t bytes) {
  std::printf("bed: %s %s (%zu bytes)\n", good ? "ok" : "not ok", name, good ? bytes : 0);
  g_failed += !good;
}

template <class Expected>
bool equal(Buffer& buffer, std::size_t words, Expected expected) {
  for (std::uint32_t i = 0; i < words; ++i) {
    if (buffer[i] == expected(i)) continue;
    std::printf("bed: word %u is %08x, not %08x\n", i, buffer[i], expected(i));
    return false;
  }
  return true;
}

void fill(Batch& batch, const Buffer& to, std::uint32_t colour) {
  batch.emit(2u << 29 | 0x50u << 22 | 3u << 20 | 5).emit(3u << 24 | 0xF0u << 16 | kPitch);
  batch.emit(0).emit(kHeight << 16 | kWidth).address(to, true).emit(colour);
}

// XY_SRC_COPY_BLT of the whole picture. A tiled side counts its pitch in dwords.
void copy(Batch& batch, const Buffer& from, const Buffer& to, bool from_tiled = false,
          bool to_tiled = false) {
  batch.emit(2u << 29 | 0x53u << 22 | 3u << 20 | (from_tiled ? 1u << 15 : 0) |
             (to_tiled ? 1u << 11 : 0) | 8);
  batch.emit(3u << 24 | 0xCCu << 16 | (to_tiled ? kPitch / 4 : kPitch));
  batch.emit(0).emit(kHeight << 16 | kWidth).address(to, true);
  batch.emit(0).emit(from_tiled ? kPitch / 4 : kPitch).address(from, false);
}

void store(Batch& batch, const Buffer& to, std::uint32_t index, std::uint32_t value) {
  batch.emit(0x20u << 23 | 2).address(to, true, index * 4).emit(value);
}

void test_stores(const Gpu& gpu, const char* name, std::uint64_t engine) {
  Buffer target(gpu, 4096);
  Batch batch(gpu);
  for (std::uint32_t i = 0; i < 64; ++i) store(batch, target, i, pattern(1, i));
  batch.submit(engine);
  const bool done = batch.wait();
  report(name,
         done && equal(target, 1024, [](std::uint32_t i) { return i < 64 ? pattern(1, i) : 0; }),
         4096);
}

void test_fill(const Gpu& gpu) {
  Buffer target(gpu, kPitch * kHeight);
  Batch batch(gpu);
  fill(batch, target, pattern(2, 0));
  batch.submit(I915_EXEC_BLT);
  const bool done = batch.wait();
  report("fill", done && equal(target, target.size(), [](std::uint32_t) { return pattern(2, 0); }),
         kPitch * kHeight);
}

void test_copy(const Gpu& gpu) {
  Buffer from(gpu, kPitch * kHeight), to(gpu, kPitch * kHeight);
  for (std::uint32_t i = 0; i < from.size(); ++i) from[i] = pattern(3, i);
  Batch batch(gpu);
  copy(batch, from, to);
  batch.submit(I915_EXEC_BLT);
  const bool done = batch.wait();
  report("copy", done && equal(to, to.size(), [](std::uint32_t i) { return pattern(3, i); }),
         kPitch * kHeight);
}

// Where a word of the picture is in X tiles of 512 bytes by 8 rows.
std::uint32_t tiled(std::uint32_t i) {
  const std::uint32_t x = i % kWidth * 4, y = i / kWidth;
  return ((y / 8 * (kPitch / 512) + x / 512) * 4096 + y % 8 * 512 + x % 512) / 4;
}

void test_tiles(const Gpu& gpu) {
  Buffer from(gpu, kPitch * kHeight), middle(gpu, kPitch * kHeight), to(gpu, kPitch * kHeight);
  for (std::uint32_t i = 0; i < from.size(); ++i) from[i] = pattern(4, i);
  Batch batch(gpu);
  copy(batch, from, middle, false, true);
  copy(batch, middle, to, true, false);
  batch.submit(I915_EXEC_BLT);
  bool good = batch.wait() && equal(to, to.size(), [](std::uint32_t i) { return pattern(4, i); });
  for (std::uint32_t i = 0; good && i < middle.size(); ++i)
    good = middle[tiled(i)] == pattern(4, i);
  report("tile", good, 2 * kPitch * kHeight);
}

// Each context has its own address space: the same address means another buffer in each.
void test_contexts(const Gpu& gpu) {
  constexpr std::uint64_t kAddress = 0x1'2340'0000;
  constexpr std::uint32_t kContexts = 4;
  bool good = true;
  std::vector<std::uint32_t> contexts;
  for (std::uint32_t c = 0; c < kContexts; ++c) contexts.push_back(gpu.create_context());
  for (std::uint32_t c = 0; c < kContexts; ++c) {
    Buffer target(gpu, 4096);
    Batch batch(gpu);
    batch.pin(target, kAddress);
    store(batch, target, c, pattern(5, c));
    batch.submit(c % 2 ? I915_EXEC_BLT : I915_EXEC_RENDER, contexts[c]);
    good &= batch.wait() &&
            equal(target, 1024, [c](std::uint32_t i) { return i == c ? pattern(5, c) : 0; });
  }
  report("contexts with pinned addresses", good, kContexts * 4096);
}

void test_user_memory(const Gpu& gpu) {
  void* memory =
      mmap(nullptr, kPitch * kHeight, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  Buffer to(gpu, memory, kPitch * kHeight);
  Batch batch(gpu);
  fill(batch, to, pattern(6, 0));
  batch.submit(I915_EXEC_BLT);
  const bool done = batch.wait();
  report("user memory", done && equal(to, to.size(), [](std::uint32_t) { return pattern(6, 0); }),
         kPitch * kHeight);
}

void test_aperture(const Gpu& gpu) {
  Buffer from(gpu, 4096), to(gpu, 4096);
  volatile std::uint32_t* window = from.map(I915_MMAP_OFFSET_GTT);
  for (std::uint32_t i = 0; i < 64; ++i) window[i] = pattern(7, i);
  Batch batch(gpu);
  batch.emit(2u << 29 | 0x53u << 22 | 3u << 20 | 8).emit(3u << 24 | 0xCCu << 16 | 4096u);
  batch.emit(0).emit(1u << 16 | 64).address(to, true).emit(0).emit(4096).address(from, false);
  batch.submit(I915_EXEC_BLT);
  const bool done = batch.wait();
  report("aperture", done && equal(to, 64, [](std::uint32_t i) { return pattern(7, i); }), 256);
}

// Empty batches, each waited for: what a submission costs here.
void measure_submissions(const Gpu& gpu, int count) {
  Batch batch(gpu);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    batch.submit(I915_EXEC_RENDER);
    if (!batch.wait()) return report("synchronous submissions", false, 0);
  }
  const auto spent = std::chrono::steady_clock::now() - begin;
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(spent).count();
  std::printf("bed: figure sync_submission_us %.0f\n", static_cast<double>(us) / count);
  report("synchronous submissions", true, 0);
}

}  // namespace
}  // namespace guest

int main() {
  using namespace guest;
  if (const char* seed = std::getenv("BED_SEED"))
    g_seed = static_cast<std::uint32_t>(std::strtoul(seed, nullptr, 0));
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Gpu gpu;
  test_stores(gpu, "stores on the render engine", I915_EXEC_RENDER);
  test_stores(gpu, "stores on the blitter", I915_EXEC_BLT);
  test_fill(gpu);
  test_copy(gpu);
  test_tiles(gpu);
  test_contexts(gpu);
  test_user_memory(gpu);
  test_aperture(gpu);
  measure_submissions(gpu, 20);
  return g_failed != 0;
}

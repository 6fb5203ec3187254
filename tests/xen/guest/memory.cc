// SPDX-License-Identifier: MIT
// Runs in a guest: every way of the CPU to a buffer (cached and write-combined maps, reads and
// writes by the kernel, the aperture) and the program's own memory, each seen by the GPU and back.
#include "tests/xen/guest/check.h"
#include "tests/xen/guest/commands.h"

namespace guest {
namespace {

constexpr Picture kPicture{256, 32};

bool copied(const Gpu& gpu, const Buffer& from, Buffer& to) {
  Batch batch(gpu);
  copy(batch, kPicture, from, Tiling::linear, to, Tiling::linear);
  batch.submit(I915_EXEC_BLT);
  return batch.wait();
}

// Written through one map and, after the GPU copied it, read through the same kind.
void test_maps(const Gpu& gpu, const char* name, std::uint32_t tag, std::uint64_t how) {
  Buffer from(gpu, kPicture.bytes()), to(gpu, kPicture.bytes());
  std::uint32_t* in = from.map(how);
  for (std::uint32_t i = 0; i < from.size(); ++i) in[i] = pattern(tag, i);
  const std::uint32_t* out = to.map(how);
  const bool done = copied(gpu, from, to);
  report(name, done && equal(out, to.size(), [&](std::uint32_t i) { return pattern(tag, i); }),
         kPicture.bytes());
}

void test_kernel_copies(const Gpu& gpu) {
  Buffer from(gpu, kPicture.bytes()), to(gpu, kPicture.bytes());
  std::vector<std::uint32_t> words(from.size());
  for (std::uint32_t i = 0; i < words.size(); ++i) words[i] = pattern(62, i);
  from.write(words);
  const bool done = copied(gpu, from, to);
  words.assign(words.size(), 0);
  to.read(words);
  report("pwrite and pread",
         done && equal(words, words.size(), [](std::uint32_t i) { return pattern(62, i); }),
         kPicture.bytes());
}

void test_user_memory(const Gpu& gpu) {
  const std::size_t bytes = kPicture.bytes();
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  Buffer own(gpu, memory, bytes), other(gpu, bytes);
  for (std::uint32_t i = 0; i < own.size(); ++i) own[i] = pattern(63, i);
  bool good = copied(gpu, own, other) &&
              equal(other, other.size(), [](std::uint32_t i) { return pattern(63, i); });
  Batch batch(gpu);
  fill(batch, kPicture, own, pattern(64, 0));
  batch.submit(I915_EXEC_BLT);
  good =
      batch.wait() && good && equal(own, own.size(), [](std::uint32_t) { return pattern(64, 0); });
  report("memory of the program", good, 2 * bytes);
}

// A trapped access costs about a millisecond, so only little goes through the aperture.
void test_aperture(const Gpu& gpu) {
  constexpr std::uint32_t kWords = 64;
  Buffer from(gpu, kPicture.bytes()), to(gpu, kPicture.bytes());
  volatile std::uint32_t* in = from.map(I915_MMAP_OFFSET_GTT);
  for (std::uint32_t i = 0; i < kWords; ++i) in[i] = pattern(65, i);
  bool good = copied(gpu, from, to) &&
              equal(to, to.size(), [](std::uint32_t i) { return i < kWords ? pattern(65, i) : 0; });
  const volatile std::uint32_t* out = to.map(I915_MMAP_OFFSET_GTT);
  good = good && equal(out, kWords, [](std::uint32_t i) { return pattern(65, i); });
  report("aperture", good, 2 * kWords * 4);
}

// Through a fence register the CPU sees a tiled buffer as if it were linear.
void test_fence_register(const Gpu& gpu) {
  Buffer linear(gpu, kPicture.bytes()), tiled(gpu, kPicture.bytes());
  for (std::uint32_t i = 0; i < linear.size(); ++i) linear[i] = pattern(66, i);
  tiled.set_tiling(I915_TILING_X, kPicture.pitch());
  Batch batch(gpu);
  copy(batch, kPicture, linear, Tiling::linear, tiled, Tiling::x);
  batch.submit(I915_EXEC_BLT);
  bool good = batch.wait();
  const volatile std::uint32_t* seen = tiled.map(I915_MMAP_OFFSET_GTT);
  std::size_t words = 0;
  for (std::uint32_t i = 0; i < linear.size(); i += 127, ++words)
    good = good && seen[i] == pattern(66, i);
  report("a tiled buffer through a fence register", good, words * 4);
}

}  // namespace
}  // namespace guest

int main() {
  using namespace guest;
  begin();
  const Gpu gpu;
  test_maps(gpu, "cached maps", 60, I915_MMAP_OFFSET_WB);
  test_maps(gpu, "write-combined maps", 61, I915_MMAP_OFFSET_WC);
  test_kernel_copies(gpu);
  test_user_memory(gpu);
  test_aperture(gpu);
  test_fence_register(gpu);
  return end();
}

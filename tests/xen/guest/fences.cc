// SPDX-License-Identifier: MIT
// Runs in a guest: work that is ordered by explicit fences only (sync files, sync objects, points
// of a timeline), across engines and contexts, and waiting for it.
#include <libdrm/drm.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <unistd.h>

#include <memory>

#include "tests/xen/guest/check.h"
#include "tests/xen/guest/commands.h"

namespace guest {
namespace {

constexpr std::uint32_t kRounds = 6;

bool passes(int fence, int milliseconds) {
  pollfd waited{fence, POLLIN, 0};
  return poll(&waited, 1, milliseconds) == 1 && (waited.revents & POLLIN);
}

int merge(int one, int two) {
  sync_merge_data data{};
  std::snprintf(data.name, sizeof data.name, "both");
  data.fd2 = two;
  if (ioctl(one, SYNC_IOC_MERGE, &data) != 0) die("merge fences");
  return data.fence;
}

// Each step reads what the one before wrote, on another engine, and nothing but the fence orders
// them: words[n + 1] = words[n] + 1, by the render engine, copied on by the blitter.
struct Chain {
  explicit Chain(const Gpu& gpu) : words(gpu, 4096), copies(gpu, 4096) {}
  void add(Batch& batch, std::uint32_t n) {
    load_register(batch, gpr(0), copies, n);
    load_register(batch, gpr(1), 1);
    add_registers(batch);
    store_register(batch, gpr(0), words, n);
  }
  void carry(Batch& batch, std::uint32_t n) {
    constexpr std::uint32_t kWordPitch = 64;
    batch.emit(2u << 29 | 0x53u << 22 | 3u << 20 | 8).emit(3u << 24 | 0xCCu << 16 | kWordPitch);
    batch.emit(0).emit(1u << 16 | 1).address(copies, true, (n + 1) * 4);
    batch.emit(0).emit(kWordPitch).address(words, false, n * 4);
  }
  [[nodiscard]] bool right(std::uint32_t first) {
    return equal(words, kRounds, [&](std::uint32_t i) { return first + i + 1; });
  }
  Buffer words, copies;
};

void test_sync_files(const Gpu& gpu) {
  Chain chain(gpu);
  chain.copies[0] = pattern(70, 0);
  std::vector<std::unique_ptr<Batch>> batches;
  int fence = -1;
  for (std::uint32_t n = 0; n < 2 * kRounds; ++n) {
    Batch& batch = *batches.emplace_back(std::make_unique<Batch>(gpu));
    n % 2 ? chain.carry(batch, n / 2) : chain.add(batch, n / 2);
    batch.ordered_by_fences_only();
    const int next = batch.submit_with_fence(n % 2 ? I915_EXEC_BLT : I915_EXEC_RENDER, 0, fence);
    if (fence >= 0) close(fence);
    fence = next;
  }
  const bool done = passes(fence, 60'000);
  close(fence);
  report("sync files across engines", done && chain.right(pattern(70, 0)), kRounds * 4);
}

void test_merged(const Gpu& gpu) {
  Buffer one(gpu, 4096), two(gpu, 4096);
  Batch first(gpu), second(gpu);
  store(first, one, 0, pattern(71, 0));
  store(second, two, 0, pattern(71, 1));
  const int a = first.submit_with_fence(I915_EXEC_RENDER, 0, -1);
  const int b = second.submit_with_fence(I915_EXEC_BLT, 0, -1);
  const int both = merge(a, b);
  const bool done = passes(both, 60'000) && passes(a, 0) && passes(b, 0);
  for (const int fd : {a, b, both}) close(fd);
  report("a merged fence", done && one[0] == pattern(71, 0) && two[0] == pattern(71, 1), 8);
}

void test_sync_objects(const Gpu& gpu) {
  Chain chain(gpu);
  chain.copies[0] = pattern(72, 0);
  std::vector<std::uint32_t> objects;
  std::vector<std::unique_ptr<Batch>> batches;
  const std::uint32_t context = gpu.create_context();
  for (std::uint32_t n = 0; n < 2 * kRounds; ++n) {
    Batch& batch = *batches.emplace_back(std::make_unique<Batch>(gpu));
    n % 2 ? chain.carry(batch, n / 2) : chain.add(batch, n / 2);
    batch.ordered_by_fences_only();
    std::vector<drm_i915_gem_exec_fence> fences;
    if (n > 0) fences.push_back({objects.back(), I915_EXEC_FENCE_WAIT});
    fences.push_back({objects.emplace_back(gpu.create_sync_object()), I915_EXEC_FENCE_SIGNAL});
    batch.submit_with_objects(n % 2 ? I915_EXEC_BLT : I915_EXEC_RENDER, context, fences);
  }
  const bool done = gpu.wait_for(objects.back());
  for (const std::uint32_t object : objects) gpu.destroy_sync_object(object);
  report("sync objects across engines", done && chain.right(pattern(72, 0)), kRounds * 4);
}

void test_timeline(const Gpu& gpu) {
  Chain chain(gpu);
  chain.copies[0] = pattern(73, 0);
  const std::uint32_t line = gpu.create_sync_object();
  std::vector<std::unique_ptr<Batch>> batches;
  for (std::uint32_t n = 0; n < 2 * kRounds; ++n) {
    Batch& batch = *batches.emplace_back(std::make_unique<Batch>(gpu));
    n % 2 ? chain.carry(batch, n / 2) : chain.add(batch, n / 2);
    batch.ordered_by_fences_only();
    batch.submit_on_timeline(n % 2 ? I915_EXEC_BLT : I915_EXEC_RENDER, line, n, n + 1);
  }
  const bool done = gpu.wait_for_point(line, 2 * kRounds);
  gpu.destroy_sync_object(line);
  report("points of a timeline", done && chain.right(pattern(73, 0)), kRounds * 4);
}

}  // namespace
}  // namespace guest

int main() {
  using namespace guest;
  begin();
  const Gpu gpu;
  test_sync_files(gpu);
  test_merged(gpu);
  test_sync_objects(gpu);
  test_timeline(gpu);
  return end();
}

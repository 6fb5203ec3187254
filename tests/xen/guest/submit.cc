// SPDX-License-Identifier: MIT
// Runs in a guest: loops whose exits dom0 counts. Arguments: the loops, of "sync" (empty batches on
// the render engine, each waited for), "queued" (not waited for), "fresh" (64 MiB of new buffers of
// 1 MiB used for the first time) and "packed" (the same of buffers so small that i915 puts one
// right behind the other, which begins in a table that is in use). Around each it says so and waits
// for a line from dom0, so that nothing else is counted.
#include <memory>
#include <string_view>

#include "tests/xen/guest/check.h"
#include "tests/xen/guest/commands.h"

namespace guest {
namespace {

constexpr int kSync = 200, kQueued = 300;

void meet(const char* loop, const char* place, std::size_t count) {
  std::printf("bed: at %s %s %zu\n", loop, place, count);
  char line[64];
  if (!std::fgets(line, sizeof line, stdin)) die("a line from dom0");
}

bool submit(Batch& batch, int count, bool wait) {
  for (int i = 0; i < count; ++i) {
    batch.submit(I915_EXEC_RENDER);
    if (wait && !batch.wait()) return false;
  }
  return batch.wait();
}

void loop(const Gpu& gpu, const char* name, int count, bool wait) {
  Batch batch(gpu);
  bool good = submit(batch, 5, wait);
  meet(name, "begin", 0);
  good = good && submit(batch, count, wait);
  meet(name, "end", static_cast<std::size_t>(count));
  report(wait ? "synchronous submissions" : "queued submissions", good, 0);
}

// One word of each buffer is written by one batch.
void fresh(const Gpu& gpu, const char* loop, std::uint32_t count, std::uint32_t bytes) {
  std::vector<std::unique_ptr<Buffer>> buffers;
  for (std::uint32_t i = 0; i < count; ++i) buffers.push_back(std::make_unique<Buffer>(gpu, bytes));
  meet(loop, "begin", 0);
  Batch batch(gpu);
  for (std::uint32_t k = 0; k < count; ++k)
    store(batch, *buffers[k], pattern(80, k) % (bytes / 4), pattern(81, k));
  batch.submit(I915_EXEC_RENDER);
  bool good = batch.wait();
  meet(loop, "end", std::size_t{count} * bytes / 4096);
  for (std::uint32_t k = 0; k < count; ++k)
    good &= (*buffers[k])[pattern(80, k) % (bytes / 4)] == pattern(81, k);
  report("new buffers", good, count * 4);
}

}  // namespace
}  // namespace guest

int main(int argc, char** argv) {
  using namespace guest;
  begin();
  std::setvbuf(stdin, nullptr, _IONBF, 0);
  const Gpu gpu;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "sync") loop(gpu, "sync", kSync, true);
    if (name == "queued") loop(gpu, "queued", kQueued, false);
    if (name == "fresh") fresh(gpu, "fresh", 64, 1 << 20);
    if (name == "packed") fresh(gpu, "packed", 1000, 60 << 10);
  }
  return end();
}

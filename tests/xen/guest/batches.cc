// SPDX-License-Identifier: MIT
// Runs in a guest: batches that store, increment and add on the engines, in several contexts and
// address spaces, with relocations and with pinned addresses; every word is compared.
#include <memory>

#include "tests/xen/guest/check.h"
#include "tests/xen/guest/commands.h"

namespace guest {
namespace {

constexpr std::uint64_t kAddress = 0x1'2340'0000, kOther = 0x2'5670'0000;

struct Engine {
  const char* name;
  std::uint64_t flags;
};
constexpr Engine kEngines[] = {{"render", I915_EXEC_RENDER},
                               {"blitter", I915_EXEC_BLT},
                               {"video", I915_EXEC_BSD},
                               {"video enhancement", I915_EXEC_VEBOX}};

void test_stores(const Gpu& gpu, const Engine& engine, std::uint32_t tag) {
  Buffer target(gpu, 4096);
  Batch batch(gpu);
  for (std::uint32_t i = 0; i < 64; ++i) store(batch, target, i, pattern(tag, i));
  batch.submit(engine.flags);
  const bool good = batch.wait() && equal(target, 1024, [&](std::uint32_t i) {
                      return i < 64 ? pattern(tag, i) : 0;
                    });
  char name[64];
  std::snprintf(name, sizeof name, "stores by the %s engine", engine.name);
  report(name, good, 4096);
}

// The same batch, again and again from two contexts: no increment may be lost.
void test_increments(const Gpu& gpu) {
  constexpr std::uint32_t kTimes = 5;
  Buffer counters(gpu, 4096);
  for (std::uint32_t i = 0; i < 32; ++i) counters[i] = pattern(20, i);
  Batch batch(gpu);
  for (std::uint32_t i = 0; i < 32; ++i) increment(batch, counters, i);
  const std::uint32_t other = gpu.create_context();
  for (std::uint32_t n = 0; n < kTimes; ++n) {
    batch.submit(I915_EXEC_RENDER);
    batch.submit(I915_EXEC_RENDER, other);
  }
  const bool done = batch.wait();
  report("increments from two contexts",
         done && equal(counters, 32, [](std::uint32_t i) { return pattern(20, i) + 2 * kTimes; }),
         128);
}

// words[i + 1] = words[i] + a constant, each sum taken from memory again.
void test_sums(const Gpu& gpu) {
  constexpr std::uint32_t kSums = 32;
  Buffer words(gpu, 4096);
  words[0] = pattern(21, 0);
  Batch batch(gpu);
  load_register(batch, gpr(0) + 4, 0);
  load_register(batch, gpr(1) + 4, 0);
  for (std::uint32_t i = 0; i < kSums; ++i) {
    load_register(batch, gpr(0), words, i);
    load_register(batch, gpr(1), pattern(22, i));
    add_registers(batch);
    store_register(batch, gpr(0), words, i + 1);
  }
  batch.submit(I915_EXEC_RENDER);
  bool good = batch.wait();
  std::uint32_t sum = pattern(21, 0);
  for (std::uint32_t i = 0; good && i < kSums; ++i) good = words[i + 1] == (sum += pattern(22, i));
  report("sums of registers and memory", good, kSums * 4);
}

// Each context has its own address space: the same address means another buffer in each.
void test_pinned(const Gpu& gpu) {
  constexpr std::uint32_t kContexts = 4;
  std::vector<std::unique_ptr<Buffer>> targets;
  std::vector<std::unique_ptr<Batch>> batches;
  for (std::uint32_t c = 0; c < kContexts; ++c) {
    const std::uint32_t context = gpu.create_context();
    targets.push_back(std::make_unique<Buffer>(gpu, 4096));
    batches.push_back(std::make_unique<Batch>(gpu));
    batches[c]->pin(*targets[c], kAddress);
    for (std::uint32_t i = 0; i < 16; ++i) store(*batches[c], *targets[c], i, pattern(30 + c, i));
    batches[c]->submit(c % 2 ? I915_EXEC_BLT : I915_EXEC_RENDER, context);
  }
  bool good = true;
  for (std::uint32_t c = 0; c < kContexts; ++c)
    good &= batches[c]->wait() && equal(*targets[c], 1024, [c](std::uint32_t i) {
              return i < 16 ? pattern(30 + c, i) : 0;
            });
  report("one address in four contexts", good, kContexts * 4096);
}

// Two contexts in one address space, and one in another where the buffers have changed places.
void test_spaces(const Gpu& gpu) {
  const std::uint32_t space = gpu.create_space(), swapped = gpu.create_space();
  const std::uint32_t contexts[] = {gpu.create_context(space), gpu.create_context(space),
                                    gpu.create_context(swapped)};
  Buffer one(gpu, 4096), two(gpu, 4096);
  bool good = true;
  for (std::uint32_t c = 0; c < 3; ++c) {
    Batch batch(gpu);
    batch.pin(one, c < 2 ? kAddress : kOther);
    batch.pin(two, c < 2 ? kOther : kAddress);
    store(batch, one, c, pattern(40, c));
    store(batch, two, c, pattern(41, c));
    batch.submit(I915_EXEC_RENDER, contexts[c]);
    good &= batch.wait();
  }
  good = good && equal(one, 1024, [](std::uint32_t i) { return i < 3 ? pattern(40, i) : 0; });
  good = good && equal(two, 1024, [](std::uint32_t i) { return i < 3 ? pattern(41, i) : 0; });
  for (const std::uint32_t context : contexts) gpu.destroy_context(context);
  report("contexts that share an address space", good, 2 * 4096);
}

// A batch whose relocations name an address that is wrong is corrected by the kernel.
void test_relocations(const Gpu& gpu) {
  bool good = true;
  for (std::uint32_t round = 0; round < 2; ++round) {
    Buffer first(gpu, 65536), second(gpu, 4096);
    Batch batch(gpu);
    store(batch, first, 16383, pattern(50, round));
    store(batch, second, 1023, pattern(51, round));
    batch.submit(I915_EXEC_RENDER);
    good &= batch.wait() && first[16383] == pattern(50, round) && first[0] == 0 &&
            second[1023] == pattern(51, round);
  }
  report("relocations", good, 2 * (65536 + 4096));
}

}  // namespace
}  // namespace guest

int main() {
  using namespace guest;
  begin();
  const Gpu gpu;
  std::uint32_t tag = 10;
  for (const Engine& engine : kEngines) test_stores(gpu, engine, tag++);
  test_increments(gpu);
  test_sums(gpu);
  test_pinned(gpu);
  test_spaces(gpu);
  test_relocations(gpu);
  return end();
}

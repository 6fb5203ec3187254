// SPDX-License-Identifier: MIT
// Runs in a guest: reads the engines' clocks as a program does that maps BAR 0. The blitter's
// differs at each read; the render engine's, which is read without exits, gets on while there is
// work.
#include <chrono>
#include <thread>

#include "tests/xen/guest/gpu.h"

namespace guest {
namespace {

using std::chrono::steady_clock;
constexpr std::size_t kMapped = 0x23000, kRender = 0x2358, kBlitter = 0x22358;
constexpr double kTicksPerUs = 12;

const volatile std::uint32_t* map_registers() {
  const int fd = open("/sys/bus/pci/devices/0000:00:02.0/resource0", O_RDWR | O_SYNC | O_CLOEXEC);
  if (fd < 0) die("resource0");
  void* at = mmap(nullptr, kMapped, PROT_READ, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) die("mmap of resource0");
  return static_cast<const volatile std::uint32_t*>(at);
}
double us_since(steady_clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(steady_clock::now() - begin).count();
}
int report(const char* name, bool good) {
  std::printf("bed: %s %s (8 bytes)\n", good ? "ok" : "not ok", name);
  return good ? 0 : 1;
}

int run() {
  const volatile std::uint32_t* registers = map_registers();
  int failed = 0;
  bool differ = true;
  for (int i = 0; i < 10; ++i) {
    const std::uint32_t first = registers[kBlitter / 4];
    for (const auto begin = steady_clock::now(); us_since(begin) < 1;) continue;
    differ &= registers[kBlitter / 4] != first;
  }
  failed += report("two reads of the blitter's clock differ", differ);

  const auto begin = steady_clock::now();
  const std::uint32_t before = registers[kBlitter / 4];
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const double ticks = registers[kBlitter / 4] - before, us = us_since(begin);
  std::printf("bed: %.0f ticks in %.0f us\n", ticks, us);
  failed += report("it counts twelve a microsecond",
                   ticks > us * kTicksPerUs / 2 && ticks < us * kTicksPerUs * 2);

  const Gpu gpu;
  Batch batch(gpu);
  batch.emit(0);
  const std::uint32_t idle = registers[kRender / 4];
  unsigned steps = 0;
  std::uint32_t last = idle;
  for (int i = 0; i < 20; ++i) {
    batch.submit(I915_EXEC_RENDER);
    if (!batch.wait()) die("a batch that does not end");
    const std::uint32_t now = registers[kRender / 4];
    steps += now != last;
    last = now;
  }
  std::printf("bed: the render engine's clock was refreshed %u times in 20 submissions\n", steps);
  failed += report("the render engine's clock gets on while there is work",
                   steps >= 10 && last - idle < 0x80000000);
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace guest

int main() { return guest::run(); }

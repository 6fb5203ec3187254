// SPDX-License-Identifier: MIT
// Runs in a guest: reads the engines' clocks as a program does that maps BAR 0. The blitter's
// differs at each read, and so does the render engine's while nothing is submitted; it is exact,
// too, where work is timed by it, and gets on where it is read without exits.
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

/// Reads one microsecond apart, ten times.
bool reads_differ(const volatile std::uint32_t& clock) {
  bool differ = true;
  for (int i = 0; i < 10; ++i) {
    const std::uint32_t first = clock;
    for (const auto begin = steady_clock::now(); us_since(begin) < 1;) continue;
    differ &= clock != first;
  }
  return differ;
}

bool times_work(const volatile std::uint32_t* registers, Batch& batch) {
  bool differ = true;
  for (int i = 0; i < 5; ++i) {
    batch.submit(I915_EXEC_RENDER);
    differ &= reads_differ(registers[kRender / 4]);
  }
  return differ && batch.wait();
}

int run() {
  const volatile std::uint32_t* registers = map_registers();
  int failed =
      report("two reads of the blitter's clock differ", reads_differ(registers[kBlitter / 4]));
  // Whatever ran before has submitted nothing for a while by then.
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  failed +=
      report("two reads of the render engine's clock differ", reads_differ(registers[kRender / 4]));

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
  failed += report("they differ where submissions are timed by it", times_work(registers, batch));
  // Nobody looks at the clock for longer than that is remembered: now it is read without exits.
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  batch.submit(I915_EXEC_RENDER);
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

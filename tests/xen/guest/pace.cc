// SPDX-License-Identifier: MIT
// Runs in a guest: stores from batches, one after the other, each compared, and how many a second.
// pace SECONDS [EVERY]: prints the rate for each EVERY seconds and the mean, lowest and highest.
#include <algorithm>
#include <chrono>

#include "tests/xen/guest/gpu.h"

namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

bool store_once(const guest::Gpu& gpu, guest::Buffer& target, std::uint32_t value) {
  guest::Batch batch(gpu);
  for (std::uint32_t i = 0; i < 16; ++i)
    batch.emit(0x20u << 23 | 2).address(target, true, i * 4).emit(value + i);
  batch.submit(value / 64 % 2 ? I915_EXEC_BLT : I915_EXEC_RENDER);
  if (!batch.wait(20)) return false;
  for (std::uint32_t i = 0; i < 16; ++i)
    if (target[i] != value + i) return false;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const double seconds = argc > 1 ? std::atof(argv[1]) : 20,
               every = argc > 2 ? std::atof(argv[2]) : 5;
  const guest::Gpu gpu;
  guest::Buffer target(gpu, 4096);
  const auto begin = Clock::now();
  std::vector<double> rates;
  std::uint32_t total = 0;
  bool good = true;
  while (good && since(begin) < seconds) {
    const auto window = Clock::now();
    std::uint32_t count = 0;
    while (good && since(window) < every) good = store_once(gpu, target, ++total * 64), ++count;
    rates.push_back(count / since(window));
    std::printf("bed: pace %.1f\n", rates.back());
  }
  const auto [low, high] = std::minmax_element(rates.begin(), rates.end());
  std::printf("bed: pace mean %.1f low %.1f high %.1f\n", total / since(begin), *low, *high);
  std::printf("bed: %s stores at a pace (%u bytes)\n", good ? "ok" : "not ok",
              good ? total * 64 : 0);
  return !good;
}

// SPDX-License-Identifier: MIT
// The plain driver of a fuzz target, for builds without libFuzzer: runs the seeds, then mutations
// of them in an order that is the same every time, until FUZZ_SECONDS (default 2) are over.
//   fuzz-NAME                 fuzz        fuzz-NAME FILE...      run these inputs
//   fuzz-NAME --seeds DIR     write the seeds as files
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "tests/fuzz/fuzz.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

using Bytes = std::vector<uint8_t>;
constexpr size_t kMaxInput = 1 << 16;
std::string name;
Bytes current;

// Keeps the input that broke the target, and says how to run it again.
[[maybe_unused]] void keep_input() {
  const std::string path = "build/crash-" + name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(current.data()),
             static_cast<std::streamsize>(current.size()));
  std::fprintf(stderr, "the input is in %s: run fuzz-%s with it\n", path.c_str(), name.c_str());
}

void run(const Bytes& input) {
  current = input;
  LLVMFuzzerTestOneInput(current.data(), current.size());
}

uint64_t interesting(std::mt19937_64& random) {
  static constexpr uint64_t kValues[] = {0,
                                         1,
                                         3,
                                         0xff,
                                         0x7f,
                                         0xfff,
                                         0x1000,
                                         0xffffffff,
                                         0x80000000,
                                         0x7fffffff,
                                         0xffffffffffffffff,
                                         0x0500'0000,
                                         0x18800101,
                                         0x11000001};
  return random() % 4 == 0 ? random() : kValues[random() % std::size(kValues)];
}

void mutate_once(Bytes& b, const std::vector<Bytes>& seeds, std::mt19937_64& random) {
  const size_t at = b.empty() ? 0 : random() % b.size();
  const size_t n = b.empty() ? 0 : std::min(b.size() - at, size_t{1} + random() % 64);
  const auto from = b.begin() + static_cast<std::ptrdiff_t>(at);
  switch (random() % 7) {
    case 0:
      if (!b.empty()) b[at] ^= static_cast<uint8_t>(1U << random() % 8);
      break;
    case 1:
      if (!b.empty()) b[at] = static_cast<uint8_t>(random());
      break;
    case 2: {  // a whole value in its place
      const uint64_t v = interesting(random);
      const size_t width = size_t{1} << random() % 4;
      const size_t aligned = at & ~(width - 1);
      if (aligned + width <= b.size()) std::memcpy(b.data() + aligned, &v, width);
      break;
    }
    case 3: b.erase(from, from + static_cast<std::ptrdiff_t>(n)); break;
    case 4: {  // repeat a piece
      const Bytes piece(from, from + static_cast<std::ptrdiff_t>(n));
      b.insert(from, piece.begin(), piece.end());
      break;
    }
    case 5: {  // go on as another seed
      const Bytes& other = seeds[random() % seeds.size()];
      if (other.empty()) break;
      const size_t start = (random() % other.size()) & ~size_t{3};
      b.resize(at);
      b.insert(b.end(), other.begin() + static_cast<std::ptrdiff_t>(start), other.end());
      break;
    }
    default: {
      const uint64_t v = interesting(random);
      const auto* p = reinterpret_cast<const uint8_t*>(&v);
      b.insert(from, p, p + (random() % 2 == 0 ? 4 : 8));
    }
  }
  if (b.size() > kMaxInput) b.resize(kMaxInput);
}

int write_seeds(const std::string& directory) {
  size_t i = 0;
  for (const Bytes& seed : fuzz_seeds()) {
    std::ofstream file(directory + "/seed-" + std::to_string(i++), std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.data()),
               static_cast<std::streamsize>(seed.size()));
    if (!file.flush()) return 1;
  }
  return 0;
}

size_t fuzz(double seconds) {
  std::vector<Bytes> seeds = fuzz_seeds();
  for (const Bytes& seed : seeds) run(seed);
  size_t inputs = seeds.size();
  seeds.emplace_back();
  std::mt19937_64 random(1);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    Bytes b = seeds[random() % seeds.size()];
    for (uint64_t n = 1 + random() % 8; n > 0; --n) mutate_once(b, seeds, random);
    run(b);
    ++inputs;
  }
  return inputs;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string program = argv[0];
  name = program.substr(program.rfind("fuzz-") + 5);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_set_death_callback(keep_input);
#endif
  if (argc == 3 && std::string(argv[1]) == "--seeds") return write_seeds(argv[2]);
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "fuzz-%s: cannot read %s\n", name.c_str(), argv[i]);
      return 2;
    }
    run(Bytes(std::istreambuf_iterator<char>(file), {}));
  }
  if (argc > 1) return 0;
  const char* seconds = std::getenv("FUZZ_SECONDS");
  std::printf("ok fuzz %s: %zu inputs\n", name.c_str(), fuzz(seconds ? std::atof(seconds) : 2));
}

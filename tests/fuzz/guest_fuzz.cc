// SPDX-License-Identifier: MIT
// A whole guest against the mediator, the host driver and the model: its driver boots, then the
// input decides what nonsense it does. Nothing the GPU does for it may leave what is its own.
#include "dom0/embedded/host.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/hostile/vandal.h"

namespace {

constexpr uint64_t kRam = uint64_t{128} << 20, kMillisecond = 1'000'000;
constexpr unsigned kActs = 400;

/// The input's bytes as random numbers; when they are used up, a fixed sequence.
class InputRandom {
 public:
  using result_type = uint64_t;
  explicit InputRandom(FuzzInput input) : input_(input) {}
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }
  // Distributions look at the high bits, so the next bytes go there.
  uint64_t operator()() {
    if (input_.empty()) return after_();
    return uint64_t{input_.take<uint16_t>()} << 48 | (after_() >> 16);
  }

 private:
  FuzzInput input_;
  std::mt19937_64 after_;
};

using Guest = hostile::BasicVandal<InputRandom>;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  embedded::HostConfig config;
  config.mediator.slice_ns = kMillisecond;
  config.mediator.scan_all = size % 2 != 0;
  embedded::Host host(config);
  FUZZ_REQUIRE(host.start().empty());
  embedded::Guest* guest = host.add_guest("guest", kRam, {});
  FUZZ_REQUIRE(guest != nullptr);
  const std::string why = host.boot(
      *guest, std::make_unique<Guest>(guest->port(), InputRandom(FuzzInput(data, size)), kActs));
  FUZZ_REQUIRE(why.empty());
  (void)host.run(200 * kMillisecond);
  FUZZ_REQUIRE(host.guard().violations() == 0);
  std::vector<std::byte> state;
  host.mediator().encode(state);
  FUZZ_REQUIRE(!state.empty());
  return 0;
}

std::vector<std::vector<uint8_t>> fuzz_seeds() {
  std::vector<std::vector<uint8_t>> out;
  std::mt19937 random(7);
  for (unsigned n = 0; n < 4; ++n) {
    std::vector<uint8_t> seed(4096 + n);
    for (uint8_t& b : seed) b = static_cast<uint8_t>(random());
    out.push_back(std::move(seed));
  }
  return out;
}

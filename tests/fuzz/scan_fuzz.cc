// SPDX-License-Identifier: MIT
// The command scanner, all rule sets and engines. Input: engine, rules, level, flags, then dwords.
#include <algorithm>

#include "hv/bits.h"
#include "mediator/scanner.h"
#include "tests/fuzz/fuzz.h"

namespace {

using gen9::EngineId;
using mediator::Reject;

constexpr uint64_t kHostBase = 0x8000'0000;

/// A stream that ends where the input does.
class Source final : public mediator::ScanSource {
 public:
  explicit Source(std::span<const uint8_t> bytes) : dwords_(bytes.size() / 4) {
    if (!dwords_.empty()) std::memcpy(dwords_.data(), bytes.data(), dwords_.size() * 4);
  }
  std::span<uint32_t> ensure(size_t) override { return dwords_; }
  [[nodiscard]] const std::vector<uint32_t>& dwords() const { return dwords_; }

 private:
  std::vector<uint32_t> dwords_;
};

/// Relocates what is inside a window and remembers what the scanner promised.
class Host final : public mediator::ScanHost {
 public:
  hv::Result<hv::GmAddr> relocate(hv::GmAddr guest, unsigned bytes, bool) override {
    if (guest.v >= 0x1000'0000 || bytes > 4096) return hv::Error::bad_address;
    return hv::GmAddr{kHostBase + guest.v};
  }
  hv::Result<uint64_t, Reject> batch_start(uint64_t address, bool ggtt, unsigned level) override {
    FUZZ_REQUIRE(level == 1 || level == 2);
    if (++batches_ > 64) return Reject::too_many_batches;
    return ggtt ? kHostBase + (address & 0xffff000) : address;
  }
  void load_register(uint32_t reg, uint32_t& value) override {
    loaded_.push_back(reg);
    value ^= 1;
  }
  void display_command(const gen9::CommandDesc& desc, std::span<const uint32_t> dwords) override {
    FUZZ_REQUIRE(desc.audit == gen9::Audit::display);
    FUZZ_REQUIRE(!dwords.empty());
  }
  void patched(size_t index, uint32_t original) override { patches_.push_back({index, original}); }

  struct Patch {
    size_t index;
    uint32_t original;
  };
  std::vector<uint32_t> loaded_;
  std::vector<Patch> patches_;
  unsigned batches_ = 0;
};

mediator::ScanRequest request_from(FuzzInput& in, size_t dwords) {
  mediator::ScanRequest r;
  r.engine = gen9::kAllEngines[in.take<uint8_t>() % gen9::kEngines];
  const bool user = in.take<uint8_t>() % 2 != 0;
  if (user)
    r.rules = r.engine == EngineId::bcs ? mediator::Rules::user_blitter : mediator::Rules::user;
  r.level = user ? 1 + in.take<uint8_t>() % 2 : in.take<uint8_t>() % 3;
  r.enable_arbitration = in.take<uint8_t>() % 2 != 0;
  if (r.level == 0) r.ring_dwords = dwords;
  return r;
}

// Undoing the reported patches, last first, must give the input back: nothing is changed silently.
void check_patches(const Host& host, const Source& source, std::span<const uint8_t> bytes) {
  std::vector<uint32_t> undone = source.dwords();
  std::for_each(host.patches_.rbegin(), host.patches_.rend(), [&](const Host::Patch& p) {
    FUZZ_REQUIRE(p.index < undone.size());
    undone[p.index] = p.original;
  });
  FUZZ_REQUIRE(undone.empty() || std::memcmp(undone.data(), bytes.data(), undone.size() * 4) == 0);
}

std::vector<uint8_t> seed(uint8_t engine, uint8_t user, uint8_t level,
                          std::vector<uint32_t> dwords) {
  std::vector<uint8_t> out{engine, user, level, 1};
  for (const uint32_t d : dwords) append(out, d);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  FuzzInput in(data, size);
  const mediator::ScanRequest request = request_from(in, (size - 4) / 4);
  Source source(in.rest());
  Host host;
  const mediator::ScanOutcome outcome = mediator::scan(source, request, host);
  check_patches(host, source, in.rest());
  if (outcome.refusal.reason != Reject::none) return 0;
  FUZZ_REQUIRE(outcome.dwords <= source.dwords().size());
  for (const uint32_t reg : host.loaded_)
    FUZZ_REQUIRE(mediator::may_write_register(request.engine, request.rules, reg));
  return 0;
}

std::vector<std::vector<uint8_t>> fuzz_seeds() {
  constexpr uint32_t kEnd = 0x05000000;
  std::vector<std::vector<uint8_t>> out;
  // What a Linux 6.1 driver puts into a ring: flush, breadcrumb, batch start, user interrupt.
  out.push_back(seed(0, 0, 0,
                     {0x7a000004, 0x00144021, 0xd0, 0, 0, 0, 0x04000000, 0x18800101, 0x1000, 0,
                      0x10400002, 0x2000, 0, 1, 0x01000000, 0x04000001, 0x02800000, 0}));
  out.push_back(seed(1, 0, 0, {0x13404002, 0xd0, 0, 0, 0x18800101, 0x1000, 0, 0x01000000}));
  out.push_back(seed(0, 1, 1,
                     {0x11000003, 0x20d8, 0xffff, 0x7034, 1, 0x12400002, 0x2600, 0x4000, 0,
                      0x0d000001, 0x2600, 0x2608, kEnd}));
  out.push_back(seed(1, 2, 1,
                     {0x50400005, 0xf0000400, 0, 0x00100010, 0x4000, 0, 0xff, 0x54c00008,
                      0xcc000400, 0, 0x00100010, 0x4000, 0, 0, 0x400, 0x8000, 0, kEnd}));
  // One of each command at its shortest, by the table.
  for (const uint8_t engine : {uint8_t{0}, uint8_t{1}, uint8_t{2}, uint8_t{3}})
    for (const uint8_t user : {uint8_t{0}, uint8_t{1}})
      for (const gen9::CommandDesc& desc : gen9::command_table()) {
        if ((desc.engines & (1U << engine)) == 0) continue;
        std::vector<uint32_t> dwords(desc.min_dwords);
        dwords[0] = desc.value | (desc.length_bits ? desc.min_dwords - desc.bias : 0U);
        dwords.push_back(kEnd);
        out.push_back(seed(engine, user, 1, dwords));
      }
  return out;
}

// SPDX-License-Identifier: MIT
// Shadow page tables against a guest that writes anything anywhere while they are in use. After
// each synchronisation everything the GPU can reach is walked: host tables, scratch, or pinned
// frames of this guest; at the end nothing is left. Input: a limit that may fail an allocation,
// then operations.
#include <memory>
#include <set>
#include <utility>

#include "shadow/gen9/pte.h"
#include "shadow/ggtt_space.h"
#include "shadow/ppgtt.h"
#include "tests/fake/fake_domain.h"
#include "tests/fake/fake_gpu_memory.h"
#include "tests/fuzz/fuzz.h"

namespace {

constexpr uint64_t kGuestPages = 24;  // few, so that tables, data and roots collide
constexpr unsigned kMaxOps = 400;

/// Delivers the guest's trapped writes.
class Traps final : public hv::TrapHandler {
 public:
  explicit Traps(shadow::PpgttSet& set) : set_(set) {}
  uint64_t on_read(hv::Range, uint64_t, unsigned) override { return 0; }
  void on_write(hv::Range, uint64_t, unsigned, uint64_t) override {}
  void on_page_write(hv::Gpa at, unsigned size) override { set_.on_page_write(at, size); }

 private:
  shadow::PpgttSet& set_;
};

class Guest {
 public:
  explicit Guest(FuzzInput& in)
      : in_(in), space_(1 << 20, 1 << 20), retired_(gpu_, space_), set_(make_set()), traps_(*set_) {
    domain_.handler = &traps_;
  }
  void run() {
    for (unsigned n = 0; n < kMaxOps && !in_.empty(); ++n) step();
    for (const shadow::RootId root : held_)
      if (set_->sync(root).ok()) check(root);
    for (const shadow::RootId r : held_) set_->release(r);
    set_.reset();
    FUZZ_REQUIRE(retired_.flush().ok());
    FUZZ_REQUIRE(domain_.total_pins() == 0);
    FUZZ_REQUIRE(gpu_.pages.empty());
    FUZZ_REQUIRE(gpu_.violations == 0);
    FUZZ_REQUIRE(domain_.wrong_unpins == 0);
  }

 private:
  std::unique_ptr<shadow::PpgttSet> make_set() {
    shadow::PpgttLimits limits;
    limits.tables = 8 + in_.take<uint8_t>() % 56;
    limits.roots = 4;
    limits.out_of_sync = 3;
    limits.kept_open = 1;
    gpu_.fail_alloc_at = in_.take<uint8_t>();
    return std::make_unique<shadow::PpgttSet>(domain_, gpu_, retired_, hv::VgpuId{1}, limits);
  }
  hv::Gpa page() { return hv::Gpa{in_.take<uint8_t>() % (kGuestPages + 2) * hv::kPageSize}; }
  shadow::RootId root() { return held_[in_.take<uint8_t>() % held_.size()]; }

  // Mostly entries that mean something: another page of the guest, at a few indices.
  void write_entry() {
    const uint64_t at = page().v + in_.take<uint8_t>() % 8 * 8;
    uint64_t value = page().v | (in_.take<uint8_t>() & 0x83);
    const uint8_t kind = in_.take<uint8_t>();
    if (kind % 8 == 0) value = in_.take<uint64_t>();
    if (kind % 8 == 1) value |= gen9::kPdeIps64K;
    if (at + 8 > kGuestPages * hv::kPageSize) return;
    const unsigned odd = kind % 16 == 5 ? 3 : 0;
    domain_.cpu_write(at + odd, value, kind % 4 == 3 ? 4 : 8 - odd);
  }
  void step() {
    switch (in_.take<uint8_t>() % 12) {
      case 0: (void)set_->create(page()); break;
      case 1: (void)set_->destroy(page()); break;
      case 2: acquire(); break;
      case 3: release(); break;
      case 4: sync(); break;
      case 5: lookup(); break;
      case 6: (void)retired_.flush(); break;
      case 7: view(); break;
      case 8: rare(in_.take<uint8_t>()); break;
      default: write_entry();
    }
  }
  void rare(uint8_t kind) {
    if (kind < 8) domain_.fail_at(fake::Call::pin, 1 + kind);
    if (kind >= 8 && kind < 16) domain_.fail_at(fake::Call::read, kind - 7);
    if (kind >= 16 && kind < 20) domain_.fail_at(fake::Call::protect, kind - 15);
    if (kind >= 20 && kind < 24) domain_.unpinnable.insert(kind % kGuestPages);
    if (kind == 255) reset();
  }
  void acquire() {
    const auto got = set_->acquire(page());
    if (got.ok()) held_.push_back(*got);
  }
  void release() {
    if (held_.empty()) return;
    const size_t i = in_.take<uint8_t>() % held_.size();
    set_->release(held_[i]);
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  void reset() {
    set_->reset();
    held_.clear();
  }
  void sync() {
    if (held_.empty()) return;
    const shadow::RootId r = root();
    if (set_->sync(r).ok()) check(r);
  }
  void lookup() {
    if (held_.empty()) return;
    bool writable = false;
    const shadow::RootId r = root();
    const uint64_t va = in_.take<uint64_t>() % gen9::kPpgttLimit;
    (void)set_->translate(r, va, &writable);
    std::array<std::byte, 64> bytes{};
    (void)set_->read(r, va, bytes);
  }
  void view() {
    if (held_.empty()) return;
    const auto made = set_->make_view(root());
    if (!made.ok()) return;
    const auto frame = gpu_.alloc_page(shadow::PageUse::batch, hv::VgpuId{1});
    if (!frame.ok()) return;
    (void)(*made)->replace(in_.take<uint16_t>() * hv::kPageSize, *frame);
    walk((*made)->root_frame(), gen9::Level::pml4);
    retired_.page(*frame);
  }

  void check(shadow::RootId r) {
    seen_.clear();
    walk(set_->root_frame(r), gen9::Level::pml4);
  }
  void walk(hv::BusFrame table, gen9::Level level) {
    if (!seen_.insert({table.v, static_cast<unsigned>(level)}).second) return;
    const auto it = gpu_.pages.find(table.v);
    FUZZ_REQUIRE(it != gpu_.pages.end());
    FUZZ_REQUIRE(it->second.use == shadow::PageUse::page_table ||
                 it->second.use == shadow::PageUse::scratch);
    for (unsigned i = 0; i < gen9::kEntries; ++i) {
      const uint64_t entry = gpu_.entry(table, i);
      if (entry & gen9::kPtePresent) follow(entry, level);
    }
  }
  void follow(uint64_t entry, gen9::Level level) {
    const bool huge = level == gen9::Level::pd && (entry & gen9::kPdePageSize);
    if (level != gen9::Level::pt && !huge) {
      FUZZ_REQUIRE(level == gen9::Level::pml4 || level == gen9::Level::pd ||
                   !(entry & gen9::kPdePageSize));
      walk(gen9::pte_frame(entry),
           gen9::Level{static_cast<uint8_t>(static_cast<unsigned>(level) - 1)});
      return;
    }
    for (unsigned page = 0; page < (huge ? gen9::kEntries : 1); ++page)
      check_leaf(hv::BusFrame{gen9::pte_frame(entry).v + page});
  }
  void check_leaf(hv::BusFrame frame) {
    if (frame.v >= fake::kFirstHostFrame) {
      FUZZ_REQUIRE(gpu_.pages.count(frame.v) == 1);
    } else {
      FUZZ_REQUIRE(domain_.pins(fake::FakeDomain::gfn_of_frame(frame)) > 0);
      FUZZ_REQUIRE(fake::FakeDomain::frame_of(fake::FakeDomain::gfn_of_frame(frame)) == frame);
    }
  }

  FuzzInput& in_;
  fake::FakeDomain domain_{kGuestPages * hv::kPageSize};
  fake::FakeGpuMemory gpu_;
  shadow::GgttSpace space_;
  shadow::Retired retired_;
  std::unique_ptr<shadow::PpgttSet> set_;
  Traps traps_;
  std::vector<shadow::RootId> held_;
  std::set<std::pair<uint64_t, unsigned>> seen_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput in(data, size);
  Guest(in).run();
  return 0;
}

std::vector<std::vector<uint8_t>> fuzz_seeds() {
  // write_entry's bytes: op, table page, index, target page, flags, kind.
  const auto link = [](std::vector<uint8_t>& out, uint8_t from, uint8_t to, uint8_t kind = 7 - 5) {
    for (const uint8_t b : {uint8_t{9}, from, uint8_t{0}, to, uint8_t{3}, kind}) out.push_back(b);
  };
  std::vector<uint8_t> four{60, 0};
  link(four, 1, 2);
  link(four, 2, 3);
  link(four, 3, 4);
  link(four, 4, 5);
  for (const uint8_t b : {0, 1, 2, 1, 4, 0}) four.push_back(b);  // create, acquire, sync
  for (unsigned n = 0; n < 4; ++n) link(four, 4, static_cast<uint8_t>(6 + n));
  for (const uint8_t b : {4, 0, 7, 0, 0, 0, 3, 0, 1, 1}) four.push_back(b);
  std::vector<uint8_t> loop{60, 0};
  link(loop, 1, 1);
  for (const uint8_t b : {0, 1, 2, 1, 4, 0}) loop.push_back(b);
  return {four, loop};
}

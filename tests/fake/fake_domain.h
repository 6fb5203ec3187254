// SPDX-License-Identifier: MIT
// A guest domain for unit tests: sparse memory, calls recorded, failure at the Nth call, memory
// that changes between two reads.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "hv/bits.h"
#include "hv/domain.h"

namespace fake {

enum class Call : uint8_t {
  read,
  write,
  pin,
  unpin,
  protect,
  unprotect,
  place,
  pages,
  msi,
  add_ram
};

class FakeDomain : public hv::Domain {
 public:
  struct Record {
    Call call{};
    uint64_t at = 0;     ///< address, or frame number for pin, unpin, protect, unprotect
    uint64_t bytes = 0;  ///< 0 where it means nothing
    friend bool operator==(const Record&, const Record&) = default;
  };

  explicit FakeDomain(uint64_t ram_bytes = uint64_t{64} << 20, hv::DomId id = hv::DomId{1})
      : ram_pages_(ram_bytes / hv::kPageSize), id_(id) {}

  // What tests set.
  /// The Nth (from 1) of all later calls of this kind fails, once; for pin: the Nth frame.
  void fail_at(Call call, uint64_t nth) { fail_[call] = nth; }
  /// Called after each successful read(), with what was read: change memory here.
  std::function<void(hv::Gpa, uint64_t)> after_read;
  hv::TrapHandler* handler = nullptr;
  std::vector<Record> records;
  /// Frames that are RAM but cannot be pinned.
  std::set<uint64_t> unpinnable;
  /// Frames that cannot be protected for now.
  std::set<uint64_t> busy;

  /// The frame pin() gives; never equal to a guest frame number of the same guest.
  static hv::BusFrame frame_of(hv::Gfn gfn, hv::DomId id = hv::DomId{1}) {
    return hv::BusFrame{(uint64_t{id.v} << 24) + (gfn.v ^ 0x5a5)};
  }
  static hv::Gfn gfn_of_frame(hv::BusFrame f) { return hv::Gfn{(f.v & 0xffffff) ^ 0x5a5}; }

  // What the guest does.
  template <class T>
  void poke(uint64_t at, T value) {
    hv::store(bytes(at), value);
  }
  template <class T>
  T peek(uint64_t at) {
    return hv::load<T>(bytes(at));
  }
  void cpu_write(uint64_t at, uint64_t value, unsigned size = 8) {
    std::memcpy(bytes(at), &value, size);
    if (handler && protected_.count(at >> hv::kPageShift))
      handler->on_page_write(hv::Gpa{at}, size);
  }

  // What tests look at.
  [[nodiscard]] uint64_t pins(hv::Gfn g) const {
    const auto it = pins_.find(g.v);
    return it == pins_.end() ? 0 : it->second;
  }
  [[nodiscard]] uint64_t total_pins() const {
    uint64_t n = 0;
    for (const auto& [gfn, count] : pins_) n += count;
    return n;
  }
  [[nodiscard]] bool is_protected(hv::Gfn g) const { return protected_.count(g.v) != 0; }
  [[nodiscard]] size_t protected_pages() const { return protected_.size(); }
  [[nodiscard]] uint64_t count(Call c) const {
    return static_cast<uint64_t>(std::count_if(records.begin(), records.end(),
                                               [c](const Record& r) { return r.call == c; }));
  }
  uint64_t wrong_unpins = 0;  ///< unpins of what was not pinned
  unsigned interrupts = 0;

  // hv::Domain
  [[nodiscard]] hv::DomId id() const override { return id_; }
  hv::Status read(hv::Gpa from, std::span<std::byte> to) override {
    if (fails(Call::read, from.v, to.size()) || !inside(from, to.size())) {
      return hv::Error::bad_address;
    }
    copy(from, to.size(),
         [&](std::byte* p, uint64_t done, uint64_t n) { std::memcpy(to.data() + done, p, n); });
    if (after_read) after_read(from, to.size());
    return {};
  }
  hv::Status write(hv::Gpa at, std::span<const std::byte> from) override {
    if (fails(Call::write, at.v, from.size()) || !inside(at, from.size())) {
      return hv::Error::bad_address;
    }
    copy(at, from.size(),
         [&](std::byte* p, uint64_t done, uint64_t n) { std::memcpy(p, from.data() + done, n); });
    return {};
  }
  void pin(std::span<const hv::Gfn> gfns, std::span<hv::BusFrame> frames) override {
    for (size_t i = 0; i < gfns.size(); ++i) {
      const uint64_t g = gfns[i].v;
      const bool bad = fails(Call::pin, g, 0) || g >= ram_pages_ || unpinnable.count(g);
      frames[i] = bad ? hv::kNoFrame : frame_of(gfns[i], id_);
      if (!bad) ++pins_[g];
    }
  }
  void unpin(std::span<const hv::Gfn> gfns) override {
    for (const hv::Gfn g : gfns) {
      (void)fails(Call::unpin, g.v, 0);
      const auto it = pins_.find(g.v);
      if (it == pins_.end()) {
        ++wrong_unpins;
      } else if (--it->second == 0) {
        pins_.erase(it);
      }
    }
  }
  hv::Status protect(hv::Gfn g) override {
    if (fails(Call::protect, g.v, 0) || g.v >= ram_pages_) return hv::Error::bad_address;
    if (busy.count(g.v)) return hv::Error::busy;
    protected_.insert(g.v);
    return {};
  }
  hv::Status unprotect(hv::Gfn g) override {
    if (fails(Call::unprotect, g.v, 0)) return hv::Error::io;
    protected_.erase(g.v);
    return {};
  }
  hv::Status place(hv::Range, hv::Gpa base, uint64_t size) override {
    return fails(Call::place, base.v, size) ? hv::Status{hv::Error::io} : hv::Status{};
  }
  hv::Status remove(hv::Range) override { return {}; }
  hv::Result<std::span<std::byte>> register_pages(hv::Range, uint64_t at, uint64_t size) override {
    if (fails(Call::pages, at, size)) return hv::Error::no_memory;
    blocks_.push_back(std::make_unique<std::vector<std::byte>>(size));
    return std::span<std::byte>{*blocks_.back()};
  }
  hv::Status set_direct_read(hv::Range, uint64_t, uint64_t, bool) override { return {}; }
  hv::Status add_ram(hv::Gfn first, uint64_t pages) override {
    if (fails(Call::add_ram, first.v, pages)) return hv::Error::no_memory;
    if (first.v < ram_pages_ || first.v == added_.first) return hv::Error::busy;
    added_ = {first.v, pages};
    return {};
  }
  hv::Status inject_msi(uint64_t address, uint32_t data) override {
    if (fails(Call::msi, address, data)) return hv::Error::io;
    ++interrupts;
    return {};
  }

 private:
  using Page = std::array<std::byte, hv::kPageSize>;

  bool fails(Call call, uint64_t at, uint64_t size) {
    records.push_back({call, at, size});
    const auto it = fail_.find(call);
    return it != fail_.end() && it->second != 0 && --it->second == 0;
  }
  [[nodiscard]] bool inside(hv::Gpa a, uint64_t size) const {
    if (a.v >> hv::kPageShift >= added_.first &&
        (a.v + size - 1) >> hv::kPageShift < added_.first + added_.second)
      return true;
    const uint64_t end = ram_pages_ * hv::kPageSize;
    return a.v <= end && size <= end - a.v;
  }
  std::byte* bytes(uint64_t at) {
    auto& page = pages_[at >> hv::kPageShift];
    if (!page) page = std::make_unique<Page>();
    return page->data() + (at & hv::kPageMask);
  }
  template <class F>
  void copy(hv::Gpa at, uint64_t size, F f) {
    for (uint64_t done = 0; done < size;) {
      const uint64_t n = std::min(size - done, hv::kPageSize - ((at.v + done) & hv::kPageMask));
      f(bytes(at.v + done), done, n);
      done += n;
    }
  }

  uint64_t ram_pages_;
  std::pair<uint64_t, uint64_t> added_;
  hv::DomId id_;
  std::map<uint64_t, std::unique_ptr<Page>> pages_;
  std::map<uint64_t, uint64_t> pins_;
  std::set<uint64_t> protected_;
  std::map<Call, uint64_t> fail_;
  std::vector<std::unique_ptr<std::vector<std::byte>>> blocks_;
};

}  // namespace fake

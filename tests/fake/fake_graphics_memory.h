// SPDX-License-Identifier: MIT
// A graphics address space of a few pages: plain bytes, some of them missing if a test says so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "dom0/gpu/model/blitter.h"
#include "hv/bits.h"
#include "hv/types.h"

namespace fake {

class FakeGraphicsMemory final : public gpu::model::GraphicsMemory {
 public:
  FakeGraphicsMemory(uint64_t base, size_t bytes) : base_(base), bytes_(bytes) {}

  std::set<uint64_t> missing;  ///< page addresses that fault
  uint64_t accesses = 0, faults = 0;

  void randomise(std::mt19937& random) {
    for (size_t i = 0; i + 4 <= bytes_.size(); i += 4) {
      hv::store(&bytes_[i], static_cast<uint32_t>(random()));
    }
  }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }
  std::byte& at(uint64_t address) { return bytes_.at(address - base_); }

  bool read(uint64_t address, std::span<std::byte> to) override {
    return by_page(address, to.size(), [&](size_t done, size_t n, std::byte* page) {
      if (page) std::copy_n(page, n, &to[done]);
      if (!page) std::fill_n(&to[done], n, std::byte{0});
    });
  }
  bool write(uint64_t address, std::span<const std::byte> from) override {
    return by_page(address, from.size(), [&](size_t done, size_t n, std::byte* page) {
      if (page) std::copy_n(&from[done], n, page);
    });
  }

 private:
  template <class Visit>
  bool by_page(uint64_t address, size_t bytes, Visit&& visit) {
    ++accesses;
    bool ok = true;
    for (size_t done = 0, n = 0; done < bytes; done += n) {
      const uint64_t a = address + done;
      n = std::min<size_t>(bytes - done, hv::kPageSize - (a & hv::kPageMask));
      const bool there = a >= base_ && a - base_ < bytes_.size() &&
                         a + n <= base_ + bytes_.size() && !missing.contains(a & ~hv::kPageMask);
      ok = ok && there;
      visit(done, n, there ? &bytes_[a - base_] : nullptr);
    }
    faults += !ok;
    return ok;
  }

  uint64_t base_;
  std::vector<std::byte> bytes_;
};

}  // namespace fake

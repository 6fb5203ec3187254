// SPDX-License-Identifier: MIT
// What the GPU left in guests' pages, as one number a page: over the bytes it wrote, each as it
// wrote it last. The same work gives the same numbers however it is split, preempted and resumed.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <span>

#include "hv/types.h"

namespace replay {

struct PageSum {
  uint64_t bytes = 0;  ///< written at least once
  uint64_t sum = 0;    ///< over position and value of each
  friend bool operator==(const PageSum&, const PageSum&) = default;
};
/// By guest frame number, of one guest.
using PageSums = std::map<hv::Gfn, PageSum>;

class WrittenPage {
 public:
  void add(unsigned offset, std::span<const std::byte> bytes) {
    std::memcpy(last_->data() + offset, bytes.data(), bytes.size());
    for (size_t i = 0; i < bytes.size(); ++i) written_->set(offset + i);
  }
  [[nodiscard]] PageSum sum() const {
    PageSum s;
    for (uint64_t i = 0; i < hv::kPageSize; ++i) {
      if (!written_->test(i)) continue;
      // A product for each position, so that swapped bytes show.
      uint64_t h = (i << 8 | static_cast<uint64_t>((*last_)[i])) + 1;
      h *= 0x9e3779b97f4a7c15u;
      s.sum += (h ^ h >> 32) * 0xd6e8feb86659fd93u;
      ++s.bytes;
    }
    return s;
  }

 private:
  std::unique_ptr<std::array<std::byte, hv::kPageSize>> last_ =
      std::make_unique<std::array<std::byte, hv::kPageSize>>();
  std::unique_ptr<std::bitset<hv::kPageSize>> written_ =
      std::make_unique<std::bitset<hv::kPageSize>>();
};

/// Refuses more than kMost pages, so that memory stays bounded; what is beyond is not compared.
class WrittenPages {
 public:
  static constexpr size_t kMost = size_t{64} << 10;
  void add(hv::Gfn gfn, unsigned offset, std::span<const std::byte> bytes) {
    auto it = pages_.find(gfn);
    if (it == pages_.end()) {
      if (pages_.size() >= kMost) return;
      it = pages_.emplace(gfn, WrittenPage{}).first;
    }
    it->second.add(offset, bytes);
  }
  [[nodiscard]] PageSums sums() const {
    PageSums all;
    for (const auto& [gfn, page] : pages_) all[gfn] = page.sum();
    return all;
  }

 private:
  std::map<hv::Gfn, WrittenPage> pages_;
};

}  // namespace replay

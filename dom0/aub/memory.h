// SPDX-License-Identifier: MIT
// The memory an AUB file describes: sparse physical pages and GGTT entries, as its writes leave
// them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "dom0/aub/reader.h"
#include "hv/types.h"

namespace aub {

/// Where a context's page tables start.
struct Ppgtt {
  bool four_level = true;
  std::array<uint64_t, 4> roots{};  ///< four_level: [0] is the PML4; else the page directories
};

/// A mapped 4 KiB page of a PPGTT.
struct MappedPage {
  uint64_t address = 0;  ///< graphics address
  uint64_t frame = 0;    ///< physical address >> 12
  bool writable = true;
};

class Memory {
 public:
  using Page = std::array<std::byte, hv::kPageSize>;
  /// Physical memory a file may fill. Real captures stay far below; a nonsense file may not.
  static constexpr size_t kMaxPages = (size_t{4} << 30) >> hv::kPageShift;

  /// The older format has no tables: GGTT and PPGTT addresses are physical ones.
  void set_flat(bool flat) { flat_ = flat; }

  SinkStatus write_physical(uint64_t address, std::span<const std::byte> data);
  SinkStatus write_ggtt(uint64_t address, std::span<const std::byte> data);
  SinkStatus write_ggtt_entries(uint64_t byte_offset, std::span<const std::byte> data);

  /// nullptr where the file never wrote.
  [[nodiscard]] const Page* page(uint64_t frame) const;
  [[nodiscard]] uint64_t read64(uint64_t physical) const;
  /// GGTT entries by index, ascending; absent ones are zero.
  [[nodiscard]] const std::map<uint32_t, uint64_t>& ggtt_entries() const { return ggtt_; }
  /// Written physical frames, ascending.
  [[nodiscard]] std::vector<uint64_t> frames() const;

  /// Physical address behind a graphics address, or nothing if it is not mapped.
  [[nodiscard]] std::optional<uint64_t> ggtt(uint64_t address) const;
  [[nodiscard]] std::optional<uint64_t> ppgtt(const Ppgtt& tables, uint64_t address) const;
  /// Every mapped page, ascending. Stops at `limit` pages.
  [[nodiscard]] std::vector<MappedPage> mapped(const Ppgtt& tables, size_t limit) const;

  /// A dword in the GGTT, 0 where nothing is.
  [[nodiscard]] uint32_t ggtt_dword(uint64_t address) const;
  void set_ggtt_dword(uint64_t address, uint32_t value);

 private:
  struct Walk;
  SinkStatus write_in_page(uint64_t physical, std::span<const std::byte> data);
  void collect(uint64_t table, unsigned level, uint64_t base, Walk& walk) const;

  std::unordered_map<uint64_t, std::unique_ptr<Page>> pages_;
  std::map<uint32_t, uint64_t> ggtt_;
  bool flat_ = false;
};

}  // namespace aub

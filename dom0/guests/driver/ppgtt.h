// SPDX-License-Identifier: MIT
// A 4-level page table in guest RAM, built the way i915 does: entries that map nothing point at a
// chain of scratch tables, and the mediator is told of creation and destruction.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "dom0/guests/driver/frames.h"
#include "dom0/guests/port.h"
#include "shadow/gen9/pte.h"

namespace guests {

class GuestPpgtt {
 public:
  /// Nothing when RAM is used up.
  static std::optional<GuestPpgtt> create(GuestPort& port, Frames& frames);

  /// Maps one 4 KiB page. False when out of RAM for a table.
  bool map(uint64_t va, hv::Gpa page, bool writable = true);
  /// Back to scratch. Tables stay.
  void unmap(uint64_t va);
  /// Fresh pages at consecutive addresses from `va`; what they are, in order, or nothing.
  std::optional<std::vector<hv::Gpa>> populate(uint64_t va, unsigned pages);
  /// Tells the mediator and gives the tables back.
  void destroy();

  [[nodiscard]] hv::Gpa root() const { return root_; }
  /// Every page mapped, by address.
  [[nodiscard]] const std::map<uint64_t, hv::Gpa>& mapped() const { return mapped_; }

 private:
  GuestPpgtt(GuestPort& port, Frames& frames) : port_(&port), frames_(&frames) {}
  std::optional<hv::Gpa> table_full_of(uint64_t entry);
  std::optional<hv::Gpa> descend(hv::Gpa table, uint64_t va, gen9::Level level);
  void notify(uint32_t what);

  GuestPort* port_;
  Frames* frames_;
  hv::Gpa root_{};
  uint64_t scratch_[4] = {};  // what fills a table of level i + 1
  std::vector<hv::Gpa> tables_;
  std::map<uint64_t, hv::Gpa> mapped_;
};

}  // namespace guests

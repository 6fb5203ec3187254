// SPDX-License-Identifier: MIT
// The guest's view of its GGTT: objects of guest pages placed inside the windows PVINFO gave.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "dom0/guests/driver/frames.h"
#include "dom0/guests/port.h"
#include "shadow/ggtt.h"
#include "shadow/ggtt_space.h"

namespace guests {

/// Guest pages at consecutive GGTT addresses.
struct GgttObject {
  uint64_t address = 0;
  std::vector<hv::Gpa> pages;

  [[nodiscard]] uint64_t bytes() const { return pages.size() * hv::kPageSize; }
  /// Where byte `offset` lies in guest memory. Must be inside the object.
  [[nodiscard]] hv::Gpa at(uint64_t offset) const {
    return hv::Gpa{pages[offset >> hv::kPageShift].v + (offset & hv::kPageMask)};
  }
};

class GuestGgtt {
 public:
  GuestGgtt(GuestPort& port, Frames& frames, const shadow::GgttWindows& windows);

  /// Fresh zeroed pages, mapped. `mappable` asks for the low window. Nothing when out of RAM or
  /// window.
  std::optional<GgttObject> create(unsigned pages, bool mappable = false);
  /// Maps pages that are already there.
  std::optional<GgttObject> map(std::vector<hv::Gpa> pages, bool mappable);

 private:
  GuestPort& port_;
  Frames& frames_;
  shadow::GgttSpace low_, high_;
};

/// Copies between CPU and an object; may cross pages, must stay inside.
void write_object(GuestPort& port, const GgttObject& object, uint64_t offset,
                  std::span<const std::byte> from);
void read_object(GuestPort& port, const GgttObject& object, uint64_t offset,
                 std::span<std::byte> to);

}  // namespace guests

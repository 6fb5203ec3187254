// SPDX-License-Identifier: MIT
// BAR2 of a vGPU: the guest's low GGTT window, detiled by its own (virtual) fences.
//
// Every access traps at first. Where accesses come in rows, the guest's own pages are shown to it
// as long as their entries are valid: as they lie, or, where a fence covers them and the GPU has an
// aperture of its own, through that. What changes entries or fence makes them trap again.
#pragma once

#include <cstdint>
#include <vector>

#include "hv/domain.h"
#include "shadow/ggtt.h"

namespace mediator {

class DeviceModel;

class Aperture {
 public:
  Aperture(hv::Domain& domain, shadow::Ggtt& ggtt, const DeviceModel& device, uint32_t fences,
           uint64_t bytes);

  uint64_t read(uint64_t offset, unsigned size);
  /// The guest page written, for who keeps an eye on some; an access across pages may reach two.
  using Written = std::function<void(hv::Gpa at, unsigned size)>;
  void write(uint64_t offset, unsigned size, uint64_t value, const Written& written);

  /// Another frame, or none, stands at this page of the GGTT (shadow::Ggtt::Changed).
  void entry_changed(uint64_t page);
  void fence_changed(uint64_t fence);
  /// From now on everything traps.
  void stop();

 private:
  [[nodiscard]] std::vector<uint64_t> fences() const;
  void trapped(uint64_t offset);
  void show(uint64_t page);
  void show_tiled(uint64_t fence);
  [[nodiscard]] uint64_t fence_over(uint64_t page) const;
  void hide(uint64_t first, uint64_t pages);

  hv::Domain& domain_;
  shadow::Ggtt& ggtt_;
  const DeviceModel& device_;
  const uint32_t fences_;
  std::vector<bool> asked_;               // pages that may be shown
  std::vector<uint64_t> tiled_;           // fences whose pages may be shown
  uint64_t refused_ = 0;                  // a fence whose pages cannot be
  bool able_ = true, able_tiled_ = true;  // as far as is known
  uint64_t last_ = ~uint64_t{0}, next_ = ~uint64_t{0};
  unsigned row_ = 0;
};

}  // namespace mediator

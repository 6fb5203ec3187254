// SPDX-License-Identifier: MIT
// The part of a GPU's aperture through which guests see tiled memory: fences and addresses for it,
// handed out and taken back.
#pragma once

#include <array>

#include "dom0/gpu/driver/driver.h"
#include "hv/xen/tiled_aperture.h"
#include "shadow/ggtt_space.h"

namespace gpu::pci {

class FencedAperture final : public hv::xen::TiledAperture {
 public:
  /// `bytes` of graphics addresses behind the driver's own are this object's; `aperture` is the
  /// machine address of BAR 2.
  FencedAperture(Driver& driver, uint64_t aperture, uint64_t bytes)
      : driver_(driver), aperture_(aperture), space_(kOwnGgttBytes, bytes) {}

  hv::Result<hv::BusFrame> take(std::span<const hv::BusFrame> frames, uint64_t fence) override;
  [[nodiscard]] bool give_back(hv::BusFrame first) override;
  void stop() override { stopped_ = true; }
  /// Parts handed out so far.
  [[nodiscard]] uint64_t taken() const { return taken_; }

 private:
  struct Part {
    hv::GmAddr base{};
    unsigned pages = 0;  ///< 0: the fence is free
  };
  [[nodiscard]] hv::BusFrame frame_of(const Part& part) const {
    return hv::BusFrame{(aperture_ + part.base.v) >> hv::kPageShift};
  }

  Driver& driver_;
  uint64_t aperture_;
  shadow::GgttSpace space_;
  std::array<Part, gen9::kFences> parts_{};
  uint64_t taken_ = 0;
  bool stopped_ = false;
};

}  // namespace gpu::pci

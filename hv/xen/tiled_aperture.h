// SPDX-License-Identifier: MIT
// Port: the aperture of a GPU that is silicon, through which pages look linear that are not.
#pragma once

#include <span>

#include "hv/result.h"
#include "hv/types.h"

namespace hv::xen {

class TiledAperture {
 public:
  virtual ~TiledAperture() = default;
  /// A part of the aperture, and one of the GPU's fences, for these frames; pitch and tiling are
  /// those of `fence` (a FENCE register's value). The machine frame where the part begins. From the
  /// return on whoever reaches that part reaches the frames, so they must be referenced before.
  virtual Result<BusFrame> take(std::span<const BusFrame> frames, uint64_t fence) = 0;
  /// Nobody reaches the part any more. False if it may still lead to its frames: then their
  /// references must stay.
  [[nodiscard]] virtual bool give_back(BusFrame first) = 0;
  /// A guest may have kept a mapping of the aperture that nobody can take away: no part is handed
  /// out any more.
  virtual void stop() = 0;
};

}  // namespace hv::xen

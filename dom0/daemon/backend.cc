// SPDX-License-Identifier: MIT
#include "dom0/daemon/backend.h"

#include "dom0/daemon/model_unit.h"

namespace xengvtd {

hv::Result<std::unique_ptr<GpuUnit>, Problem> Backend::make_gpu(const Config& config,
                                                                WallClock& clock,
                                                                std::function<void()> interrupt) {
  if (config.gpu != "model")
    return Problem{"the " + name() + " back end knows no GPU but the model",
                   "set device = model in [gpu] of xengvtd.conf"};
  return std::unique_ptr<GpuUnit>(
      std::make_unique<ModelUnit>(bus(), config, clock, std::move(interrupt)));
}

}  // namespace xengvtd

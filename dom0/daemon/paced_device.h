// SPDX-License-Identifier: MIT
// The model as the host driver sees it in the daemon: its times are told in wall time, so that the
// GPU's events and the mediator's clock agree. A pause lets the model run ahead instead of anyone
// sleeping; it then waits for wall time to catch up.
#pragma once

#include "dom0/daemon/pacer.h"
#include "dom0/gpu/passing_device.h"

namespace xengvtd {

class PacedDevice final : public gpu::PassingDevice {
 public:
  PacedDevice(gpu::Device& model, const Pacer& pacer) : PassingDevice(model), pacer_(pacer) {}
  uint64_t now_ns() override { return pacer_.wall_time(PassingDevice::now_ns()); }

 private:
  const Pacer& pacer_;
};

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// The model as the host driver sees it, with the time it takes to model kept apart.
#pragma once

#include "dom0/embedded/meter.h"
#include "dom0/gpu/passing_device.h"

namespace embedded {

class MeteredDevice final : public gpu::PassingDevice {
 public:
  MeteredDevice(gpu::Device& device, Meter& meter) : PassingDevice(device), meter_(meter) {}
  // The only call in which the model executes commands.
  void pause_ns(uint64_t ns) override {
    const Meter::InDevice in_device(meter_);
    PassingDevice::pause_ns(ns);
  }

 private:
  Meter& meter_;
};

}  // namespace embedded

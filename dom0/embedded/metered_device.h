// SPDX-License-Identifier: MIT
// The model as the host driver sees it, with the time it takes to model kept apart.
#pragma once

#include <functional>
#include <utility>

#include "dom0/embedded/meter.h"
#include "dom0/gpu/passing_device.h"

namespace embedded {

class MeteredDevice final : public gpu::PassingDevice {
 public:
  /// `lost`: register writes that never arrive, for tests of what watches the host driver.
  using Lost = std::function<bool(uint32_t offset)>;
  MeteredDevice(gpu::Device& device, Meter& meter, Lost lost = {})
      : PassingDevice(device), meter_(meter), lost_(std::move(lost)) {}
  void write32(uint32_t offset, uint32_t value) override {
    if (!lost_ || !lost_(offset)) PassingDevice::write32(offset, value);
  }
  // The only call in which the model executes commands.
  void pause_ns(uint64_t ns) override {
    const Meter::InDevice in_device(meter_);
    PassingDevice::pause_ns(ns);
  }

 private:
  Meter& meter_;
  Lost lost_;
};

}  // namespace embedded

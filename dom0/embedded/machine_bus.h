// SPDX-License-Identifier: MIT
// The in-process hypervisor's physical memory as the modelled GPU's bus.
#pragma once

#include "dom0/gpu/model/model.h"
#include "hv/local/machine.h"

namespace embedded {

class MachineBus final : public gpu::model::DmaBus {
 public:
  explicit MachineBus(hv::local::Machine& machine) : machine_(machine) {}
  std::byte* page(hv::BusFrame frame) override { return machine_.page(frame); }
  hv::Result<gpu::DmaPage> alloc() override {
    auto frame = machine_.alloc_host(0);
    if (!frame.ok()) return frame.error();
    return gpu::DmaPage{*frame, machine_.page(*frame)};
  }
  void free(hv::BusFrame frame) override { machine_.free(frame); }

 private:
  hv::local::Machine& machine_;
};

}  // namespace embedded

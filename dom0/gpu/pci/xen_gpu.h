// SPDX-License-Identifier: MIT
// A PCI GPU of a Xen host, with all that driving it takes: the function, its BARs, machine frames,
// and pages of dom0's own.
#pragma once

#include <memory>
#include <string>

#include "dom0/gpu/driver/driver.h"
#include "dom0/gpu/pci/device.h"
#include "dom0/gpu/pci/function.h"
#include "dom0/gpu/pci/interrupt_line.h"
#include "hv/xen/machine_frames.h"
#include "hv/xen/own_pages.h"

namespace gpu::pci {

/// Of the aperture: for guests' tiled memory.
inline constexpr uint64_t kFencedBytes = uint64_t{32} << 20;

class XenGpu {
 public:
  /// Claims the GPU of that address, or the only one. It reaches no memory before let_go().
  static hv::Result<std::unique_ptr<XenGpu>, Problem> open(const Places& places,
                                                           const std::string& address);

  [[nodiscard]] PciDevice& device() { return *device_; }
  [[nodiscard]] Function& function() { return *function_; }
  [[nodiscard]] hv::xen::MachineFrames& machine() { return *machine_; }
  /// nullptr: events are polled.
  [[nodiscard]] InterruptLine* line() { return line_.get(); }
  [[nodiscard]] SystemClock& clock() { return clock_; }
  [[nodiscard]] DriverConfig driver_config() const;
  /// From now on the GPU may reach memory; before, it is reset, so that nothing of its last owner's
  /// runs.
  hv::Result<void, Problem> let_go();

 private:
  class Pages final : public HostMemory {
   public:
    explicit Pages(hv::xen::MachineFrames& machine)
        : pages_(machine, hv::xen::map_hypercall_pages()) {}
    hv::Result<DmaPage> alloc() override;
    void free(hv::BusFrame frame) override { pages_.free(frame); }

   private:
    hv::xen::OwnPages pages_;
  };
  XenGpu() = default;

  std::unique_ptr<hv::xen::MachineFrames> machine_;
  std::unique_ptr<Pages> pages_;
  std::unique_ptr<MappedBars> bars_;
  SystemClock clock_;
  std::unique_ptr<PciDevice> device_;
  std::unique_ptr<Keeper> keeper_;      ///< ends after the function was given back
  std::unique_ptr<Function> function_;  ///< stops the GPU before its pages go
  std::unique_ptr<InterruptLine> line_;
};

}  // namespace gpu::pci

// SPDX-License-Identifier: MIT
// Guests in this process, each a drawing guest on the in-process hypervisor: the daemon without
// Xen, for tests and for looking at it.
#pragma once

#include "dom0/daemon/backend.h"
#include "dom0/embedded/machine_bus.h"

namespace xengvtd {

class LocalBackend : public Backend {
 public:
  explicit LocalBackend(hv::Clock& clock);
  [[nodiscard]] std::string name() const override { return "local"; }
  gpu::model::DmaBus& bus() override { return bus_; }
  /// Any number from 1 to 32751; the guest's name is "localN".
  hv::Result<Identity, Problem> identify(const std::string& domain) override;
  hv::Result<std::unique_ptr<BackendGuest>, Problem> attach(const Identity& who) override;

 private:
  hv::Clock& clock_;
  hv::local::Machine machine_;
  embedded::MachineBus bus_;
};

}  // namespace xengvtd

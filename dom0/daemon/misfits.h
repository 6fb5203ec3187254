// SPDX-License-Identifier: MIT
// PV and PVH guests whose file asks for a vGPU: xl starts them without ever calling the device
// model, so they are found by what libxl keeps of a domain's configuration, some seconds after
// their birth.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dom0/daemon/backend.h"
#include "hv/xen/control.h"

namespace xengvtd {

class Misfits {
 public:
  /// `folder`: where libxl keeps its files, /var/lib/xen.
  explicit Misfits(std::string folder) : folder_(std::move(folder)) {}

  void born(const hv::xen::DomainInfo& domain, uint64_t now_ns);
  void gone(hv::DomId domain);
  /// When due() has something to look at; UINT64_MAX for never.
  [[nodiscard]] uint64_t wake_ns() const;
  struct Misfit {
    hv::DomId domain;
    Problem problem;
  };
  std::vector<Misfit> due(uint64_t now_ns);

 private:
  struct Waiting {
    hv::xen::DomainInfo domain;
    uint64_t at_ns;
  };
  [[nodiscard]] bool asks_for_vgpu(const hv::xen::DomainInfo& domain) const;
  std::string folder_;
  std::vector<Waiting> waiting_;
};

}  // namespace xengvtd

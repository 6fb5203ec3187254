// SPDX-License-Identifier: MIT
// A hypervisor's CPU scheduler whose domains tests make, change and take away.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dom0/daemon/cpu_port.h"

namespace fake {

struct FakeCpu final : xengvtd::CpuPort {
  bool look(hv::DomId domain, bool closely, xengvtd::CpuView& view) override {
    ++looks;
    const auto it = domains.find(domain);
    if (it == domains.end()) return false;
    view = it->second;
    if (!closely) view.share.reset(), view.vcpus.clear();
    return true;
  }
  std::string set_weight(hv::DomId domain, uint32_t weight) override {
    if (!refuse.empty()) return refuse;
    sets.emplace_back(domain, weight);
    domains.at(domain).share->weight = weight;
    return {};
  }
  xengvtd::CpuView& make(hv::DomId id) {
    xengvtd::CpuView& v = domains[id];
    v.uuid[0] = static_cast<uint8_t>(++made);
    v.share = xengvtd::CpuShare{};
    v.vcpus = {{true, true, false, 0}};
    return v;
  }
  std::map<hv::DomId, xengvtd::CpuView> domains;
  std::vector<std::pair<hv::DomId, uint32_t>> sets;
  std::string refuse;
  unsigned looks = 0, made = 0;
};

}  // namespace fake

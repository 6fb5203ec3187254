// SPDX-License-Identifier: MIT
// Which vGPU a shadow context belongs to, by its address: asked at every access of the GPU that
// somebody watches, so not by walking all vGPUs.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "hv/types.h"

namespace mediator {

class ContextOwnerMap {
 public:
  void add(uint32_t lrca, hv::VgpuId owner) { owners_[lrca] = owner; }
  void remove(uint32_t lrca) { owners_.erase(lrca); }
  /// kHostOwner if it is nobody's.
  [[nodiscard]] hv::VgpuId find(uint32_t lrca) const {
    const auto it = owners_.find(lrca);
    return it == owners_.end() ? hv::kHostOwner : it->second;
  }

 private:
  std::unordered_map<uint32_t, hv::VgpuId> owners_;  // never iterated
};

/// An entry for as long as it lives.
class OwnedContext {
 public:
  OwnedContext() = default;
  ~OwnedContext() {
    if (map_ != nullptr) map_->remove(lrca_);
  }
  OwnedContext(const OwnedContext&) = delete;
  OwnedContext& operator=(const OwnedContext&) = delete;
  void enter(ContextOwnerMap& map, uint32_t lrca, hv::VgpuId owner) {
    map_ = &map;
    lrca_ = lrca;
    map.add(lrca, owner);
  }

 private:
  ContextOwnerMap* map_ = nullptr;
  uint32_t lrca_ = 0;
};

}  // namespace mediator

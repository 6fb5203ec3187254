// SPDX-License-Identifier: MIT
// What shadowing one submission needs of its vGPU and of the mediator.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "mediator/context_owners.h"
#include "mediator/default_images.h"
#include "mediator/device_model.h"
#include "mediator/host_gpu.h"
#include "shadow/ggtt.h"
#include "shadow/ggtt_space.h"
#include "shadow/ppgtt.h"
#include "shadow/retire.h"
#include "shadow/work.h"

namespace mediator {

/// The guest's own dwords behind patched ones in host-owned copies, by host GGTT address. Kept only
/// on request, to compare what ran with what the guest wrote.
class Originals {
 public:
  /// [base, base + bytes) holds a fresh copy: nothing there is patched any more.
  void forget(uint64_t base, uint64_t bytes) {
    patched_.erase(patched_.lower_bound(base), patched_.lower_bound(base + bytes));
  }
  void remember(uint64_t address, uint32_t original) { patched_[address] = original; }
  [[nodiscard]] uint32_t find(uint64_t address, uint32_t executed) const {
    const auto it = patched_.find(address);
    return it == patched_.end() ? executed : it->second;
  }

 private:
  std::map<uint64_t, uint32_t> patched_;
};

struct ShadowEnv {
  HostGpu& gpu;
  shadow::GgttSpace& space;
  shadow::Retired& retired;
  hv::VgpuId owner;
  shadow::Ggtt& ggtt;
  shadow::PpgttSet& ppgtt;
  DeviceModel& device;
  const DefaultImages& defaults;
  ContextOwnerMap& owners;
  shadow::Work& work;  ///< what all of it is charged to
  /// Makes room in the host's GGTT; false if there was nothing to give up.
  std::function<bool()> reclaim;
  Originals* originals = nullptr;  ///< nullptr: not kept
  bool scan_all = false;
  size_t batch_copy_pages = 0;  ///< host-owned copies of batches at once
};

}  // namespace mediator

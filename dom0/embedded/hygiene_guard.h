// SPDX-License-Identifier: MIT
// Checks at every context's start that the registers it meets are the host's, or its own vGPU's,
// and that nothing of another vGPU's is left in caches. It has no list of registers: whatever
// software has ever written counts. So what the mediator's table forgets shows here.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "dom0/embedded/dma_guard.h"
#include "dom0/gpu/model/model.h"

namespace embedded {

class HygieneGuard final : public gpu::model::StateObserver {
 public:
  /// A vGPU's own value of a register, as its guest reads it.
  using VirtualValue = std::function<uint32_t(hv::VgpuId, uint32_t offset)>;
  HygieneGuard(const ContextOwners& owners, VirtualValue value)
      : owners_(owners), virtual_value_(std::move(value)) {}

  void on_register(const gpu::model::RegisterChange& change) override;
  void on_context(gen9::EngineId engine, uint32_t lrca, bool flushed) override;
  void on_engine_reset(gen9::EngineId engine) override;

  [[nodiscard]] uint64_t contexts() const { return contexts_; }
  [[nodiscard]] uint64_t leaks() const { return leaks_; }
  /// The first few, one line each.
  [[nodiscard]] const std::vector<std::string>& described() const { return described_; }

 private:
  struct Trail {
    hv::VgpuId writer{};  ///< kHostOwner: the CPU, or the host's own context
    uint32_t value = 0, baseline = 0;
  };
  [[nodiscard]] bool may_meet(hv::VgpuId vgpu, uint32_t offset, const Trail& trail) const;
  void leak(gen9::EngineId engine, hv::VgpuId vgpu, hv::VgpuId from, const std::string& what);

  const ContextOwners& owners_;
  VirtualValue virtual_value_;
  std::map<uint32_t, Trail> trails_;
  std::array<hv::VgpuId, gen9::kEngines> last_{};  ///< whose context ran last
  uint64_t contexts_ = 0, leaks_ = 0;
  std::vector<std::string> described_;
};

}  // namespace embedded

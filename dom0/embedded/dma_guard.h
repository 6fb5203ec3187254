// SPDX-License-Identifier: MIT
// Checks every memory access of the GPU: a vGPU's context reaches only that guest's pages and the
// host's pages made for it, each with the access its purpose needs.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "dom0/gpu/driver/driver.h"
#include "dom0/gpu/model/model.h"
#include "hv/local/machine.h"

namespace embedded {

/// Who a context belongs to, for the guard.
class ContextOwners {
 public:
  virtual ~ContextOwners() = default;
  [[nodiscard]] virtual hv::VgpuId owner_of_context(uint32_t lrca) const = 0;
};

/// What is known of the frame an access reached.
struct FrameFacts {
  hv::local::FrameOwner owner;
  shadow::PageUse use{};  ///< host frames
  hv::VgpuId made_for{};  ///< host frames
};

/// Why the access is not allowed, or nullptr. `vgpu` owns the context (kHostOwner: the driver's
/// own) and is the domain `domain`'s.
const char* judge(const gpu::model::DmaAccess& access, const FrameFacts& frame, hv::VgpuId vgpu,
                  hv::DomId domain);

class DmaGuard final : public gpu::model::DmaObserver {
 public:
  DmaGuard(const hv::local::Machine& machine, const gpu::Driver& driver,
           const ContextOwners& owners)
      : machine_(machine), driver_(driver), owners_(owners) {}

  void add_guest(hv::VgpuId vgpu, hv::DomId domain) { domains_[vgpu] = domain; }
  void on_access(const gpu::model::DmaAccess& access) override;

  [[nodiscard]] uint64_t accesses() const { return accesses_; }
  [[nodiscard]] uint64_t violations() const { return violations_; }
  /// The first few, one line each.
  [[nodiscard]] const std::vector<std::string>& described() const { return described_; }

 private:
  static constexpr size_t kMaxDescribed = 16;
  hv::VgpuId owner(const gpu::model::DmaAccess& access);

  const hv::local::Machine& machine_;
  const gpu::Driver& driver_;
  const ContextOwners& owners_;
  std::unordered_map<hv::VgpuId, hv::DomId> domains_;
  uint32_t last_lrca_ = 0;
  hv::VgpuId last_owner_{};
  uint64_t accesses_ = 0, violations_ = 0;
  std::vector<std::string> described_;
};

}  // namespace embedded

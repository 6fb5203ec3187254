// SPDX-License-Identifier: MIT
// The GPU's shares follow the CPU's: weight, cap, pauses and starvation of each domain, looked at
// again and again because the hypervisor tells of no change. And, where the owner asked for it, the
// other way: a domain whose interactive vGPU waits for its CPU gets more of it for a while.
//
// Pure but for its ports: it is told the time.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "dom0/daemon/cpu_port.h"
#include "dom0/daemon/weight_ledger.h"

namespace xengvtd {

/// What follows from what is seen.
class CpuHookSink {
 public:
  virtual ~CpuHookSink() = default;
  /// The domain does not run, or runs again: its vGPU gives the GPU up, or may have it.
  virtual void give_up(hv::DomId domain, bool gives_up) = 0;
  /// Its CPU share changed, or is seen first. Nothing: the scheduler has none.
  virtual void cpu_share(hv::DomId domain, const std::optional<CpuShare>& share) = 0;
  virtual void starved(hv::DomId domain, bool starved) = 0;
  /// Its vGPU is interactive, and has told its CPU something that the CPU has not looked at yet.
  virtual bool waits_for_cpu(hv::DomId domain) = 0;
  virtual void complain(hv::DomId domain, const std::string& what) = 0;
};

class CpuHooks {
 public:
  static constexpr uint64_t kRunStateNs = 50'000'000;    ///< pauses are looked for so often
  static constexpr uint64_t kShareNs = 250'000'000;      ///< weights, caps and vCPUs
  static constexpr uint64_t kBoostTailNs = 200'000'000;  ///< a raise outlasts its reason by so much

  /// `most`: per cent of the owner's weight that a raised weight may be.
  CpuHooks(CpuPort& port, CpuHookSink& sink, WeightLedger& ledger, uint32_t most = 400)
      : port_(port), sink_(sink), ledger_(ledger), most_(most) {}
  /// Puts every weight back.
  ~CpuHooks();
  CpuHooks(const CpuHooks&) = delete;
  CpuHooks& operator=(const CpuHooks&) = delete;

  void add(hv::DomId domain);
  void remove(hv::DomId domain);
  /// May its CPU weight be raised? Off until told.
  void set_boost(hv::DomId domain, bool on);
  [[nodiscard]] bool boosted(hv::DomId domain) const;
  /// Looks at what is due.
  void tick(uint64_t now);
  /// When tick() is wanted; UINT64_MAX with nobody to look at.
  [[nodiscard]] uint64_t next_ns() const { return guests_.empty() ? UINT64_MAX : next_ns_; }

 private:
  struct Guest {
    bool seen = false, gives_up = false, starved = false, boost = false, closely_seen = false;
    DomainUuid uuid{};
    std::optional<CpuShare> share;  ///< the owner's, never a raised one
    std::vector<CpuView::Vcpu> vcpus;
    uint64_t looked_ns = 0, wanted_ns = 0;
    uint32_t raised = 0;  ///< 0: not
  };
  void look(hv::DomId domain, Guest& g, uint64_t now);
  void look_closely(hv::DomId domain, Guest& g, const CpuView& view, uint64_t now);
  void raise_or_lower(hv::DomId domain, Guest& g, uint64_t now);
  void raise(hv::DomId domain, Guest& g);
  void lower(hv::DomId domain, Guest& g);
  static bool is_starved(const Guest& g, const CpuView& view, uint64_t passed_ns);

  CpuPort& port_;
  CpuHookSink& sink_;
  WeightLedger& ledger_;
  const uint32_t most_;
  std::map<hv::DomId, Guest> guests_;
  uint64_t next_ns_ = 0, next_closely_ns_ = 0;
};

/// What a CPU share means for the GPU: the weight itself, and a cap of at most the whole GPU, in
/// hundredths of a per cent; 0 for none.
uint32_t gpu_cap(const CpuShare& share);

}  // namespace xengvtd

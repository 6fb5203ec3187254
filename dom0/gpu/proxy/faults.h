// SPDX-License-Identifier: MIT
// A GPU that misbehaves on demand: the model's registers and status pages behind the faults that a
// test asks for.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "dom0/gpu/model/model.h"

namespace gpu::proxy {

/// Bits of config::kTestFaults.
namespace fault {
inline constexpr uint32_t kLateAcks = 1;     ///< what acknowledges does so 2 ms late
inline constexpr uint32_t kLateStatus = 2;   ///< CSB entries reach memory 2 ms late
inline constexpr uint32_t kAllOnes = 4;      ///< the function fell off the bus
inline constexpr uint32_t kNoForcewake = 8;  ///< forcewake is never acknowledged
inline constexpr uint32_t kHungReset = 16;   ///< a reset once asked for never ends
inline constexpr uint32_t kNoTlbEnd = 32;    ///< TLB invalidation never completes
inline constexpr uint32_t kExit = 64;        ///< the process ends
}  // namespace fault

/// DMA that goes through a copy of the status pages while they are late.
class LateStatus final : public model::DmaBus {
 public:
  explicit LateStatus(model::DmaBus& memory) : memory_(memory) {}
  std::byte* page(hv::BusFrame frame) override;
  hv::Result<DmaPage> alloc() override { return memory_.alloc(); }
  void free(hv::BusFrame frame) override { memory_.free(frame); }

  /// These frames are late from now on; none to have them all in place again. False if they were
  /// already; otherwise pages that the GPU was given before hold no longer.
  bool set(std::vector<hv::BusFrame> frames);
  /// What the GPU wrote until now reaches memory, and no other byte.
  void flush();

 private:
  struct Copy {
    hv::BusFrame frame;
    std::vector<std::byte> bytes, before;  ///< as the GPU left it; as memory was
  };
  model::DmaBus& memory_;
  std::vector<Copy> copies_;
};

/// Register access with faults. The lock of the model is held for all calls.
class FaultyRegisters {
 public:
  FaultyRegisters(model::Model& gpu, LateStatus& status) : gpu_(gpu), status_(status) {}

  void set(uint32_t faults);
  [[nodiscard]] uint32_t faults() const { return faults_; }
  uint32_t read(uint32_t offset, uint64_t now_ns);
  void write(uint32_t offset, uint32_t value, uint64_t now_ns);
  /// Called every now and then: what is late arrives.
  void tick(uint64_t now_ns);
  /// The GPU must ask for every page anew: what stands behind its frames has changed.
  void drop_translations();

 private:
  struct Held {
    uint32_t value;
    uint64_t until_ns;  ///< UINT64_MAX: for ever
  };
  void hold(uint32_t offset, uint32_t value, uint64_t until_ns) {
    held_[offset] = {value, until_ns};
  }
  [[nodiscard]] std::vector<hv::BusFrame> status_frames();

  model::Model& gpu_;
  LateStatus& status_;
  uint32_t faults_ = 0;
  std::unordered_map<uint32_t, Held> held_;  ///< by register: what it shows until then
  uint64_t next_flush_ns_ = 0;
};

}  // namespace gpu::proxy

// SPDX-License-Identifier: MIT
// The submission side of an engine: the ELSP's two elements, the pending pair, and the context
// status buffer in registers and HWSP. SKL PRM vol 7 (Execlist submission), vol 2c (CSB).
#pragma once

#include <array>
#include <cstdint>

#include "dom0/gpu/model/mmu.h"
#include "dom0/gpu/model/registers.h"

namespace gpu::model {

/// A context descriptor as written to ELSP.
struct Element {
  uint64_t descriptor = 0;
  [[nodiscard]] bool valid() const { return (descriptor & gen9::descriptor::kValid) != 0; }
  [[nodiscard]] uint32_t lrca() const { return static_cast<uint32_t>(descriptor) & 0xfffff000; }
  [[nodiscard]] uint32_t context_id() const { return static_cast<uint32_t>(descriptor >> 32); }
  /// The same context, so that only its tail has to be sampled again.
  [[nodiscard]] bool continues(const Element& running) const {
    return valid() && running.valid() && lrca() == running.lrca() &&
           context_id() == running.context_id() && !(descriptor & gen9::descriptor::kForceRestore);
  }
};

class Execlist {
 public:
  Execlist(Registers& regs, Mmu& mmu, gen9::EngineId engine)
      : regs_(regs), mmu_(mmu), engine_(engine) {}

  /// One ELSP write: element 1 high, low, element 0 high, low. True when the fourth has made a new
  /// pending pair.
  bool write_elsp(uint32_t value);
  [[nodiscard]] bool pending() const { return pending_valid_; }
  [[nodiscard]] const Element& pending_head() const { return pending_[0]; }
  /// Makes the pending pair the current one; its first element is then running().
  void take_pending();
  /// Moves to the second element; false if there is none.
  bool next_element();
  [[nodiscard]] const Element& running() const { return current_[0]; }
  [[nodiscard]] bool has_second() const { return current_[1].valid(); }
  void clear_running() { current_ = {}; }

  /// Appends to the CSB: register, HWSP entry, then the write pointers.
  void event(uint32_t status, uint32_t context_id);
  [[nodiscard]] uint32_t status_lo(bool arbitration) const;
  [[nodiscard]] uint32_t status_hi() const { return running().context_id(); }
  void reset();

 private:
  Registers& regs_;
  Mmu& mmu_;
  gen9::EngineId engine_;
  std::array<uint32_t, 4> port_{};
  unsigned port_writes_ = 0;
  std::array<Element, 2> current_{}, pending_{};
  bool pending_valid_ = false;
  unsigned slot_ = 0;  ///< which of the two hardware slots is current
  uint32_t last_reason_ = 0;
};

}  // namespace gpu::model

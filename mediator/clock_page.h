// SPDX-License-Identifier: MIT
// The page of the render engine's registers, of one vGPU: a driver reads registers of it with every
// submission, which should be no exits, and the engine's clock stands in it, which should not stand
// still. So it is read without exits while its guest submits, its clock being refreshed, and traps
// as soon as the guest does not, or somebody reads the clock.
#pragma once

#include <cstdint>

#include "hv/domain.h"
#include "mediator/register_file.h"

namespace mediator {

class ClockPage {
 public:
  /// Without submissions for so long it traps.
  static constexpr uint64_t kIdleNs = 250'000'000;
  /// Who read the clock reads it again: so long it goes on trapping, whatever is submitted.
  static constexpr uint64_t kReaderNs = 1'000'000'000;

  /// Both outlive this. The page traps at first.
  ClockPage(hv::Domain& domain, RegisterFile& registers) : domain_(domain), regs_(registers) {}

  /// Read without exits, so that it wants refresh().
  [[nodiscard]] bool shown() const { return shown_; }
  /// The guest read the clock, which trapped.
  void clock_read(uint64_t now_ns) { trapped_until_ns_ = now_ns + kReaderNs; }
  /// The guest submits; `ticks` is what the clock says.
  void submitted(uint64_t now_ns, uint64_t ticks);
  void refresh(uint64_t ticks);
  /// When run_timer() is due next; UINT64_MAX if never.
  [[nodiscard]] uint64_t next_deadline_ns() const;
  void run_timer(uint64_t now_ns);

 private:
  hv::Domain& domain_;
  RegisterFile& regs_;
  bool shown_ = false;
  uint64_t used_ns_ = 0;           // when it last submitted
  uint64_t trapped_until_ns_ = 0;  // at least
};

}  // namespace mediator

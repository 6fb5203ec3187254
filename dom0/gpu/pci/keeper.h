// SPDX-License-Identifier: MIT
// The keeper: stops the GPU when the process that drives it ends without having done so.
//
// A process that is killed loses its pages at once, and Xen gives them to somebody else while the
// engines still write into them. So a second process shares the first one's memory (and nothing
// else of it): every mapping of a guest's frame, every page of dom0's own and the BARs stay as they
// are until both are gone. It does nothing but wait for the first one's end; then it stops the
// engines, takes bus mastering away, and only then ends itself. Guests that had part of BAR 2
// mapped have it still: what stood behind is taken out of the GGTT, and the BARs are switched off.
#pragma once

#include <sys/types.h>

#include <memory>
#include <span>

#include "dom0/daemon/fd.h"
#include "dom0/gpu/pci/problem.h"
#include "hv/result.h"

namespace gpu::pci {

class Keeper {
 public:
  /// What it stops, and by which descriptors; none of them may be closed before it is gone.
  struct Charge {
    std::span<std::byte> bar0;
    /// GGTT entries behind which guests see memory through BAR 2; they lead nowhere afterwards.
    std::span<std::byte> entries;
    int config = -1;  ///< the function's configuration space
    int reset = -1;   ///< where "1" resets the function; -1 if the kernel has no way to
    int lock = -1;    ///< held as long as the keeper lives
  };
  /// From a thread that lives as long as its process.
  static hv::Result<std::unique_ptr<Keeper>, Problem> start(const Charge& charge);
  /// The GPU was given back, and there is nothing left to stop.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Keeper() = default;
  struct Stack;
  std::unique_ptr<Stack> stack_;
  xengvtd::Fd alive_;  ///< its other end closes when this process ends
  pid_t pid_ = -1;
};

}  // namespace gpu::pci

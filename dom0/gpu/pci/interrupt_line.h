// SPDX-License-Identifier: MIT
// The GPU's interrupt in user space, where its owner bound the function to the kernel's
// uio_pci_generic: that switches the line off at each interrupt, until it is switched on again in
// configuration space. Not run on silicon, nor on an emulated machine, whose proxy device has no
// interrupts.
#pragma once

#include <memory>

#include "dom0/daemon/fd.h"
#include "dom0/gpu/pci/function.h"

namespace gpu::pci {

inline constexpr const char* kLineDriver = "uio_pci_generic";

class InterruptLine {
 public:
  /// The line of a function that was claimed; nullptr where it is not bound so, or its file cannot
  /// be read: then events are polled. It is off at first.
  static std::unique_ptr<InterruptLine> open(const Places& places, Function& function);

  /// Readable when there was an interrupt.
  [[nodiscard]] int fd() const { return file_.get(); }
  /// Whether there was one since this was asked last.
  [[nodiscard]] bool take();
  /// What asserted it is acknowledged: it may interrupt again, if it did.
  void switch_on();
  /// For good.
  void give_up();

 private:
  InterruptLine(Function& function, xengvtd::Fd file)
      : function_(function), file_(std::move(file)) {}

  Function& function_;
  xengvtd::Fd file_;
  enum class State { off, on, given_up } state_ = State::off;
};

}  // namespace gpu::pci

// SPDX-License-Identifier: MIT
// A place in front of QEMU's control socket: libxl saves and migrates a guest through it, which
// would lose the vGPU silently, so these commands are answered with an error and everything else
// passes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dom0/daemon/fd.h"

namespace xengvt_dm {

/// The answer to a command that must not reach QEMU; nothing for all others and what is no command.
std::optional<std::string> refuse_qmp(std::string_view line);

class QmpGate {
 public:
  /// Listens at `path` for what QEMU will answer at `behind`. nullptr with errno set on failure.
  static std::unique_ptr<QmpGate> listen(const std::string& path, const std::string& behind);

  /// Passes messages between both until process `qemu` ends.
  void serve(int qemu_pidfd);
  /// Runs serve() in a process of its own that is nobody's child and outlives this one. False if it
  /// cannot be made.
  bool serve_beside(int pid);

 private:
  QmpGate(xengvtd::Fd listener, std::string path, std::string behind)
      : listener_(std::move(listener)), path_(std::move(path)), behind_(std::move(behind)) {}
  struct Link;
  xengvtd::Fd listener_;
  std::string path_, behind_;
};

}  // namespace xengvt_dm

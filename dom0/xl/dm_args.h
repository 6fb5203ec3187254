// SPDX-License-Identifier: MIT
// The command line that libxl gives a device model, and what of it is for us.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "dom0/daemon/backend.h"

namespace xengvt_dm {

struct DmArgs {
  uint16_t domid = 0;
  std::string type;                            ///< of -xgpu type=...
  std::map<std::string, std::string> options;  ///< the others of -xgpu
  std::string qmp_path;           ///< libxl's control socket of QEMU; empty if there is none
  std::vector<std::string> qemu;  ///< QEMU's arguments, without its name
};

/// Takes -xgpu out and makes room for the vGPU at 00:02.0: a Xen platform device that QEMU would
/// put there moves to 00:03.0. Refuses what cannot work with a vGPU.
hv::Result<DmArgs, xengvtd::Problem> read_dm_args(std::span<const std::string> args);

/// Has QEMU listen at `path` instead of DmArgs::qmp_path.
void move_qmp(DmArgs& args, const std::string& path);

/// The wrapper: attaches, then becomes QEMU. Returns only on failure, with 1, and after --help.
int dm_main(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace xengvt_dm

// SPDX-License-Identifier: MIT
// What a sub-command that can be recorded is told: where to record, if at all.
#pragma once

#include <ostream>

#include "dom0/cli/command.h"
#include "hv/trace/writer.h"

namespace cli {

/// For mediator::trace::Session's constructor. The command calls Session::finish when its guests
/// are done and leaves its error to `record`, which names the file.
struct Recording {
  hv::trace::Writer* writer = nullptr;  ///< nullptr: no recording
  bool guest_memory = false;
};

/// demo_main and run_main are these with an empty Recording.
int demo_recorded(Args args, std::ostream& out, std::ostream& err, const Recording& recording);
int run_recorded(Args args, std::ostream& out, std::ostream& err, const Recording& recording);

}  // namespace cli

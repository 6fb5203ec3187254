// SPDX-License-Identifier: MIT
// The sub-commands of xengvt: one signature for all, so that tests call them like the shell does.
#pragma once

#include <ostream>
#include <span>
#include <string>

namespace cli {

/// Exit codes every sub-command keeps to.
inline constexpr int kOk = 0;        ///< did what was asked
inline constexpr int kFailed = 1;    ///< ran, and the check it makes failed
inline constexpr int kBadInput = 2;  ///< bad usage or bad input; one clear line on `err`

/// What follows the sub-command's name.
using Args = std::span<const std::string>;
using CommandMain = int (*)(Args args, std::ostream& out, std::ostream& err);

int demo_main(Args args, std::ostream& out, std::ostream& err);
int scan_main(Args args, std::ostream& out, std::ostream& err);
int run_main(Args args, std::ostream& out, std::ostream& err);
int record_main(Args args, std::ostream& out, std::ostream& err);
int replay_main(Args args, std::ostream& out, std::ostream& err);
int timeline_main(Args args, std::ostream& out, std::ostream& err);
int trace_main(Args args, std::ostream& out, std::ostream& err);
// Against xengvtd.
int list_main(Args args, std::ostream& out, std::ostream& err);
int info_main(Args args, std::ostream& out, std::ostream& err);
int attach_main(Args args, std::ostream& out, std::ostream& err);
int detach_main(Args args, std::ostream& out, std::ostream& err);
int set_main(Args args, std::ostream& out, std::ostream& err);
int top_main(Args args, std::ostream& out, std::ostream& err);
int screenshot_main(Args args, std::ostream& out, std::ostream& err);
int log_main(Args args, std::ostream& out, std::ostream& err);
int host_main(Args args, std::ostream& out, std::ostream& err);
int check_main(Args args, std::ostream& out, std::ostream& err);

/// The whole program: picks the sub-command. `args` excludes the program's name.
int xengvt_main(Args args, std::ostream& out, std::ostream& err);

}  // namespace cli

// SPDX-License-Identifier: MIT
// xengvtd from its command line to its end.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>

#include "dom0/daemon/backend.h"
#include "dom0/daemon/log.h"

namespace xengvtd {

/// Makes the back end called `name`; the error is one line with cause and cure.
using BackendMaker = std::function<hv::Result<std::unique_ptr<Backend>, std::string>(
    const std::string& name, const Config& config, hv::Clock& clock, Log& log)>;

/// Runs until SIGTERM or SIGINT, or SIGUSR1 (75: guests are left to the next). 0: ended as asked;
/// 1: could not start; 2: bad usage or config.
int daemon_main(std::span<const std::string> args, std::ostream& out, std::ostream& err,
                const BackendMaker& make);

}  // namespace xengvtd

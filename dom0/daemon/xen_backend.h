// SPDX-License-Identifier: MIT
// Guests of a stock Xen host.
#pragma once

#include <memory>

#include "dom0/daemon/backend.h"
#include "dom0/daemon/log.h"

namespace xengvtd {

/// `folder`: of what is written down of guests (KeepFolder). The error is one line with cause and
/// cure: no Xen here, no rights, no xenstore.
hv::Result<std::unique_ptr<Backend>, std::string> make_xen_backend(const std::string& folder,
                                                                   hv::Clock& clock, Log& log);

}  // namespace xengvtd

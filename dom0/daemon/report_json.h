// SPDX-License-Identifier: MIT
// Reports of the daemon as JSON. Keys are part of the interface: see xengvt-list(1).
#pragma once

#include <boost/json.hpp>

#include "dom0/daemon/log.h"
#include "dom0/daemon/service.h"

namespace xengvtd {

boost::json::object to_json(const VgpuType& type);
boost::json::object to_json(const GuestReport& guest);
boost::json::object to_json(const HostReport& host);
boost::json::object to_json(const LogLine& line);

}  // namespace xengvtd

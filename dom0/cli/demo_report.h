// SPDX-License-Identifier: MIT
// The demo's results as JSON and as a table.
#pragma once

#include <boost/json.hpp>
#include <ostream>

#include "dom0/embedded/demo.h"

namespace cli {

boost::json::object demo_json(const embedded::DemoResult& result);
void print_demo(const embedded::DemoResult& result, std::ostream& out);
/// What each guest was to get of the GPU, and got.
void print_schedule(const embedded::DemoResult& result, std::ostream& out);

}  // namespace cli

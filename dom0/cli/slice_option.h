// SPDX-License-Identifier: MIT
// The scheduler's slice, as `run` and `demo` take it.
#pragma once

#include "dom0/cli/options.h"

namespace cli {

/// --slice MS (and --slice-ms, the same).
void add_slice_option(boost::program_options::options_description& options);
/// Leaves `slice_ns` alone if neither was given; else 1 to 30 ms, or one line about why not.
std::string read_slice(const Parsed& parsed, uint64_t& slice_ns);

}  // namespace cli

// SPDX-License-Identifier: MIT
// Where the demo finds command streams when it is not told.
#pragma once

#include <string>
#include <vector>

namespace cli {

/// The AUB files of the first folder that has any: below the working directory, beside the program,
/// or installed with it. Sorted; empty if there are none.
std::vector<std::string> find_streams();
/// Recordings of real guests that come with the source, or are installed.
std::vector<std::string> find_recordings();

}  // namespace cli

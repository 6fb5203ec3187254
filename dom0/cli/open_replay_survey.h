// SPDX-License-Identifier: MIT
// What an open replay must know of a trace before it starts: which pages each guest has.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "hv/trace/record.h"
#include "hv/types.h"

namespace cli {

/// Guest frames above this are not replayed (8 GiB of guest memory).
inline constexpr uint64_t kMaxReplayGfn = uint64_t{1} << 21;

struct Survey {
  std::map<uint32_t, std::set<hv::Gfn>> pages;  ///< by vGPU of the trace
  uint64_t records = 0;
  std::string error;
};

/// Reads the whole trace. An error if it is bad or holds no guest pages.
Survey survey(const std::string& path);

}  // namespace cli

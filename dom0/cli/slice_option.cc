// SPDX-License-Identifier: MIT
// Reads the scheduler's slice.
#include "dom0/cli/slice_option.h"

namespace cli {
namespace po = boost::program_options;

void add_slice_option(po::options_description& options) {
  options.add_options()("slice", po::value<double>(), "GPU time slice of a vGPU, 1 to 30 ms")(
      "slice-ms", po::value<double>(), "the same");
}

std::string read_slice(const Parsed& parsed, uint64_t& slice_ns) {
  for (const char* name : {"slice", "slice-ms"}) {
    if (!parsed.has(name)) continue;
    const double ms = parsed.get<double>(name);
    if (!(ms >= 1 && ms <= 30)) return "the slice is 1 to 30 ms";
    slice_ns = static_cast<uint64_t>(ms * 1e6);
  }
  return {};
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// What XenGVT needs of a host, checked through files and what `xl info` prints: no hypercalls, so
// that it also says something useful where Xen is not running.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace xengvtd {

enum class Verdict : uint8_t { good, unknown, bad };
const char* verdict_name(Verdict v);

struct Check {
  std::string name;
  Verdict verdict{};
  std::string found;
  std::string cure;  ///< empty unless bad or unknown
};

/// `root`: the folder that stands for /. `xl_info`: what `xl info` printed; empty if it does not
/// work.
std::vector<Check> check_host(const std::string& root, const std::string& xl_info);

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// What XenGVT needs of a host, checked through files only: no hypercalls, so that it also says
// something useful where Xen is not running.
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

/// `root`: the folder that stands for /.
std::vector<Check> check_host(const std::string& root);

}  // namespace xengvtd

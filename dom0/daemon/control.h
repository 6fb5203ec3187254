// SPDX-License-Identifier: MIT
// The control protocol: one JSON object per line each way. A reply is {"ok":true,"result":...} or
// {"ok":false,"error":CAUSE,"cure":CURE}; with "bytes":N, N raw bytes follow its line.
//
// The socket belongs to the owner of the host, but nothing that arrives on it may do harm by its
// form: lines, nesting, strings and numbers are bounded and every value is checked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dom0/daemon/service.h"

namespace xengvtd {

inline constexpr size_t kMaxRequest = 16 * 1024;  ///< bytes of one line

struct Reply {
  std::string line;  ///< with its newline
  std::vector<std::byte> bytes;
};

Reply answer(Service& service, std::string_view request);
/// The reply to a line that is longer than kMaxRequest.
Reply answer_too_long();

}  // namespace xengvtd

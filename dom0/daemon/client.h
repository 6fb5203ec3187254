// SPDX-License-Identifier: MIT
// The other end of the control socket: blocking, for the command line and the xl wrapper.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "dom0/daemon/backend.h"
#include "dom0/daemon/fd.h"

namespace xengvtd {

inline constexpr const char* kDefaultSocket = "/run/xengvt/control.sock";

struct Answer {
  boost::json::value result;
  std::vector<std::byte> bytes;
};

class Client {
 public:
  /// The problem says whether no daemon runs or this user may not speak with it. A reply that takes
  /// longer than `timeout_s` is a problem too.
  static hv::Result<Client, Problem> connect(const std::string& socket, unsigned timeout_s = 30);

  hv::Result<Answer, Problem> ask(const boost::json::object& request);

 private:
  explicit Client(Fd fd) : fd_(std::move(fd)) {}
  bool send(const std::string& line);
  bool receive(size_t at_most);

  Fd fd_;
  std::vector<char> input_;
};

}  // namespace xengvtd

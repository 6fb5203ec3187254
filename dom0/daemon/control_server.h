// SPDX-License-Identifier: MIT
// The control socket: accepts, reads lines, answers. Runs in the service's event loop, so a request
// is never beside a trap.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "dom0/daemon/asio.h"
#include "dom0/daemon/control.h"

namespace xengvtd {

inline constexpr unsigned kMaxClients = 64;
/// A connection on which nothing moves for so long is closed: it would keep others out.
inline constexpr std::chrono::seconds kIdleClient{60};

class ControlServer {
 public:
  /// `answered` runs after every reply (the request may have changed what to wait for).
  ControlServer(boost::asio::io_context& io, Service& service, std::function<void()> answered,
                std::chrono::milliseconds idle = kIdleClient);
  /// Removes the socket.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Makes the socket and its folder. Empty, or one line: cause, cure.
  std::string listen(const Config& config);

 private:
  class Client;
  void accept();
  void accept_later();

  boost::asio::io_context& io_;
  Service& service_;
  std::function<void()> answered_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  const std::chrono::milliseconds idle_;
  std::string path_;  ///< once it is ours
  unsigned clients_ = 0;
};

}  // namespace xengvtd

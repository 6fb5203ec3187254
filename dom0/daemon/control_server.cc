// SPDX-License-Identifier: MIT
#include "dom0/daemon/control_server.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace xengvtd {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using Error = boost::system::error_code;

/// One connection: a request at a time, in order.
class ControlServer::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(ControlServer& server, stream_protocol::socket socket)
      : server_(server), socket_(std::move(socket)), idle_(server.io_) {
    ++server_.clients_;
  }
  ~Client() { --server_.clients_; }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void read() {
    watch();
    asio::async_read_until(socket_, asio::dynamic_buffer(input_, kMaxRequest), '\n',
                           [self = shared_from_this()](const Error& e, size_t n) {
                             if (e == asio::error::not_found) self->write(answer_too_long(), true);
                             if (!e) self->take(n);
                           });
  }

 private:
  /// Ends the connection unless something moves before long.
  void watch() {
    idle_.expires_after(server_.idle_);
    idle_.async_wait([weak = weak_from_this()](const Error& e) {
      const auto self = weak.lock();
      Error ignored;
      if (!e && self) self->socket_.close(ignored);
    });
  }
  void take(size_t n) {
    const std::string line = input_.substr(0, n - 1);
    input_.erase(0, n);
    write(answer(server_.service_, line), false);
    server_.answered_();
  }
  void write(Reply reply, bool last) {
    watch();
    reply_ = std::move(reply);
    const std::array<asio::const_buffer, 2> buffers{asio::buffer(reply_.line),
                                                    asio::buffer(reply_.bytes)};
    asio::async_write(socket_, buffers, [self = shared_from_this(), last](const Error& e, size_t) {
      if (!e && !last) self->read();
    });
  }

  ControlServer& server_;
  stream_protocol::socket socket_;
  asio::steady_timer idle_;
  std::string input_;
  Reply reply_;
};

namespace {

constexpr std::chrono::milliseconds kRetry{100};

/// True if somebody answers there: another daemon.
bool in_use(asio::io_context& io, const std::string& path) {
  stream_protocol::socket probe(io);
  Error e;
  probe.connect(stream_protocol::endpoint(path), e);
  return !e;
}

std::string set_owner(const Config& c) {
  if (!c.socket_group.empty()) {
    const group* g = getgrnam(c.socket_group.c_str());
    if (!g) return "there is no group " + c.socket_group + "; correct socket-group";
    if (chown(c.socket.c_str(), static_cast<uid_t>(-1), g->gr_gid) != 0)
      return c.socket + ": " + std::strerror(errno);
  }
  if (chmod(c.socket.c_str(), c.socket_mode) != 0) return c.socket + ": " + std::strerror(errno);
  return {};
}

}  // namespace

ControlServer::ControlServer(asio::io_context& io, Service& service, std::function<void()> answered,
                             std::chrono::milliseconds idle)
    : io_(io),
      service_(service),
      answered_(std::move(answered)),
      acceptor_(io),
      retry_(io),
      idle_(idle) {}

ControlServer::~ControlServer() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::string ControlServer::listen(const Config& c) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(c.socket).parent_path(), ignored);
  if (in_use(io_, c.socket)) return c.socket + ": another xengvtd is running; stop it first";
  ::unlink(c.socket.c_str());
  // Nobody gets in between bind and chmod.
  const mode_t before = umask(0177);
  Error e;
  acceptor_.open(stream_protocol(), e);
  if (!e) acceptor_.bind(stream_protocol::endpoint(c.socket), e);
  umask(before);
  if (e) return c.socket + ": " + e.message();
  path_ = c.socket;
  if (std::string why = set_owner(c); !why.empty()) return why;
  acceptor_.listen(asio::socket_base::max_listen_connections, e);
  if (e) return c.socket + ": " + e.message();
  accept();
  return {};
}

void ControlServer::accept() {
  acceptor_.async_accept([this](const Error& e, stream_protocol::socket socket) {
    if (e == asio::error::operation_aborted) return;
    // Beyond the bound the connection is closed at once.
    if (!e && clients_ < kMaxClients) std::make_shared<Client>(*this, std::move(socket))->read();
    e ? accept_later() : accept();
  });
}

/// Out of descriptors, say: the same error would come back at once, and again.
void ControlServer::accept_later() {
  retry_.expires_after(kRetry);
  retry_.async_wait([this](const Error& e) {
    if (!e) accept();
  });
}

}  // namespace xengvtd

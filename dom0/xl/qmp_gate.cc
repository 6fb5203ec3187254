// SPDX-License-Identifier: MIT
#include "dom0/xl/qmp_gate.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <list>
#include <vector>

namespace xengvt_dm {
namespace {

using xengvtd::Fd;
namespace json = boost::json;

constexpr size_t kMaxLinks = 16;
constexpr size_t kMaxLine = size_t{1} << 20;
constexpr size_t kChunk = 16 * 1024;
constexpr size_t kMaxFds = 8;

bool to_address(const std::string& path, sockaddr_un& to) {
  to = {};
  to.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof to.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  std::memcpy(to.sun_path, path.c_str(), path.size() + 1);
  return true;
}

Fd make_socket() { return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

/// What arrived at once: bytes, and the descriptors that came with them (libxl's add-fd).
struct Message {
  std::string bytes;
  std::vector<Fd> fds;
};

/// False at the end of the stream.
bool receive(int from, Message& m) {
  std::array<char, kChunk> bytes;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> control;
  iovec part{bytes.data(), bytes.size()};
  msghdr h{};
  h.msg_iov = &part;
  h.msg_iovlen = 1;
  h.msg_control = control.data();
  h.msg_controllen = control.size();
  const ssize_t n = ::recvmsg(from, &h, MSG_CMSG_CLOEXEC);
  if (n <= 0) return n < 0 && errno == EINTR;
  for (cmsghdr* c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      m.fds.emplace_back(fd);
    }
  }
  m.bytes.append(bytes.data(), static_cast<size_t>(n));
  return true;
}

/// Sends everything, the descriptors with the first byte.
bool send_all(int to, std::string_view bytes, std::vector<Fd>& fds) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> control{};
  while (!bytes.empty()) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr h{};
    h.msg_iov = &part;
    h.msg_iovlen = 1;
    if (const size_t count = std::min(fds.size(), kMaxFds); count) {
      h.msg_control = control.data();
      h.msg_controllen = CMSG_SPACE(count * sizeof(int));
      cmsghdr* c = CMSG_FIRSTHDR(&h);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(count * sizeof(int));
      for (size_t i = 0; i < count; ++i) {
        const int fd = fds[i].get();
        std::memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof fd);
      }
    }
    const ssize_t n = ::sendmsg(to, &h, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    fds.clear();
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool send_all(int to, std::string_view bytes) {
  std::vector<Fd> none;
  return send_all(to, bytes, none);
}

}  // namespace

std::optional<std::string> refuse_qmp(std::string_view line) {
  // Most lines name neither, and only QEMU should judge what is no command.
  if (line.find("xen-s") == std::string_view::npos) return {};
  json::error_code error;
  const json::value v = json::parse(line, error);
  const json::object* o = error ? nullptr : v.if_object();
  const json::value* name = o ? o->if_contains("execute") : nullptr;
  if (!name || !name->is_string()) return {};
  const bool save = name->get_string() == "xen-save-devices-state";
  bool migrate = name->get_string() == "xen-set-global-dirty-log";
  if (migrate) {
    const json::value* arguments = o->if_contains("arguments");
    const json::value* on = arguments && arguments->is_object()
                                ? arguments->get_object().if_contains("enable")
                                : nullptr;
    migrate = on && on->is_bool() && on->get_bool();
  }
  if (!save && !migrate) return {};
  json::object reply{{"error",
                      {{"class", "GenericError"},
                       {"desc", "this guest has a vGPU, which cannot be saved or migrated yet"}}}};
  if (const json::value* id = o->if_contains("id")) reply["id"] = *id;
  return json::serialize(reply) + "\r\n";
}

/// One connection of libxl and its own connection to QEMU.
struct QmpGate::Link {
  Fd client, qemu;
  Message pending;  ///< of the client, up to an incomplete line

  bool from_qemu() {
    Message m;
    return receive(qemu.get(), m) && send_all(client.get(), m.bytes, m.fds);
  }
  bool from_client() {
    if (!receive(client.get(), pending) || pending.bytes.size() > kMaxLine) return false;
    for (size_t end; (end = pending.bytes.find('\n')) != std::string::npos;) {
      const std::string line = pending.bytes.substr(0, end + 1);
      pending.bytes.erase(0, end + 1);
      const auto refusal = refuse_qmp(line);
      if (refusal ? !send_all(client.get(), *refusal) : !send_all(qemu.get(), line, pending.fds))
        return false;
    }
    return true;
  }
};

std::unique_ptr<QmpGate> QmpGate::listen(const std::string& path, const std::string& behind) {
  sockaddr_un at;
  Fd s = make_socket();
  if (!s || !to_address(path, at)) return nullptr;
  ::unlink(path.c_str());
  ::unlink(behind.c_str());
  const mode_t before = ::umask(0177);
  const bool bound = ::bind(s.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  ::umask(before);
  if (!bound || ::listen(s.get(), kMaxLinks) != 0) return nullptr;
  return std::unique_ptr<QmpGate>(new QmpGate(std::move(s), path, behind));
}

void QmpGate::serve(int qemu_pidfd) {
  std::list<Link> links;
  for (;;) {
    std::vector<pollfd> wait{{qemu_pidfd, POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const Link& l : links) {
      wait.push_back({l.client.get(), POLLIN, 0});
      wait.push_back({l.qemu.get(), POLLIN, 0});
    }
    if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) break;
    if (wait[0].revents) break;
    size_t i = 2;
    for (auto l = links.begin(); l != links.end(); i += 2) {
      const bool good =
          (!wait[i].revents || l->from_client()) && (!wait[i + 1].revents || l->from_qemu());
      l = good ? std::next(l) : links.erase(l);
    }
    if (!wait[1].revents) continue;
    Link link{Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)), make_socket(), {}};
    sockaddr_un to;
    if (link.client && links.size() < kMaxLinks && to_address(behind_, to) &&
        ::connect(link.qemu.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0)
      links.push_back(std::move(link));
  }
  ::unlink(path_.c_str());
  ::unlink(behind_.c_str());
}

bool QmpGate::serve_beside(int pid) {
  const Fd qemu(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!qemu) return false;
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    if (::fork() != 0) ::_exit(0);
    ::setsid();
    serve(qemu.get());
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace xengvt_dm

// SPDX-License-Identifier: MIT
#include "dom0/gpu/proxy/message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace gpu::proxy {
namespace {

struct Header {
  int32_t command, pad;
  uint64_t bytes;
};
static_assert(sizeof(Header) == 16);

/// Reads exactly `bytes`. 0 if the other side closed before the first of them, -1 on any error.
ssize_t read_all(int socket, void* to, size_t bytes) {
  for (;;) {
    const ssize_t n = ::recv(socket, to, bytes, MSG_WAITALL);
    if (n < 0 && errno == EINTR) continue;
    return n <= 0 || static_cast<size_t>(n) == bytes ? n : -1;
  }
}

void take_fds(msghdr& m, std::vector<xengvtd::Fd>& to) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      to.emplace_back(fd);
    }
  }
}

/// Descriptors come with the first byte of the header, the rest of it may come later.
hv::Status read_header(int socket, Header& header, std::vector<xengvtd::Fd>& fds) {
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxRegions * sizeof(int))];
  iovec part{&header, sizeof header};
  msghdr m{};
  m.msg_iov = &part;
  m.msg_iovlen = 1;
  m.msg_control = control;
  m.msg_controllen = sizeof control;
  ssize_t n;
  do n = ::recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) return errno == ECONNRESET ? hv::Error::gone : hv::Error::io;
  if (n == 0) return hv::Error::gone;
  take_fds(m, fds);
  const auto got = static_cast<size_t>(n);
  if (got < sizeof header &&
      read_all(socket, reinterpret_cast<char*>(&header) + got, sizeof header - got) <= 0)
    return hv::Error::gone;
  return {};
}

}  // namespace

hv::Result<Message> receive(int socket) {
  Message m;
  Header header{};
  if (const auto s = read_header(socket, header, m.fds); !s.ok()) return s.error();
  if (header.bytes > m.payload.size() || header.command < 0 ||
      header.command > static_cast<int32_t>(Command::reset))
    return hv::Error::bad_argument;
  m.command = static_cast<Command>(header.command);
  m.bytes = header.bytes;
  if (m.bytes && read_all(socket, m.payload.data(), m.bytes) <= 0) return hv::Error::gone;
  return m;
}

bool reply(int socket, uint64_t value) {
  struct {
    Header header{static_cast<int32_t>(Command::reply), 0, sizeof(uint64_t)};
    uint64_t value = 0;
  } out;
  out.value = value;
  const auto* from = reinterpret_cast<const char*>(&out);
  for (size_t done = 0; done < sizeof out;) {
    const ssize_t n = ::send(socket, from + done, sizeof out - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace gpu::proxy

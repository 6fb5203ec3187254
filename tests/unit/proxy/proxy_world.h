// SPDX-License-Identifier: MIT
// The other end of the proxy protocol: a machine with some RAM, as QEMU would be.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <sstream>

#include "dom0/gpu/proxy/server.h"

namespace proxy_test {

using namespace gpu::proxy;

class NoOwners final : public Owners {
 public:
  Owner owner_of(hv::BusFrame) override { return {}; }
};

/// A machine: RAM of `kPages` pages at address 0, and the device behind a socket.
class Machine {
 public:
  static constexpr uint64_t kPages = 256;
  explicit Machine(Owners& owners, ServerConfig config = {}) {
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    file = ::memfd_create("ram", MFD_CLOEXEC);
    EXPECT_EQ(::ftruncate(file, kPages << 12), 0);
    ram = static_cast<std::byte*>(
        ::mmap(nullptr, kPages << 12, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    server = std::make_unique<Server>(ends[1], config, memory, owners, log);
  }
  ~Machine() {
    server.reset();
    ::munmap(ram, kPages << 12);
    ::close(file);
    ::close(ends[0]);
    ::close(ends[1]);
  }

  void send(Command c, const void* payload, size_t bytes, std::vector<int> fds = {}) const {
    struct {
      int32_t command, pad;
      uint64_t bytes;
    } header{static_cast<int32_t>(c), 0, bytes};
    iovec parts[] = {{&header, sizeof header}, {const_cast<void*>(payload), bytes}};
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {};
    msghdr m{};
    m.msg_iov = parts;
    m.msg_iovlen = 2;
    if (!fds.empty()) {
      m.msg_control = control;
      m.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
      cmsghdr* h = CMSG_FIRSTHDR(&m);
      h->cmsg_level = SOL_SOCKET;
      h->cmsg_type = SCM_RIGHTS;
      h->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
      std::memcpy(CMSG_DATA(h), fds.data(), fds.size() * sizeof(int));
    }
    ASSERT_GT(::sendmsg(ends[0], &m, 0), 0);
  }
  uint64_t take_reply() const {
    struct {
      int32_t command, pad;
      uint64_t bytes, value;
    } r{};
    EXPECT_EQ(::recv(ends[0], &r, sizeof r, MSG_DONTWAIT), static_cast<ssize_t>(sizeof r));
    EXPECT_EQ(r.command, 1);
    EXPECT_EQ(r.bytes, 8u);
    return r.value;
  }
  [[nodiscard]] bool silent() const {
    char c;
    return ::recv(ends[0], &c, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
  }

  void share_ram(uint64_t at = 0) {
    SyncMemory map{};
    map.address[0] = at;
    map.bytes[0] = kPages << 12;
    send(Command::sync_memory, &map, sizeof map, {file});
    ASSERT_TRUE(server->step().ok());
  }
  uint32_t config_read(uint32_t at, int bytes = 4) {
    const ConfigAccess a{at, 0, bytes};
    send(Command::config_read, &a, sizeof a);
    EXPECT_TRUE(server->step().ok());
    return static_cast<uint32_t>(take_reply());
  }
  void config_write(uint32_t at, uint32_t value, int bytes = 4) {
    const ConfigAccess a{at, value, bytes};
    send(Command::config_write, &a, sizeof a);
    EXPECT_TRUE(server->step().ok());
    take_reply();
  }
  uint64_t bar_read(uint64_t at, uint32_t bytes = 4) {
    const BarAccess a{at, 0, bytes, 1};
    send(Command::bar_read, &a, sizeof a);
    EXPECT_TRUE(server->step().ok());
    return take_reply();
  }
  void bar_write(uint64_t at, uint64_t value, uint32_t bytes = 4) {
    const BarAccess a{at, value, bytes, 1};
    send(Command::bar_write, &a, sizeof a);
    EXPECT_TRUE(server->step().ok());
    take_reply();
  }
  /// Places the BARs and switches decoding on, as firmware and driver do.
  void place() {
    config_write(config::kBar0, kBar0);
    config_write(config::kBar2, kBar2);
    config_write(config::kCommand, config::kMemoryEnable | config::kBusMaster, 2);
  }
  static constexpr uint64_t kBar0 = 0xf0000000, kBar2 = 0xe0000000;

  int ends[2] = {-1, -1}, file = -1;
  std::byte* ram = nullptr;
  std::ostringstream log;
  MachineRam memory;
  std::unique_ptr<Server> server;
};

}  // namespace proxy_test

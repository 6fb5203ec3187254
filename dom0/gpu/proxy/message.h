// SPDX-License-Identifier: MIT
// The words of QEMU's multi-process protocol (x-pci-proxy-dev), as a device's side hears them: a
// 16-byte header, a payload of that size, file descriptors beside the header.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dom0/daemon/fd.h"
#include "hv/result.h"

namespace gpu::proxy {

enum class Command : int32_t {
  sync_memory = 0,  ///< the machine's RAM and its descriptors; not answered
  reply = 1,
  config_write = 2,
  config_read = 3,
  bar_write = 4,
  bar_read = 5,
  set_irqfd = 6,  ///< not answered
  reset = 7,
};

/// A configuration access; `bytes` is 1, 2 or 4.
struct ConfigAccess {
  uint32_t address, value;
  int32_t bytes;
};
/// An access to a BAR, by the machine's own address.
struct BarAccess {
  uint64_t address, value;
  uint32_t bytes;
  uint8_t memory;
};
inline constexpr unsigned kMaxRegions = 8;
struct SyncMemory {
  uint64_t address[kMaxRegions], bytes[kMaxRegions], offset[kMaxRegions];
};
inline constexpr size_t kMaxPayload = 256;
static_assert(sizeof(SyncMemory) <= kMaxPayload);
static_assert(sizeof(ConfigAccess) == 12 && sizeof(BarAccess) == 24);

struct Message {
  Command command{};
  std::array<std::byte, kMaxPayload> payload{};
  size_t bytes = 0;
  std::vector<xengvtd::Fd> fds;

  /// The payload as one of the structures above; zeroes where it is short.
  template <class T>
  [[nodiscard]] T as() const {
    T value{};
    __builtin_memcpy(&value, payload.data(), bytes < sizeof value ? bytes : sizeof value);
    return value;
  }
};

/// Waits for one message. gone when the other side closed, bad_argument for one that is no message
/// of this protocol (the stream cannot be followed after that), io otherwise.
hv::Result<Message> receive(int socket);
/// Answers with a value. False if the other side is gone.
bool reply(int socket, uint64_t value);

}  // namespace gpu::proxy

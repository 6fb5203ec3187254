// SPDX-License-Identifier: MIT
// One request of a vCPU, as Xen leaves it in the page it shares with us (public/hvm/ioreq.h), and
// its breaking up into single accesses.
#pragma once

#include <cstdint>

#include "hv/bits.h"

namespace hv::xen {

enum class IoType : uint8_t { port = 0, memory = 1, config = 2, invalidate = 8 };
enum class IoState : uint8_t { none = 0, ready = 1, in_process = 2, answered = 3 };

struct Ioreq {
  uint64_t address;  ///< guest-physical; for config: segment, bus, device, function << 32 | offset
  uint64_t data;     ///< the value, or the guest-physical address of the values
  uint32_t count;    ///< of a rep prefix; 1 without one
  uint32_t size;     ///< of each access, in bytes
  uint32_t port;     ///< Xen's
  uint16_t pad;
  uint8_t flags;
  IoType type;

  [[nodiscard]] bool data_is_pointer() const { return flags & bit(4); }
  [[nodiscard]] bool is_read() const { return flags & bit(5); }
  [[nodiscard]] bool descending() const { return flags & bit(6); }
  [[nodiscard]] IoState state() const { return IoState(flags & 0xf); }
  static constexpr uint8_t kPointer = 1 << 4, kRead = 1 << 5, kDescending = 1 << 6;
};
static_assert(sizeof(Ioreq) == 32);

/// What single accesses reach. `size` is 1, 2, 4 or 8.
class Accesses {
 public:
  virtual ~Accesses() = default;
  virtual uint64_t read_at(IoType type, uint64_t address, unsigned size) = 0;
  virtual void write_at(IoType type, uint64_t address, unsigned size, uint64_t value) = 0;
};

/// Performs a request on a copy of it; the value to answer with (`data` itself if there is none).
/// A size or count that Xen never sends reads as all ones and writes nothing.
uint64_t perform(const Ioreq& request, Accesses& accesses);

constexpr bool legal_size(uint64_t size) {
  return size == 1 || size == 2 || size == 4 || size == 8;
}
constexpr uint64_t all_ones(unsigned size) { return ~uint64_t{0} >> (64 - 8 * size); }

}  // namespace hv::xen

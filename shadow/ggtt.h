// SPDX-License-Identifier: MIT
// One vGPU's GGTT: the guest's entries as it wrote them, and slots of host GGTT that stand for the
// guest pages its privileged commands name.
//
// The guest's windows are not a partition of the host's GGTT: a guest page gets a host slot only
// when an audited command needs it, so neither window size nor number of guests is bounded by the
// GPU's 4 GiB. Commands are relocated by host_address().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "hv/domain.h"
#include "shadow/gpu_memory.h"
#include "shadow/retire.h"

namespace shadow {

/// The two address windows PVINFO gives a guest, in bytes.
struct GgttWindows {
  uint64_t low_base = 0, low_bytes = 0;    ///< inside the aperture
  uint64_t high_base = 0, high_bytes = 0;  ///< above it
  [[nodiscard]] bool contains(uint64_t address, uint64_t bytes) const {
    return in(address, bytes, low_base, low_bytes) || in(address, bytes, high_base, high_bytes);
  }

 private:
  static bool in(uint64_t a, uint64_t n, uint64_t base, uint64_t size) {
    return a >= base && a - base < size && n <= size - (a - base);
  }
};

struct GgttCounts {
  uint64_t writes = 0;   ///< entry writes that changed something
  uint64_t refused = 0;  ///< outside the windows, odd size, or no such guest frame
  uint64_t slots = 0;    ///< host slots now mapped
  uint64_t slot_evictions = 0;
};

class Ggtt {
 public:
  /// `entries`: the 8 MiB block of register pages at BAR0 + 8 MiB, which the guest reads directly.
  Ggtt(hv::Domain& domain, GpuMemory& gpu, GgttSpace& space, Retired& retired, hv::VgpuId owner,
       std::span<std::byte> entries, GgttWindows windows);
  ~Ggtt();

  /// Called whenever another guest frame, or none, stands at a page of the guest's GGTT, and with
  /// kAllPages when they all are gone. From within the write.
  using Changed = std::function<void(uint64_t page)>;
  static constexpr uint64_t kAllPages = ~uint64_t{0};
  void on_change(Changed changed);

  /// `offset` is relative to BAR0 + 8 MiB; 4- or 8-byte aligned accesses, others are refused. Two
  /// 4-byte halves: nothing takes effect before both halves of a present entry are there.
  void write_entry(uint64_t offset, unsigned size, uint64_t value);
  [[nodiscard]] uint64_t read_entry(uint64_t offset, unsigned size) const;

  /// The guest frame behind a guest graphics address; bad_address if not present or outside.
  [[nodiscard]] hv::Result<hv::Gfn> translate(hv::GmAddr address) const;
  /// Guest memory through the guest's GGTT, by the CPU. All or nothing.
  hv::Status read(hv::GmAddr from, std::span<std::byte> to) const;
  hv::Status write(hv::GmAddr to, std::span<const std::byte> from);

  /// A host GGTT address for [address, address + bytes) of the guest's GGTT, for one GPU operand.
  /// Maps slots as needed (the guest frames stay pinned while mapped). Slots used since the last
  /// release_operands() are not evicted.
  hv::Result<hv::GmAddr> host_address(hv::GmAddr address, unsigned bytes);
  /// The guest address a host slot stands for, or nothing.
  [[nodiscard]] std::optional<hv::GmAddr> guest_address(hv::GmAddr host) const;
  /// Marks all slots evictable: no submission using them is on the GPU.
  void release_operands();

  /// Entries that were there before this object are the guest's own.
  void resume();
  /// All entries to zero, all slots retired (vGPU reset).
  void reset();
  [[nodiscard]] const GgttWindows& windows() const;
  [[nodiscard]] const GgttCounts& counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace shadow

// SPDX-License-Identifier: MIT
// Machine frames behind this process's pages, for a GPU that is silicon: what a device is told here
// it reads and writes with nobody in between, so this is the only wall between guests' graphics
// addresses and all of the host's memory.
//
// Xen has no call that tells them. A PV dom0 sees its own page tables, though, and the entry of a
// page that was mapped with Xen's permission holds the frame itself. Nothing is believed twice
// removed: the top-level table is proven to be ours before it is used, and a foreign frame is only
// given out when the machine-to-physical table, which Xen alone writes, agrees with what was
// mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "hv/result.h"
#include "hv/types.h"

namespace hv::xen {

inline constexpr unsigned kTableEntries = 512;
/// What no domain calls a frame.
inline constexpr uint64_t kNoGuestFrame = ~uint64_t{0};
/// Gen9's bus addresses have 39 bits.
inline constexpr uint64_t kMachineFrameLimit = uint64_t{1} << 27;

/// What the walk asks of Xen, so that tests can stand in for it. Functions give 0 or an errno
/// value.
class MachineTables {
 public:
  virtual ~MachineTables() = default;
  /// A frame that may hold the top-level table of this process; another one each time.
  virtual int guess_root(uint64_t& frame) = 0;
  /// Copies a page of dom0's own memory, by machine frame.
  virtual int read(uint64_t frame, std::span<uint64_t, kTableEntries> to) = 0;
  /// What the owner of a machine frame calls it (M2P), or kNoGuestFrame.
  virtual uint64_t guest_frame(uint64_t frame) = 0;
};

/// Why the addresses found here would not be those that a device on this host needs; empty if they
/// are. `kind` is /sys/hypervisor/guest_type, `command_line` Xen's.
std::string unsuitable_host(const std::string& kind, const std::string& command_line);

class MachineFrames {
 public:
  using Opened = Result<std::unique_ptr<MachineFrames>, std::string>;
  /// The error is one line: cause, cure.
  static Opened open(std::unique_ptr<MachineTables> tables);
  /// The same with Xen's tables; refuses hosts where an address found here is not what a device
  /// needs.
  static Opened open();

  /// The machine frames of pages mapped from a guest at `at`, where gfns[i] is what the guest calls
  /// the i-th; kNoFrame for each page that any check refuses. They hold while the pages stay
  /// mapped.
  void foreign(const std::byte* at, std::span<const uint64_t> gfns, std::span<BusFrame> frames);
  /// The same for pages mapped here and there.
  void foreign(std::span<const std::byte* const> pages, std::span<const uint64_t> gfns,
               std::span<BusFrame> frames);
  BusFrame foreign(const std::byte* page, uint64_t gfn);
  /// Whether the owner of a frame still calls it that: not once the page was given back or moved.
  [[nodiscard]] bool is_guest_frame(BusFrame frame, uint64_t gfn) const {
    return gfn != kNoGuestFrame && tables_->guest_frame(frame.v) == gfn;
  }
  /// The machine frames of pages of dom0's own at `at`, which the kernel never moves. All or
  /// nothing; the pages are zeroes afterwards.
  Status own(std::byte* at, std::span<BusFrame> frames);

  [[nodiscard]] uint64_t refusals() const { return refusals_; }

 private:
  explicit MachineFrames(std::unique_ptr<MachineTables> tables) : tables_(std::move(tables)) {}
  struct Walk;
  BusFrame foreign(Walk& walk, const std::byte* page, uint64_t gfn);
  bool proves(uint64_t root);

  std::unique_ptr<MachineTables> tables_;
  uint64_t root_ = 0, refusals_ = 0;
};

}  // namespace hv::xen

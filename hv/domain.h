// SPDX-License-Identifier: MIT
// The hypervisor port: one guest domain as the mediator may touch it, and the traps that come back.
//
// Implementations: hv/xen (stock Xen libraries), hv/local (in this process), hv/trace (record and
// replay) and the fakes of the tests. Every call can fail. The core never keeps a pointer into
// guest memory: it copies, audits the copy and uses the copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hv/result.h"
#include "hv/types.h"

namespace hv {

/// A piece of the guest's physical address space whose accesses trap.
enum class Range : uint8_t {
  config,  ///< PCI configuration space of our function (offsets 0..255)
  bar0,    ///< memory BAR 0
  bar2,    ///< memory BAR 2
};
inline constexpr unsigned kRanges = 3;

/// Receives what a guest does. Called by the back end, never re-entered for the same domain.
class TrapHandler {
 public:
  virtual ~TrapHandler() = default;
  /// `size` is 1, 2, 4 or 8; `offset` is relative to the range and offset + size lies inside it.
  virtual uint64_t on_read(Range range, uint64_t offset, unsigned size) = 0;
  virtual void on_write(Range range, uint64_t offset, unsigned size, uint64_t value) = 0;
  /// A write into a protected page. The back end has already stored it in guest memory.
  /// Unaligned addresses are possible; the access never crosses the page.
  virtual void on_page_write(Gpa address, unsigned size) = 0;
};

/// One guest domain.
class Domain {
 public:
  virtual ~Domain() = default;
  [[nodiscard]] virtual DomId id() const = 0;

  /// Copies guest memory; may cross pages. All or nothing: on error nothing was written.
  virtual Status read(Gpa from, std::span<std::byte> to) = 0;
  virtual Status write(Gpa to, std::span<const std::byte> from) = 0;

  /// Takes one reference on each guest frame and gives the frame number the GPU reaches it by, or
  /// kNoFrame where the guest has no RAM. `frames.size() == gfns.size()`. References count.
  virtual void pin(std::span<const Gfn> gfns, std::span<BusFrame> frames) = 0;
  /// Drops one reference on each. Only for frames whose pin succeeded, and only after no GPU
  /// page table and no TLB can still hold them.
  virtual void unpin(std::span<const Gfn> gfns) = 0;

  /// From now on writes to this RAM page arrive as on_page_write. Reads stay free of exits.
  virtual Status protect(Gfn gfn) = 0;
  virtual Status unprotect(Gfn gfn) = 0;

  /// Puts a trapped memory range at a guest-physical address (moving it if it was elsewhere).
  virtual Status place(Range range, Gpa base, uint64_t bytes) = 0;
  virtual Status remove(Range range) = 0;

  /// Page-aligned memory standing behind part of a range: the mediator writes it, and where
  /// set_direct_read is on the guest reads it without an exit. Writes always trap. Zeroed.
  /// The memory lives as long as the Domain.
  virtual Result<std::span<std::byte>> register_pages(Range range, uint64_t offset,
                                                      uint64_t bytes) = 0;
  virtual Status set_direct_read(Range range, uint64_t offset, uint64_t bytes, bool direct) = 0;

  /// Lets the guest reach its own RAM through a placed memory range without an exit: the page at
  /// `offset` plus i pages is gfns[i]. How many were shown, from the first on; the others trap as
  /// before. The back end may take a page away again at any time, and does before protecting it.
  /// not_supported where no page can ever be shown.
  virtual Result<uint64_t> show_ram(Range range, uint64_t offset, std::span<const Gfn> gfns) {
    (void)range, (void)offset, (void)gfns;
    return Error::not_supported;
  }
  /// As show_ram, for pages that the guest is to find detiled: a fence with the pitch and tiling of
  /// `fence` (a FENCE register's value) covers just these pages. All or none.
  virtual Status show_tiled(Range range, uint64_t offset, std::span<const Gfn> gfns,
                            uint64_t fence) {
    (void)range, (void)offset, (void)gfns, (void)fence;
    return Error::not_supported;
  }
  /// These pages of the range trap, from the return on, and with one of show_tiled() all that were
  /// shown with it. Most need not be shown.
  virtual void hide_ram(Range range, uint64_t offset, uint64_t pages) {
    (void)range, (void)offset, (void)pages;
  }

  /// Plain guest RAM at guest frames where there is none: what the guest's firmware reserved for
  /// the device (an OpRegion). busy where there is some, not_supported where none can be added.
  virtual Status add_ram(Gfn first, uint64_t pages) {
    (void)first, (void)pages;
    return Error::not_supported;
  }

  /// Message-signalled interrupt with the guest's own address and data, passed through unchanged.
  virtual Status inject_msi(uint64_t address, uint32_t data) = 0;
};

/// Time is an input, in nanoseconds from an arbitrary start; never goes back.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual uint64_t now_ns() = 0;
};

}  // namespace hv

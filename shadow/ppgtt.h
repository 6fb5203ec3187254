// SPDX-License-Identifier: MIT
// All PPGTTs of one vGPU: the guest's 4-level tables, shadowed into host-owned tables that hold bus
// addresses of pinned guest frames.
//
// At every intermediate write the GPU sees the old entry, the new one, or scratch. Table pages are
// write-protected; leaf tables that are new or written often are out of sync (unprotected) and
// re-read before the next submission, until they have not changed for a while.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hv/domain.h"
#include "shadow/gen9/pte.h"
#include "shadow/gpu_memory.h"
#include "shadow/retire.h"
#include "shadow/work.h"

namespace shadow {

struct PpgttLimits {
  uint32_t tables = 65536;        ///< shadow table pages of one vGPU (256 MiB of tables)
  uint32_t roots = 4096;          ///< address spaces
  uint32_t out_of_sync = 4096;    ///< leaf tables unprotected at once
  uint32_t kept_open = 0;         ///< of these, settled ones that are not protected again
  uint32_t oos_after_writes = 2;  ///< trapped writes after which a leaf goes out of sync
};

struct PpgttCounts {
  uint64_t entry_writes = 0;  ///< shadow entries set
  uint64_t page_writes = 0;   ///< trapped writes
  uint64_t resyncs = 0;       ///< out-of-sync leaves re-read
  uint64_t bad_entries = 0;   ///< became scratch: reserved bits, no such frame, recursion
  uint64_t untracked = 0;     ///< pages given up (odd or unaligned writes) and re-shadowed later
  uint64_t tables = 0, roots = 0, out_of_sync = 0;  ///< now
};

/// Names one PPGTT of a vGPU; stays valid until its last reference (create, acquire) is dropped.
struct RootId {
  uint32_t v = 0;
  friend constexpr bool operator==(RootId, RootId) = default;
};

class PpgttSet {
 public:
  /// `work`: what all of this is charged to, and stops for when it is spent. nullptr: never.
  PpgttSet(hv::Domain& domain, GpuMemory& gpu, Retired& retired, hv::VgpuId owner,
           const PpgttLimits& limits, Work* work = nullptr);
  ~PpgttSet();

  /// g2v L4_CREATE and L4_DESTROY with the PML4's guest-physical address.
  hv::Status create(hv::Gpa pml4);
  hv::Status destroy(hv::Gpa pml4);
  /// For a context: finds the PPGTT with that PML4 or makes it, and takes a reference.
  hv::Result<RootId> acquire(hv::Gpa pml4);
  void release(RootId root);

  /// A trapped write into a protected page (already stored in guest memory).
  void on_page_write(hv::Gpa address, unsigned size);
  /// Is this guest page one of our shadowed tables?
  [[nodiscard]] bool tracks(hv::Gfn gfn) const;

  /// Before a submission: re-reads out-of-sync leaves reachable from this root (and any others that
  /// share them) and partial entries. Re-reads each guest page once. Busy: so much has changed that
  /// the budget is spent; nothing may run from these tables until a later call has done the rest.
  hv::Status sync(RootId root);
  /// Some tables that nobody needs any more wait to be taken apart: tidy() goes on with it.
  [[nodiscard]] bool untidy() const;
  void tidy();
  /// The shadow PML4's frame, for the context's PDP0.
  [[nodiscard]] hv::BusFrame root_frame(RootId root) const;

  /// Guest-physical address behind a PPGTT address, by the entries last shadowed; bad_address if
  /// not present. `writable` (optional) says whether every level allows writes.
  [[nodiscard]] hv::Result<hv::Gpa> translate(RootId root, uint64_t va,
                                              bool* writable = nullptr) const;
  /// Reads guest memory through the PPGTT; may cross pages. All or nothing.
  hv::Status read(RootId root, uint64_t va, std::span<std::byte> to) const;

  /// A private copy of the path to some pages of an address space, in which other frames stand at
  /// those addresses, read-only: how an audited copy of a PPGTT batch stays a PPGTT batch. Follows
  /// later changes of the shared tables. Destroy only when the GPU no longer runs it.
  class View {
   public:
    virtual ~View() = default;
    /// Puts `frame` (host-owned) at the page of `va`.
    virtual hv::Status replace(uint64_t va, hv::BusFrame frame) = 0;
    [[nodiscard]] virtual hv::BusFrame root_frame() const = 0;
  };
  hv::Result<std::unique_ptr<View>> make_view(RootId root);

  /// Drops every table and root (vGPU reset or failsafe); see untidy().
  void reset();
  [[nodiscard]] const PpgttCounts& counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace shadow

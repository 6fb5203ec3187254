// SPDX-License-Identifier: MIT
// What a domain's requests mean: each becomes calls of its TrapHandler and stores in its memory.
#pragma once

#include <unordered_set>

#include "hv/xen/domain.h"
#include "hv/xen/ioreq.h"
#include "hv/xen/late_writes.h"
#include "hv/xen/memory.h"
#include "hv/xen/server.h"
#include "hv/xen/shown_pages.h"

namespace hv::xen {

/// Guest frames whose writes come to us.
struct TrappedPages {
  std::unordered_set<uint64_t> reported;  ///< and are reported
  std::unordered_set<uint64_t> leaving;   ///< until they can stop trapping (docs/XEN.md)
  [[nodiscard]] bool contains(uint64_t gfn) const {
    return reported.contains(gfn) || leaving.contains(gfn);
  }
};

class Requests final : public Accesses {
 public:
  Requests(unsigned pci_function, const Server& server, GuestMemory& memory,
           const TrappedPages& trapped, LateWrites& late, ShownPages& shown)
      : function_(pci_function),
        server_(server),
        memory_(memory),
        trapped_(trapped),
        late_(late),
        shown_(shown) {}

  void attach(TrapHandler* handler) { handler_ = handler; }
  [[nodiscard]] TrapHandler* handler() const { return handler_; }
  /// Performs the request; the data to answer with.
  uint64_t answer(const Ioreq& request);
  [[nodiscard]] ExitCounts& counts() { return counts_; }

 private:
  void count(const Ioreq& request);
  uint64_t read_at(IoType type, uint64_t address, unsigned size) override;
  void write_at(IoType type, uint64_t address, unsigned size, uint64_t value) override;
  uint64_t invalidate(const Ioreq& request);
  void write_ram(uint64_t address, unsigned size, uint64_t value);
  /// Ours on bus 0 of segment 0.
  [[nodiscard]] bool ours(uint64_t config_address) const {
    return config_address >> 32 == function_;
  }

  unsigned function_;  // device << 3 | function
  const Server& server_;
  GuestMemory& memory_;
  const TrappedPages& trapped_;
  LateWrites& late_;
  ShownPages& shown_;
  TrapHandler* handler_ = nullptr;
  ExitCounts counts_;
};

}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// Everything this folder asks of Xen for one domain, so that tests can stand in for it.
//
// Functions give 0 or an errno value. Guest frame numbers are plain here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "hv/xen/control.h"
#include "hv/xen/ioreq.h"

namespace hv::xen {

class Calls {
 public:
  virtual ~Calls() = default;

  // The domain (libxenctrl).
  virtual int info(DomainInfo& out) = 0;
  virtual int pod_entries(uint64_t& out) = 0;
  virtual int set_max_pages(uint64_t pages) = 0;
  /// How many of them, from the first on, got RAM.
  virtual size_t populate(std::span<const uint64_t> gfns) = 0;
  virtual int release(std::span<const uint64_t> gfns) = 0;
  /// Pauses are counted: each needs its own end.
  virtual int pause(bool on) = 0;
  /// The guest frame a vCPU runs code from. Dear: for what looks stuck.
  virtual int running_at(unsigned vcpu, uint64_t& gfn) = 0;
  /// Machine frames that the domain may be shown; see Control.
  virtual int allow_frames(uint64_t first, uint64_t count, bool allow) = 0;
  virtual int map_frames(uint64_t gfn, uint64_t first, uint64_t count, bool map) = 0;

  // The ioreq server.
  virtual int vcpus(unsigned& out) = 0;
  virtual int create_server(uint16_t& id) = 0;
  virtual int destroy_server(uint16_t id) = 0;
  /// Maps the page of requests, one slot a vCPU; unmapped by unmap_requests().
  virtual int map_requests(uint16_t id, Ioreq*& slots) = 0;
  virtual void unmap_requests() = 0;
  virtual int enable(uint16_t id, bool on) = 0;
  virtual int claim_pci(uint16_t id, unsigned device, unsigned function, bool on) = 0;
  /// `last` is inclusive.
  virtual int claim_mmio(uint16_t id, uint64_t first, uint64_t last, bool on) = 0;
  /// Makes the server the one that gets writes to pages of the trapped type. Off turns every such
  /// page back into plain RAM.
  virtual int claim_writes(uint16_t id, bool on) = 0;
  virtual int set_type(uint64_t gfn, uint32_t pages, bool trap_writes) = 0;
  /// Whether a write that was answered is completed as a write to the emulator whatever has become
  /// of its page meanwhile (see docs/XEN.md, "A page that stops trapping").
  [[nodiscard]] virtual bool completes_by_address() const = 0;
  /// Moves RAM from guest frames to others; it arrives as plain RAM.
  virtual int relocate(uint64_t from, uint64_t to, uint32_t pages) = 0;
  virtual int inject_msi(uint64_t address, uint32_t data) = 0;

  // Event channels.
  [[nodiscard]] virtual int event_fd() = 0;
  virtual int bind(uint32_t remote, uint32_t& local) = 0;
  virtual int unbind(uint32_t local) = 0;
  /// EAGAIN if nothing is pending.
  virtual int next_event(uint32_t& local) = 0;
  virtual int unmask(uint32_t local) = 0;
  virtual int notify(uint32_t local) = 0;

  // Foreign mappings, readable and writable.
  /// Maps where `at` says, replacing what is there, or anywhere if nullptr. A page whose error is
  /// not 0 must not be touched. nullptr if nothing could be mapped at all.
  virtual std::byte* map(std::byte* at, std::span<const uint64_t> gfns, std::span<int> errors) = 0;
  virtual void unmap(std::byte* memory, size_t pages) = 0;

  virtual void sleep_us(unsigned us) = 0;
};

/// Whether a page stops trapping as soon as its type is taken off, also in the middle of a run of
/// writes into it: what Calls::completes_by_address() says of every domain here.
bool releases_at_once();
/// The real libraries. The error is one line.
Result<std::unique_ptr<Calls>, std::string> open_calls(DomId domain);

/// "Operation not permitted (1)"
std::string errno_text(int error);
Error error_of(int error);

}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// One guest of a stock Xen host: an ioreq server beside QEMU's for a PCI function of ours, register
// pages the guest reads without exits, write-protected pages, foreign mappings and interrupts.
//
// All calls come from one thread. Poll event_fd() and call dispatch() when it is readable.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "hv/domain.h"
#include "hv/xen/control.h"
#include "hv/xen/frames.h"
#include "hv/xen/record.h"

namespace hv::xen {

class Calls;
class MachineFrames;
class TiledAperture;

/// Gets one finished line, without a newline. Lines a guest can cause are few per domain.
using Log = std::function<void(std::string_view line)>;

struct XenConfig {
  FrameSpace* frames = nullptr;  ///< shared by all domains; outlives them
  /// For a GPU that is silicon: where pinned frames come from, in place of `frames`; outlives all.
  MachineFrames* machine = nullptr;
  Log log;
  unsigned pci_device = 2, pci_function = 0;  ///< on bus 0 of segment 0
  /// Register pages where a run of 8-byte writes may become known late: before the next request of
  /// any kind, each changed entry once, in the order of addresses. Empty: every write traps.
  Range late_range = Range::bar0;
  uint64_t late_offset = 0, late_bytes = 0;
  /// Entry i (8 bytes) of those says what stands at page i of BAR 2: what is shown there is taken
  /// away before entries change unseen.
  bool late_entries_show = false;
  /// For show_ram; outlives the domains. Without it the aperture traps.
  MachineFrames* show = nullptr;
  /// For show_tiled; outlives the domains. Without it what is tiled traps.
  TiledAperture* tiled = nullptr;
  bool direct_reads = true;  ///< off: every register read traps (for comparison)
  /// A file for the register pages that are not in the guest, so that they outlive this process and
  /// adopt() finds them; -1: none. Stays open as long as the domain.
  int pages_file = -1;
};

/// What arrived and was answered. All that exits() adds up is one exit each.
struct ExitCounts {
  uint64_t config_reads = 0, config_writes = 0;
  uint64_t register_reads = 0, register_writes = 0;  ///< BAR0
  uint64_t aperture_reads = 0, aperture_writes = 0;  ///< BAR2
  uint64_t page_writes = 0;                          ///< protected pages
  uint64_t late_writes = 0;                          ///< register writes that were no exit
  uint64_t strays = 0;                               ///< of nothing of ours
  uint64_t invalidations = 0;                        ///< the guest gave memory back
  uint64_t interrupts = 0;
  [[nodiscard]] uint64_t exits() const {
    return config_reads + config_writes + register_reads + register_writes + aperture_reads +
           aperture_writes + page_writes + strays;
  }
};

class XenDomain final : public Domain {
 public:
  using Opened = Result<std::unique_ptr<XenDomain>, std::string>;
  /// Becomes the emulator of our PCI function in that domain. The error is one line: cause, cure.
  static Opened open(DomId domid, const XenConfig& config);
  /// The same over other calls than the real libraries' (tests).
  static Opened open(DomId domid, const XenConfig& config, std::unique_ptr<Calls> calls);
  /// Takes the emulator over from a process that ended, as its record() had it. The domain is
  /// paused then, so that nobody sees half of it; resume() ends that. register_pages() gives the
  /// contents that were left. On failure everything is as it was, but for the pause if `record` had
  /// it.
  static Opened adopt(DomId domid, const XenConfig& config, const Record& record);
  static Opened adopt(DomId domid, const XenConfig& config, const Record& record,
                      std::unique_ptr<Calls> calls);
  ~XenDomain() override;  ///< close()

  /// Who answers. Without one, reads give all ones and writes are dropped.
  void attach(TrapHandler* handler);
  /// Readable when there may be something to answer; closed by close().
  [[nodiscard]] int event_fd() const;
  /// Answers what is pending, at most `most` requests and until `enough` says so after one (the
  /// descriptor stays readable if there is more). Does nothing when called from a TrapHandler.
  static constexpr unsigned kMostAtOnce = 64;
  void dispatch(unsigned most = kMostAtOnce, const std::function<bool()>& enough = {});
  /// Whether a request waits, which event_fd() may say a little later; no system call.
  [[nodiscard]] bool asks() const;
  /// Something waits for a later dispatch(), even if no event comes.
  [[nodiscard]] bool waiting() const;
  /// To be called about once a second: a page that a vCPU runs code from is tracked no more, or the
  /// vCPU would never get further.
  void watch(uint64_t now_ns);
  /// Answers everything, gives the guest its memory types back, leaves the domain and drops every
  /// mapping, so that a dead domain can go and a living one runs on without the device. Frames
  /// still pinned are forgotten: the GPU must be done with them. Later calls answer `gone`.
  void close();

  /// What adopt() needs. Changes when a BAR or its pages move, which changes() counts.
  [[nodiscard]] Record record() const;
  [[nodiscard]] uint64_t changes() const;
  /// Register pages as adopt() found them, until they are asked for.
  [[nodiscard]] std::span<std::byte> left(Range range, uint64_t offset);
  /// Lets the domain run on after adopt().
  void resume();
  /// The domain stands still until resume(), of this process or of who adopts it.
  void hold();
  /// As close(), but for a process that ends and another that will adopt(): but for what show_ram()
  /// showed nothing changes in the domain, and a vCPU that wants something waits.
  void leave();

  /// Off: every access to a register traps, as it does where no page of registers can be read by
  /// the guest itself (for comparison). On again: as set_direct_read() said.
  void allow_direct_reads(bool on);
  [[nodiscard]] const ExitCounts& counts() const;
  [[nodiscard]] const DomainInfo& info() const;  ///< as of open()
  [[nodiscard]] uint64_t protected_pages() const;
  [[nodiscard]] uint64_t pinned_frames() const;
  [[nodiscard]] uint64_t mapped_bytes() const;
  [[nodiscard]] uint64_t shown_pages() const;

  [[nodiscard]] DomId id() const override;
  Status read(Gpa from, std::span<std::byte> to) override;
  Status write(Gpa to, std::span<const std::byte> from) override;
  void pin(std::span<const Gfn> gfns, std::span<BusFrame> frames) override;
  void unpin(std::span<const Gfn> gfns) override;
  Status protect(Gfn gfn) override;
  Status unprotect(Gfn gfn) override;
  Status place(Range range, Gpa base, uint64_t bytes) override;
  Status remove(Range range) override;
  Result<std::span<std::byte>> register_pages(Range range, uint64_t offset,
                                              uint64_t bytes) override;
  Status set_direct_read(Range range, uint64_t offset, uint64_t bytes, bool direct) override;
  Status inject_msi(uint64_t address, uint32_t data) override;
  Status add_ram(Gfn first, uint64_t pages) override;
  Result<uint64_t> show_ram(Range range, uint64_t offset, std::span<const Gfn> gfns) override;
  Status show_tiled(Range range, uint64_t offset, std::span<const Gfn> gfns,
                    uint64_t fence) override;
  void hide_ram(Range range, uint64_t offset, uint64_t pages) override;

 private:
  struct Impl;
  explicit XenDomain(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hv::xen

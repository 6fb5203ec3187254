// SPDX-License-Identifier: MIT
// An in-process hypervisor: physical memory, domains with traps, interrupts. For the demo, tests
// and replay. Knows nothing of GPUs.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hv/domain.h"

namespace hv::local {

/// Who owns a frame of the machine.
struct FrameOwner {
  enum class Kind : uint8_t { none, host, guest } kind = Kind::none;
  DomId domain{};    ///< for guest frames
  Gfn gfn{};         ///< for guest frames
  uint32_t tag = 0;  ///< for host frames: whatever alloc_host was given
};

/// Physical memory. Frame numbers of different owners are deliberately not equal to guest frame
/// numbers, so that an untranslated address shows.
class Machine {
 public:
  explicit Machine(uint64_t max_bytes);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Result<BusFrame> alloc_host(uint32_t tag);
  Result<BusFrame> alloc_guest(DomId domain, Gfn gfn);
  void free(BusFrame frame);
  /// nullptr if no memory there.
  std::byte* page(BusFrame frame);
  [[nodiscard]] FrameOwner owner(BusFrame frame) const;
  void set_tag(BusFrame frame, uint32_t tag);
  [[nodiscard]] uint64_t frames_in_use() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Traps counted by kind, for tables and benchmarks.
struct TrapCounts {
  uint64_t config_reads = 0, config_writes = 0;
  uint64_t register_reads = 0, register_writes = 0;  ///< BAR0
  uint64_t aperture_reads = 0, aperture_writes = 0;  ///< BAR2
  uint64_t page_writes = 0;                          ///< protected pages
  uint64_t direct_reads = 0;                         ///< register reads that cost no exit
  uint64_t interrupts = 0;
  [[nodiscard]] uint64_t exits() const {
    return config_reads + config_writes + register_reads + register_writes + aperture_reads +
           aperture_writes + page_writes;
  }
};

/// One guest: the host side is hv::Domain, the guest side is what its CPU does.
class LocalDomain final : public Domain {
 public:
  LocalDomain(Machine& machine, DomId id, std::string name, uint64_t ram_bytes);
  ~LocalDomain() override;

  // Host side.
  [[nodiscard]] DomId id() const override { return id_; }
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
  Result<uint64_t> show_ram(Range range, uint64_t offset, std::span<const Gfn> gfns) override;
  void hide_ram(Range range, uint64_t offset, uint64_t pages) override;
  /// Off until told: how the demo's guests and the golden traces know the aperture.
  void allow_showing(bool on) { showing_ = on; }

  // Guest side: what the guest's CPU does. `size` 1, 2, 4 or 8.
  void attach(TrapHandler* handler) { handler_ = handler; }
  uint64_t config_read(uint64_t offset, unsigned size);
  void config_write(uint64_t offset, unsigned size, uint64_t value);
  /// Guest-physical access: RAM, a protected page (traps), or a placed BAR (traps or direct read).
  /// Reads of nothing give all ones.
  uint64_t cpu_read(Gpa address, unsigned size);
  void cpu_write(Gpa address, unsigned size, uint64_t value);
  /// Bulk RAM access by the guest's CPU. Writes to protected pages trap per 8 bytes.
  Status cpu_read_ram(Gpa from, std::span<std::byte> to);
  Status cpu_write_ram(Gpa to, std::span<const std::byte> from);
  /// Interrupts since the last call.
  unsigned take_interrupts();
  /// Gives the page back (balloon): later pins and reads of it fail. Existing pins keep the frame.
  void balloon_out(Gfn gfn);

  /// Address and data of the last message-signalled interrupt.
  struct Msi {
    uint64_t address = 0;
    uint32_t data = 0;
  };
  [[nodiscard]] Msi last_msi() const { return last_msi_; }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] uint64_t ram_bytes() const { return ram_bytes_; }
  [[nodiscard]] const TrapCounts& counts() const { return counts_; }
  [[nodiscard]] uint64_t pins(Gfn gfn) const;
  [[nodiscard]] uint64_t protected_pages() const;
  [[nodiscard]] uint64_t shown_pages() const;
  /// The RAM frame behind a gfn, or kNoFrame.
  [[nodiscard]] BusFrame frame(Gfn gfn) const;

 private:
  std::byte* shown(Range range, uint64_t offset, unsigned size);

  struct Impl;
  Machine& machine_;
  DomId id_;
  std::string name_;
  uint64_t ram_bytes_;
  TrapHandler* handler_ = nullptr;
  TrapCounts counts_;
  Msi last_msi_;
  bool showing_ = false;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hv::local

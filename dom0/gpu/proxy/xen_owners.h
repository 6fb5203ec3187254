// SPDX-License-Identifier: MIT
// Whose each frame is, as Xen itself knows it: its frame table, read from the machine's RAM.
// Neither dom0 nor the mediator is asked.
#pragma once

#include <optional>
#include <vector>

#include "dom0/gpu/proxy/dma_log.h"
#include "dom0/gpu/proxy/machine_ram.h"

namespace gpu::proxy {

/// Where Xen 4.17 for x86-64 keeps its frame table, and what an entry looks like (asm/config.h,
/// asm/mm.h). Frame numbers are not compressed on a machine of less than 8 GiB.
namespace xen_layout {
inline constexpr uint64_t kFrameTable = 0xffff'82e0'0000'0000;
inline constexpr unsigned kLinearSlot = 258;  ///< a top-level table maps itself here
inline constexpr unsigned kEntryBytes = 32, kCountInfo = 8, kOwner = 24;
inline constexpr uint64_t kXenHeap = uint64_t{1} << 62;
inline constexpr uint64_t kState = uint64_t{3} << 58, kFree = kState, kOffline = uint64_t{2} << 58;
inline constexpr uint64_t kReferences = (uint64_t{1} << 57) - 1;
inline constexpr uint16_t kFirstReservedDomain = 0x7ff0;
}  // namespace xen_layout

class XenOwners final : public Owners {
 public:
  explicit XenOwners(MachineRam& ram) : ram_(ram) {}
  /// unknown before Xen has set itself up.
  Owner owner_of(hv::BusFrame frame) override;
  /// Looks for the tables if they are not known.
  void prepare() override;

 private:
  const std::byte* entry_of(uint64_t frame);
  bool find_root();
  /// Takes the frame for the root if it is a top-level table of Xen's.
  bool is_root(uint64_t frame);
  std::optional<uint64_t> physical(uint64_t address);
  uint64_t word(uint64_t physical_address);

  MachineRam& ram_;
  uint64_t root_ = 0;
  uint64_t looked_ = 0;  ///< accesses since the last search for the tables
  uint64_t generation_ = 0;
  std::vector<const std::byte*> pages_;  ///< of the frame table, by page; found as they are needed
};

}  // namespace gpu::proxy

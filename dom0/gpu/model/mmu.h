// SPDX-License-Identifier: MIT
// Address translation: the GGTT, the 4-level PPGTT walk, and one TLB per engine that is used stale
// until something invalidates it, so that a forgotten flush shows. SKL PRM vol 5 (Memory Views).
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "dom0/gpu/model/blitter.h"
#include "dom0/gpu/model/model.h"
#include "dom0/gpu/model/registers.h"
#include "shadow/gen9/pte.h"

namespace gpu::model {

/// The global table. Entries beyond the end read 0.
class Ggtt {
 public:
  Ggtt() : entries_(static_cast<uint64_t*>(std::calloc(gen9::kGgttEntries, 8))) {}
  [[nodiscard]] uint64_t get(uint64_t index) const {
    return index < gen9::kGgttEntries ? entries_[index] : 0;
  }
  void set(uint64_t index, uint64_t entry) {
    if (index < gen9::kGgttEntries) entries_[index] = entry;
  }

 private:
  struct Free {
    void operator()(uint64_t* p) const { std::free(p); }
  };
  std::unique_ptr<uint64_t[], Free> entries_;
};

/// What all engines share of the memory system.
struct Fabric {
  Fabric(DmaBus& dma_bus, Registers& registers) : bus(dma_bus), regs(registers) {}
  DmaBus& bus;
  Registers& regs;
  Ggtt ggtt;
  DmaObserver* observer = nullptr;
  StateObserver* state = nullptr;
  /// Grows whenever the outside world may have changed what memory answers at a frame: cached CPU
  /// pointers (never translations) are looked up again.
  uint64_t epoch = 1;
};

/// RING_FAULT bits 2:1.
enum class FaultType : uint8_t { page = 0, directory = 1 };

/// One engine's view of memory.
class Mmu {
 public:
  Mmu(Fabric& fabric, gen9::EngineId engine) : fabric_(fabric), engine_(engine) {}

  /// The context that accesses are reported for; 0 none.
  void set_context(uint32_t lrca) { lrca_ = lrca; }
  /// Loads a PML4. Another one than before drops the PPGTT translations.
  void set_root(uint64_t pdp0);
  void invalidate_ggtt() { ++generation_[1]; }
  void invalidate_ppgtt() { ++generation_[0]; }
  void invalidate() {
    invalidate_ggtt();
    invalidate_ppgtt();
  }

  /// Accesses may cross pages. False if a page was not mapped or a write met a read-only page: the
  /// fault is recorded, those bytes read 0, their writes are dropped.
  bool read(bool ggtt, uint64_t address, std::span<std::byte> to, DmaPurpose purpose);
  bool write(bool ggtt, uint64_t address, std::span<const std::byte> from, DmaPurpose purpose);
  template <class T>
  T get(bool ggtt, uint64_t address, DmaPurpose purpose = DmaPurpose::data) {
    T value{};
    read(ggtt, address, std::as_writable_bytes(std::span(&value, 1)), purpose);
    return value;
  }
  template <class T>
  bool put(bool ggtt, uint64_t address, T value, DmaPurpose purpose = DmaPurpose::data) {
    return write(ggtt, address, std::as_bytes(std::span(&value, 1)), purpose);
  }

  /// Reports an access to the rest of the page without moving data (context save and restore of
  /// what the model keeps no copy of).
  void touch(uint64_t ggtt_address, bool write);

  /// Bytes behind an instruction fetch that stays inside one page, or nullptr: not mapped (fault
  /// recorded) or no memory answers. Valid until stamp() changes.
  const std::byte* fetch(bool ggtt, uint64_t address, unsigned bytes, DmaPurpose purpose);
  /// Changes whenever a pointer from fetch may have gone stale.
  [[nodiscard]] uint64_t stamp() const {
    return generation_[0] + generation_[1] + (fabric_.epoch << 20);
  }
  [[nodiscard]] StateObserver* state_observer() const { return fabric_.state; }
  [[nodiscard]] bool observed() const { return fabric_.observer != nullptr; }
  /// Faults since the last call (for error reporting).
  bool take_fault();

 private:
  struct Entry {
    uint64_t page = ~uint64_t{0}, generation = 0;  ///< tag
    hv::BusFrame frame{};
    bool writable = false;
    std::byte* cpu = nullptr;
    uint64_t epoch = 0;
  };
  static constexpr unsigned kTlbEntries = 1024;

  Entry* translate(bool ggtt, uint64_t address, bool write);
  bool walk(uint64_t va, Entry& to);
  bool walk_ggtt(uint64_t address, Entry& to);
  uint64_t read_entry(hv::BusFrame table, unsigned index, uint64_t va);
  void fill_leaf(Entry& to, uint64_t frame, uint64_t bits) const;
  void refresh(Entry& entry);
  void report(const Entry& entry, bool ggtt, uint64_t address, unsigned bytes, bool write,
              DmaPurpose purpose) const;
  void record_fault(bool ggtt, uint64_t address, FaultType type);

  Fabric& fabric_;
  gen9::EngineId engine_;
  uint32_t lrca_ = 0;
  uint64_t root_ = 0;
  bool faulted_ = false;
  FaultType walk_fault_ = FaultType::page;
  std::array<uint64_t, 2> generation_{1, 1};  // [ggtt]
  std::array<std::array<Entry, kTlbEntries>, 2> tlb_;
};

/// The GGTT as the CPU's aperture sees it: no TLB, no faults.
class ApertureMemory final : public GraphicsMemory {
 public:
  explicit ApertureMemory(Fabric& fabric) : fabric_(fabric) {}
  bool read(uint64_t address, std::span<std::byte> to) override;
  bool write(uint64_t address, std::span<const std::byte> from) override;

 private:
  std::byte* page(uint64_t address);
  Fabric& fabric_;
};

/// The running context's PPGTT as the blitter sees it.
class PpgttMemory final : public GraphicsMemory {
 public:
  explicit PpgttMemory(Mmu& mmu) : mmu_(mmu) {}
  bool read(uint64_t address, std::span<std::byte> to) override {
    return mmu_.read(false, address, to, DmaPurpose::data);
  }
  bool write(uint64_t address, std::span<const std::byte> from) override {
    return mmu_.write(false, address, from, DmaPurpose::data);
  }

 private:
  Mmu& mmu_;
};

}  // namespace gpu::model

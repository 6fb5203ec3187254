// SPDX-License-Identifier: MIT
// A context of the self test: ring, image and a small address space of its own.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <vector>

#include "dom0/gpu/driver/driver.h"

namespace gpu {

/// Graphics addresses of the pages a test context has; the rest of its space is not mapped.
inline constexpr uint64_t kSelftestBase = 0x10'0000;
inline constexpr unsigned kSelftestPages = 8;

class TestContext {
 public:
  TestContext(Driver& driver, gen9::EngineId engine, uint32_t id, uint64_t ggtt);
  ~TestContext();
  TestContext(const TestContext&) = delete;
  TestContext& operator=(const TestContext&) = delete;

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] uint64_t descriptor() const { return descriptor_; }
  [[nodiscard]] uint32_t id() const { return static_cast<uint32_t>(descriptor_ >> 32); }
  /// Puts commands at the tail of the ring; they run with the next submission.
  void emit(std::span<const uint32_t> commands);
  void emit(std::initializer_list<uint32_t> commands) {
    emit(std::span(commands.begin(), commands.size()));
  }
  /// Makes the image say where the ring ends.
  void publish();

  [[nodiscard]] static uint64_t address(unsigned page, unsigned offset = 0) {
    return kSelftestBase + page * hv::kPageSize + offset;
  }
  uint32_t read(unsigned page, unsigned offset);
  void fill(unsigned page, uint32_t value);
  /// How many dwords of the page are not `value`.
  unsigned wrong(unsigned page, uint32_t value);

 private:
  hv::BusFrame page(shadow::PageUse use);
  void make_tables();
  void make_image(uint64_t ggtt);
  void put(unsigned dword, uint32_t value);

  Driver& driver_;
  gen9::EngineId engine_;
  bool ok_ = true;
  uint64_t descriptor_ = 0, pml4_ = 0, ggtt_ = 0, mapped_ = 0;
  hv::BusFrame ring_{}, state_{};
  std::array<hv::BusFrame, kSelftestPages> data_{};
  std::vector<hv::BusFrame> pages_;
  uint32_t tail_ = 0;
};

}  // namespace gpu

// SPDX-License-Identifier: MIT
// Writes small AUB files as Mesa's tools do: a PPGTT, some memory, one context, submissions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "shadow/gen9/engine.h"

namespace fake {

class AubBuilder {
 public:
  AubBuilder();
  /// Maps fresh pages at a PPGTT address.
  void map(uint64_t address, unsigned pages);
  /// Writes words at a mapped PPGTT address; may cross pages.
  void write(uint64_t address, std::span<const uint32_t> words);
  /// Runs the batch at a PPGTT address on the engine, and waits for it.
  void submit(gen9::EngineId engine, uint64_t batch);
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  enum class Space : uint32_t { ggtt = 0, physical = 2, entry = 4 };
  struct Table {
    uint64_t frame;
    std::vector<uint64_t> entries = std::vector<uint64_t>(512);
  };
  struct Context {
    uint64_t image = 0, ring = 0;  ///< GGTT addresses; 0: not made yet
  };
  void words(std::initializer_list<uint32_t> w);
  void memory(Space space, uint64_t address, std::span<const uint32_t> data);
  void memory64(Space space, uint64_t address, uint64_t value);
  void reg(uint32_t offset, uint32_t value);
  uint64_t new_frame() { return next_frame_++; }
  uint64_t new_ggtt(unsigned pages);
  size_t descend(size_t table, uint64_t va, unsigned level);
  Context& context(gen9::EngineId engine);

  std::vector<std::byte> bytes_;
  std::vector<Table> tables_;  // [0] is the PML4
  std::vector<std::vector<size_t>> children_;
  uint64_t next_frame_ = 0, next_ggtt_ = 1;
  Context contexts_[gen9::kEngines];
};

}  // namespace fake

// SPDX-License-Identifier: MIT
// One logical ring context of the embedded driver: image, ring and timeline, all in GGTT objects.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "dom0/guests/driver/emit.h"
#include "dom0/guests/driver/ggtt.h"
#include "shadow/gen9/engine.h"

namespace guests {

/// State pages that a new context starts from (recorded from the kernel context), or empty.
using DefaultState = std::vector<std::byte>;

struct ContextConfig {
  gen9::EngineId engine{};
  uint32_t id = 0;  ///< bits 63:32 of the descriptor
  hv::Gpa pml4{};
  uint32_t indirect_context = 0;           ///< GGTT address of the batch, 0: none
  uint32_t indirect_lines = 0;             ///< its cache lines
  const DefaultState* defaults = nullptr;  ///< nullptr: restore-inhibited first run
  bool mid_thread = false;                 ///< see RequestWords
};

class Context {
 public:
  static std::unique_ptr<Context> create(GuestPort& port, GuestGgtt& ggtt,
                                         const ContextConfig& config);

  /// Writes a request into the ring; false when the ring is full. `tail` and `wa_tail` are ring
  /// offsets to give to set_tail.
  bool emit(uint64_t batch, bool first_use, uint32_t& tail, uint32_t& wa_tail);
  /// Moves the image's tail; returns the descriptor to submit, forced to restore when the tail does
  /// not advance.
  uint64_t set_tail(uint32_t tail);
  /// What the GPU said it finished last.
  [[nodiscard]] uint32_t completed();
  /// Writes off everything emitted, after an engine reset.
  void cancel_all();

  [[nodiscard]] gen9::EngineId engine() const { return config_.engine; }
  [[nodiscard]] uint32_t id() const { return config_.id; }
  [[nodiscard]] uint32_t last_seqno() const { return seqno_; }
  [[nodiscard]] const GgttObject& image() const { return image_; }
  [[nodiscard]] uint64_t breadcrumb() const { return timeline_.address; }

 private:
  Context(GuestPort& port, const ContextConfig& config) : port_(port), config_(config) {}
  void write_image();
  void write_state(unsigned dword, uint32_t value);
  [[nodiscard]] uint32_t room();
  void put_words(std::span<const uint32_t> words);

  GuestPort& port_;
  ContextConfig config_;
  GgttObject image_, ring_, timeline_;
  uint32_t emit_ = 0;  // ring offset of the next word
  uint32_t seqno_ = 0;
  uint32_t image_tail_ = 0;
  struct Mark {
    uint32_t seqno, end;
  };
  std::vector<Mark> marks_;  // ring space in use, oldest first
  uint32_t head_ = 0;
};

}  // namespace guests

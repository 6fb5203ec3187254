// SPDX-License-Identifier: MIT
// Plays an AUB file exactly: its memory, its GGTT entries, its context image and ring, its own
// register writes, and waits where its producer waited.
#pragma once

#include <memory>
#include <unordered_map>

#include "dom0/guests/actor.h"
#include "dom0/guests/aub/script.h"
#include "dom0/guests/port.h"

namespace guests {

class AubPlayer final : public Actor {
 public:
  /// The guest's RAM covers script.ram_bytes(). Both outlive the player.
  AubPlayer(GuestPort& port, const AubScript& script) : port_(port), script_(script) {}

  std::string start() override;
  void on_interrupt() override { on_time(); }
  void on_time() override;
  [[nodiscard]] uint64_t wake_ns() const override { return UINT64_MAX; }
  [[nodiscard]] bool polls() const override { return !finished(); }
  [[nodiscard]] bool finished() const override { return drained_ || !error_.empty(); }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool play(const AubStep& step);
  bool reached(uint32_t offset, uint32_t mask, uint32_t value);
  void write_ggtt_entries(const AubStep& step);
  bool write_ggtt_memory(const AubStep& step);

  GuestPort& port_;
  const AubScript& script_;
  size_t next_ = 0;
  bool drained_ = false;
  std::string error_;
  std::unordered_map<uint64_t, uint64_t> ggtt_;  // what the file put there, by index
};

/// SHA-256 over each mapped page: its address (8 bytes, little-endian), then its contents.
std::string memory_hash(GuestPort& port, std::span<const aub::MappedPage> pages);

}  // namespace guests

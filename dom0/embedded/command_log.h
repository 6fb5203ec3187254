// SPDX-License-Identifier: MIT
// What the GPU executed for each guest: how often each command, and a hash over every dword.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dom0/gpu/model/model.h"
#include "dom0/guests/digest.h"

namespace embedded {

/// One guest's commands. Engines run side by side, so each has its own order.
class ExecutedStream {
 public:
  void add(const gpu::model::ExecutedCommand& command, std::span<const uint32_t> dwords);
  [[nodiscard]] std::map<std::string, uint64_t> counts() const;
  /// SHA-256 over the dwords in order; where several engines took part, over the engines' hashes
  /// (hexadecimal) in the engines' order.
  [[nodiscard]] std::string hash() const;
  [[nodiscard]] uint64_t commands() const { return commands_; }

 private:
  std::array<std::optional<guests::Digest>, gen9::kEngines> engines_;
  std::map<const char*, uint64_t> counts_;
  uint64_t commands_ = 0;
};

class CommandLog final : public gpu::model::CommandObserver {
 public:
  /// Which stream a context belongs to, or nothing: not a guest's.
  using StreamOf = std::function<std::optional<size_t>(uint32_t lrca)>;
  /// What the guest wrote where a dword of a host-owned copy was executed.
  using Original = std::function<uint32_t(uint64_t address, uint32_t executed)>;

  CommandLog(size_t streams, StreamOf stream_of, Original original)
      : streams_(streams), stream_of_(std::move(stream_of)), original_(std::move(original)) {}

  void on_command(const gpu::model::ExecutedCommand& command) override;
  [[nodiscard]] const ExecutedStream& stream(size_t i) const { return streams_[i]; }
  /// Of all guests: moves as long as anything gets done.
  [[nodiscard]] uint64_t commands() const { return commands_; }

 private:
  std::vector<ExecutedStream> streams_;
  StreamOf stream_of_;
  Original original_;
  std::vector<uint32_t> scratch_;
  uint64_t commands_ = 0;
};

}  // namespace embedded

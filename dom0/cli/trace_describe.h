// SPDX-License-Identifier: MIT
// Records in the reader's words: registers, commands, contexts and pages by name.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "hv/trace/record.h"

namespace cli {

/// Follows a trace from its start: knows the time, and how far each ELSP has been written.
class TraceDescriber {
 public:
  explicit TraceDescriber(const hv::trace::Vocabulary& vocabulary) : vocabulary_(vocabulary) {}

  /// Takes the next record; afterwards time_ns() is the time of that record.
  /// Gives what it says beyond its arguments, or an empty string.
  std::string meaning(const hv::trace::Record& record);
  [[nodiscard]] uint64_t time_ns() const { return now_; }

 private:
  std::string trap(const hv::trace::Record& r, uint64_t offset);
  std::string elsp(const hv::trace::Record& r, unsigned engine);

  const hv::trace::Vocabulary& vocabulary_;
  uint64_t now_ = 0;
  struct Elsp {
    std::array<uint32_t, 4> words{};
    unsigned count = 0;
  };
  std::map<std::pair<uint32_t, unsigned>, Elsp> elsp_;  ///< by vGPU and engine
};

/// "RCS MI_NOOP*3 MI_BATCH_BUFFER_START", if the bytes are whole commands of one engine.
std::string describe_commands(std::span<const std::byte> bytes);

}  // namespace cli

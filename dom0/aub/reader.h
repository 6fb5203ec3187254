// SPDX-License-Identifier: MIT
// Reads AUB files: the memory-trace format that Mesa's and IGT's tools write for execlists
// hardware, and the older block format. One reader, many tools: what the file says arrives at a
// sink.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "dom0/aub/byte_source.h"
#include "hv/result.h"
#include "shadow/gen9/engine.h"

namespace aub {

/// What is wrong with a file, and where: bytes from the start of the uncompressed data.
struct Error {
  uint64_t offset = 0;
  std::string what;
  [[nodiscard]] std::string text() const { return "byte " + std::to_string(offset) + ": " + what; }
};

using SinkStatus = hv::Result<void, std::string>;

struct Header {
  uint16_t device_id = 0;   ///< from "PCI-ID=0x1912" in the header, 0 if it does not say
  std::string application;  ///< printable characters only
  bool blocks = false;      ///< the older format: one flat address space, no execlists
};

/// Receives the events of a file in order. A sink may refuse an event; reading stops there.
/// Addresses are as in the file; data spans live for the call only.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual SinkStatus header(const Header&) { return {}; }
  virtual SinkStatus comment(std::string_view) { return {}; }
  virtual SinkStatus physical_write(uint64_t address, std::span<const std::byte> data) = 0;
  virtual SinkStatus ggtt_write(uint64_t address, std::span<const std::byte> data) = 0;
  /// `address` is a byte offset into the GGTT's table of 8-byte entries.
  virtual SinkStatus ggtt_entry_write(uint64_t address, std::span<const std::byte> data) = 0;
  virtual SinkStatus register_write(uint32_t offset, uint32_t value) = 0;
  /// The producer waited here until (register & mask) == value.
  virtual SinkStatus register_poll(uint32_t offset, uint32_t mask, uint32_t value) = 0;
  /// Older format only: run these ring contents on an engine.
  virtual SinkStatus ring_write(gen9::EngineId engine, std::span<const std::byte> data) = 0;
};

/// Called now and then while a long file is read.
using Progress = void (*)(void* context, const ByteSource& source);

/// Reads a whole file. Every field is checked; the first thing that makes no sense is the error.
hv::Result<void, Error> read_aub(ByteSource& source, Sink& sink, Progress progress = nullptr,
                                 void* progress_context = nullptr);

}  // namespace aub

// SPDX-License-Identifier: MIT
// Writes a trace: records into compressed, checked blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "hv/result.h"
#include "hv/trace/sink.h"

namespace hv::trace {

/// Where the bytes go. dom0 gives a file, tests a vector.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status put(std::span<const std::byte> bytes) = 0;
};

/// Appends one record as it stands in a block. False, and nothing appended, if it is too large.
bool encode_record(std::vector<std::byte>& to, Kind kind, uint32_t subject,
                   std::span<const uint64_t> args, std::span<const std::byte> blob);

/// Never fails in the middle: the first error of the sink is kept, what follows is dropped, and
/// finish() tells.
class Writer final : public RecordSink {
 public:
  Writer(ByteSink& sink, const FileHeader& header);
  ~Writer() override;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void describe(uint16_t device_id, uint8_t revision) override;
  /// A record above kMaxRecord bytes is an error.
  void add(Kind kind, uint32_t subject, std::span<const uint64_t> args,
           std::span<const std::byte> blob = {}) override;
  /// The same for records that encode_record made: `count` of them, at most 128 KiB or one.
  void add_encoded(std::span<const std::byte> bytes, uint64_t count);
  /// Writes the end record and the last block.
  Status finish(const Sha256& state) override;
  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] uint64_t records() const { return records_; }
  /// Bytes put into the file so far.
  [[nodiscard]] uint64_t file_bytes() const { return file_bytes_; }
  /// Was finish() called?
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  struct Compressor;
  void put_header();
  void close_block();
  void put(std::span<const std::byte> bytes);

  ByteSink& sink_;
  FileHeader header_;
  std::unique_ptr<Compressor> compressor_;
  std::vector<std::byte> raw_;
  std::vector<std::byte> stored_;
  uint64_t records_ = 0, file_bytes_ = 0;
  uint32_t sequence_ = 0;
  bool finished_ = false;
  Status status_;
};

}  // namespace hv::trace

// SPDX-License-Identifier: MIT
// Where the bytes of a file come from: plain or zstd-compressed, as a stream with a bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "hv/result.h"

namespace aub {

/// More than this much uncompressed data is refused (a small .zst may claim any size).
inline constexpr uint64_t kMaxStreamBytes = uint64_t{4} << 30;

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Reads up to `to.size()` bytes; fewer only at the end. Errors are one line.
  virtual hv::Result<size_t, std::string> read(std::span<std::byte> to) = 0;
  /// Compressed bytes taken from the file so far, and the file's size: for progress lines.
  [[nodiscard]] virtual uint64_t position() const = 0;
  [[nodiscard]] virtual uint64_t size() const = 0;
};

/// Opens a file; zstd is recognised by its magic number, not by the name.
hv::Result<std::unique_ptr<ByteSource>, std::string> open_source(const std::string& path);
/// The same over bytes that outlive the source.
std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> bytes);

}  // namespace aub

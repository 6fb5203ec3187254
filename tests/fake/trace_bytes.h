// SPDX-License-Identifier: MIT
// Traces in memory for tests: a sink that can run full, a source that can fail.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "hv/trace/reader.h"
#include "hv/trace/writer.h"

namespace fake {

class TraceBytes final : public hv::trace::ByteSink, public hv::trace::ByteSource {
 public:
  TraceBytes() = default;
  explicit TraceBytes(std::vector<std::byte> content) : bytes(std::move(content)) {}

  std::vector<std::byte> bytes;
  size_t room = ~size_t{0};      ///< the sink takes this many bytes in all
  size_t readable = ~size_t{0};  ///< the source fails after this many

  hv::Status put(std::span<const std::byte> more) override {
    if (more.size() > room - std::min(room, bytes.size())) return hv::Error::io;
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  }
  hv::Result<size_t> get(std::span<std::byte> to) override {
    const size_t n = std::min(to.size(), bytes.size() - at_);
    if (at_ + n > readable) return hv::Error::io;
    if (n != 0) std::memcpy(to.data(), bytes.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  size_t at_ = 0;
};

}  // namespace fake

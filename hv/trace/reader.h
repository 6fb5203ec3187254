// SPDX-License-Identifier: MIT
// Reads a trace. Refuses whatever is not exactly right, with one line that says what and where;
// never guesses, and never allocates more than kMaxBlock on a file's word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hv/result.h"
#include "hv/trace/hash.h"
#include "hv/trace/record.h"

namespace hv::trace {

/// Where the bytes come from.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills `to` as far as there are bytes; fewer than asked for only at the end.
  virtual Result<size_t> get(std::span<std::byte> to) = 0;
};

class Reader {
 public:
  /// Reads the header; look at error().
  Reader(ByteSource& source, const Vocabulary& vocabulary);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// The next record; the end record is the last. nullptr after it, or on an error.
  const Record* next();
  /// Empty while all is well.
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] const FileHeader& header() const { return header_; }
  [[nodiscard]] const Vocabulary& vocabulary() const { return vocabulary_; }
  /// Has the end record been read?
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  struct Decompressor;
  void read_header();
  bool read_block();
  bool unpack(const BlockHeader& header);
  bool parse(std::span<const std::byte> payload);
  bool check_end();
  /// False and nothing if the source is at its end; an error if it ends in the middle.
  bool fill(std::span<std::byte> to, const char* what, bool may_end);
  bool fail(std::string why);

  ByteSource& source_;
  const Vocabulary& vocabulary_;
  std::unique_ptr<Decompressor> decompressor_;
  FileHeader header_;
  std::vector<std::byte> stored_, raw_;
  std::span<const std::byte> rest_;  ///< of raw_, not parsed yet
  Record record_;
  uint64_t records_ = 0;
  uint32_t sequence_ = 0;
  bool ended_ = false;
  std::string error_;
};

}  // namespace hv::trace

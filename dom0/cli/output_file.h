// SPDX-License-Identifier: MIT
// A file that appears whole or not at all: written beside its final place and renamed at the end.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace cli {

class OutputFile {
 public:
  /// Opens it; look at error(). What is there already (device, pipe) but no plain file is written
  /// in place.
  explicit OutputFile(std::string path);
  /// Leaves nothing behind unless commit() succeeded.
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// False on the first failure and ever after.
  bool write(std::span<const std::byte> bytes);
  /// Gives the file its name.
  bool commit();
  /// "PATH: No space left on device"; empty while all is well.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool fail(int error_number);
  void discard();

  std::string path_, partial_;  ///< partial_ is empty when written in place
  int fd_ = -1;
  std::string error_;
};

}  // namespace cli

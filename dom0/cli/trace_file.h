// SPDX-License-Identifier: MIT
// Traces as files.
#pragma once

#include <string>

#include "dom0/cli/output_file.h"
#include "hv/trace/reader.h"
#include "hv/trace/writer.h"

namespace cli {

class TraceSink final : public hv::trace::ByteSink {
 public:
  explicit TraceSink(std::string path) : file_(std::move(path)) {}
  hv::Status put(std::span<const std::byte> bytes) override {
    return file_.write(bytes) ? hv::Status{} : hv::Status{hv::Error::io};
  }
  bool commit() { return file_.commit(); }
  /// Names the file; empty while all is well.
  [[nodiscard]] const std::string& error() const { return file_.error(); }

 private:
  OutputFile file_;
};

class TraceSource final : public hv::trace::ByteSource {
 public:
  explicit TraceSource(const std::string& path);
  ~TraceSource() override;
  TraceSource(const TraceSource&) = delete;
  TraceSource& operator=(const TraceSource&) = delete;
  hv::Result<size_t> get(std::span<std::byte> to) override;
  /// Why the file cannot be read, without its name; empty while all is well.
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  int fd_ = -1;
  std::string error_;
};

}  // namespace cli

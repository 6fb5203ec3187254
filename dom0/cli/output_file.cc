// SPDX-License-Identifier: MIT
#include "dom0/cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace cli {

namespace {
bool is_special(const std::string& path) {
  struct stat s {};
  return stat(path.c_str(), &s) == 0 && !S_ISREG(s.st_mode);
}
}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  if (is_special(path_)) {
    fd_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    partial_ = path_ + ".partial-" + std::to_string(getpid());
    fd_ = open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  }
  if (fd_ >= 0) return;
  partial_.clear();
  fail(errno);
}

OutputFile::~OutputFile() { discard(); }

bool OutputFile::fail(int error_number) {
  if (error_.empty()) error_ = path_ + ": " + std::strerror(error_number);
  discard();
  return false;
}

void OutputFile::discard() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
  if (!partial_.empty()) unlink(std::exchange(partial_, {}).c_str());
}

bool OutputFile::write(std::span<const std::byte> bytes) {
  if (fd_ < 0) return false;
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

bool OutputFile::commit() {
  if (fd_ < 0) return false;
  if (close(std::exchange(fd_, -1)) != 0) return fail(errno);
  if (!partial_.empty() && std::rename(partial_.c_str(), path_.c_str()) != 0) return fail(errno);
  partial_.clear();
  return true;
}

}  // namespace cli

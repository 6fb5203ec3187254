// SPDX-License-Identifier: MIT
#include "dom0/cli/trace_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cli {

TraceSource::TraceSource(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) error_ = std::strerror(errno);
}

TraceSource::~TraceSource() {
  if (fd_ >= 0) close(fd_);
}

hv::Result<size_t> TraceSource::get(std::span<std::byte> to) {
  size_t done = 0;
  while (done < to.size()) {
    const ssize_t n = ::read(fd_, to.data() + done, to.size() - done);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      error_ = std::strerror(errno);
      return hv::Error::io;
    }
    done += static_cast<size_t>(n);
  }
  return done;
}

}  // namespace cli

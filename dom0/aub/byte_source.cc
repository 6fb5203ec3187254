// SPDX-License-Identifier: MIT
// Plain and zstd byte streams over a file or memory.
#include "dom0/aub/byte_source.h"

#include <sys/stat.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

namespace aub {
namespace {

using Read = hv::Result<size_t, std::string>;

class FileSource final : public ByteSource {
 public:
  FileSource(std::FILE* file, uint64_t size) : file_(file, &std::fclose), size_(size) {}
  Read read(std::span<std::byte> to) override {
    const size_t n = std::fread(to.data(), 1, to.size(), file_.get());
    if (n < to.size() && std::ferror(file_.get())) {
      return std::string("cannot read: ") + std::strerror(errno);
    }
    position_ += n;
    return n;
  }
  uint64_t position() const override { return position_; }
  uint64_t size() const override { return size_; }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  uint64_t size_, position_ = 0;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
  Read read(std::span<std::byte> to) override {
    const size_t n = std::min(to.size(), bytes_.size() - position_);
    if (n != 0) std::memcpy(to.data(), bytes_.data() + position_, n);
    position_ += n;
    return n;
  }
  uint64_t position() const override { return position_; }
  uint64_t size() const override { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  size_t position_ = 0;
};

/// Gives back the bytes that were read to look at the magic number, then the rest.
class Rewound final : public ByteSource {
 public:
  Rewound(std::unique_ptr<ByteSource> inner, std::vector<std::byte> head)
      : inner_(std::move(inner)), head_(std::move(head)) {}
  Read read(std::span<std::byte> to) override {
    const size_t n = std::min(to.size(), head_.size() - used_);
    std::copy_n(head_.begin() + static_cast<std::ptrdiff_t>(used_), n, to.begin());
    used_ += n;
    if (n == to.size()) return n;
    Read rest = inner_->read(to.subspan(n));
    if (!rest) return rest;
    return n + *rest;
  }
  uint64_t position() const override { return inner_->position(); }
  uint64_t size() const override { return inner_->size(); }

 private:
  std::unique_ptr<ByteSource> inner_;
  std::vector<std::byte> head_;
  size_t used_ = 0;
};

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> inner)
      : inner_(std::move(inner)),
        stream_(ZSTD_createDStream(), &ZSTD_freeDStream),
        in_(ZSTD_DStreamInSize()) {}

  Read read(std::span<std::byte> to) override {
    ZSTD_outBuffer out{to.data(), to.size(), 0};
    while (out.pos < out.size) {
      if (input_.pos == input_.size && !ended_) {
        if (auto filled = refill(); !filled) return filled.error();
      }
      if (ended_ && between_frames_) break;
      const size_t before = out.pos;
      const size_t hint = ZSTD_decompressStream(stream_.get(), &out, &input_);
      if (ZSTD_isError(hint)) return std::string("damaged zstd data: ") + ZSTD_getErrorName(hint);
      between_frames_ = hint == 0 && input_.pos == input_.size;
      if (ended_ && out.pos == before && hint != 0) return std::string("zstd data ends too early");
    }
    produced_ += out.pos;
    if (produced_ > kMaxStreamBytes) return std::string("more than 4 GiB of uncompressed data");
    return out.pos;
  }
  uint64_t position() const override { return inner_->position(); }
  uint64_t size() const override { return inner_->size(); }

 private:
  hv::Result<void, std::string> refill() {
    Read got = inner_->read(in_);
    if (!got) return got.error();
    input_ = {in_.data(), *got, 0};
    ended_ = *got == 0;
    return {};
  }

  std::unique_ptr<ByteSource> inner_;
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream_;
  std::vector<std::byte> in_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  bool ended_ = false, between_frames_ = false;
  uint64_t produced_ = 0;
};

hv::Result<std::unique_ptr<ByteSource>, std::string> with_magic_checked(
    std::unique_ptr<ByteSource> raw) {
  std::vector<std::byte> head(4);
  Read got = raw->read(head);
  if (!got) return got.error();
  head.resize(*got);
  uint32_t magic = 0;
  if (head.size() == 4) std::memcpy(&magic, head.data(), 4);
  std::unique_ptr<ByteSource> source = std::make_unique<Rewound>(std::move(raw), std::move(head));
  if (magic == ZSTD_MAGICNUMBER) source = std::make_unique<ZstdSource>(std::move(source));
  return source;
}

}  // namespace

hv::Result<std::unique_ptr<ByteSource>, std::string> open_source(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return std::string("cannot open: ") + std::strerror(errno);
  struct stat st {};
  const bool known = fstat(fileno(file), &st) == 0;
  auto source = std::make_unique<FileSource>(file, known ? static_cast<uint64_t>(st.st_size) : 0);
  if (known && S_ISDIR(st.st_mode)) return std::string("is a directory");
  return with_magic_checked(std::move(source));
}

std::unique_ptr<ByteSource> memory_source(std::span<const std::byte> bytes) {
  return std::move(*with_magic_checked(std::make_unique<MemorySource>(bytes)));
}

}  // namespace aub

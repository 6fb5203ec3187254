// SPDX-License-Identifier: MIT
#include "hv/trace/writer.h"

#include <zstd.h>

namespace hv::trace {

namespace {
// Level 1: recording must stay cheap, and what repeats (context images) it finds as well.
constexpr int kLevel = 1;
}  // namespace

struct Writer::Compressor {
  ZSTD_CCtx* ctx = ZSTD_createCCtx();
  ~Compressor() { ZSTD_freeCCtx(ctx); }
};

Writer::Writer(ByteSink& sink, const FileHeader& header)
    : sink_(sink), header_(header), compressor_(std::make_unique<Compressor>()) {
  raw_.reserve(kBlockGoal * 2);
  stored_.resize(ZSTD_compressBound(kBlockGoal * 2));
}

Writer::~Writer() = default;

void Writer::describe(uint16_t device_id, uint8_t revision) {
  header_.device_id = device_id;
  header_.revision = revision;
}

void Writer::put_header() {
  const auto bytes = std::as_bytes(std::span{&header_, 1});
  header_.crc = crc32({bytes.first(offsetof(FileHeader, crc))});
  put(bytes);
}

void Writer::put(std::span<const std::byte> bytes) {
  if (status_.ok()) status_ = sink_.put(bytes);
  file_bytes_ += bytes.size();
}

bool encode_record(std::vector<std::byte>& to, Kind kind, uint32_t subject,
                   std::span<const uint64_t> args, std::span<const std::byte> blob) {
  std::byte head[1 + kVarintBytes * (kMaxArgs + 1)];
  if (args.size() > kMaxArgs || blob.size() > kMaxRecord - sizeof head) return false;
  size_t n = 0;
  head[n++] = static_cast<std::byte>(kind);
  n += put_varint(head + n, subject);
  for (const uint64_t a : args) n += put_varint(head + n, a);
  std::byte length[kVarintBytes];
  const size_t length_bytes = put_varint(length, n + blob.size());
  to.insert(to.end(), length, length + length_bytes);
  to.insert(to.end(), head, head + n);
  to.insert(to.end(), blob.begin(), blob.end());
  return true;
}

void Writer::add(Kind kind, uint32_t subject, std::span<const uint64_t> args,
                 std::span<const std::byte> blob) {
  if (!status_.ok()) return;
  if (!encode_record(raw_, kind, subject, args, blob)) {
    status_ = Error::bad_argument;
    return;
  }
  ++records_;
  if (raw_.size() >= kBlockGoal) close_block();
}

void Writer::add_encoded(std::span<const std::byte> bytes, uint64_t count) {
  if (!status_.ok()) return;
  raw_.insert(raw_.end(), bytes.begin(), bytes.end());
  records_ += count;
  if (raw_.size() >= kBlockGoal) close_block();
}

void Writer::close_block() {
  if (raw_.empty()) return;
  if (sequence_ == 0) put_header();
  if (const size_t bound = ZSTD_compressBound(raw_.size()); stored_.size() < bound)
    stored_.resize(bound);
  const size_t n = ZSTD_compressCCtx(compressor_->ctx, stored_.data(), stored_.size(), raw_.data(),
                                     raw_.size(), kLevel);
  if (ZSTD_isError(n)) {
    status_ = Error::no_memory;
    return;
  }
  BlockHeader h;
  h.sequence = sequence_++;
  h.raw = static_cast<uint32_t>(raw_.size());
  h.stored = static_cast<uint32_t>(n);
  const auto head = std::as_bytes(std::span{&h, 1});
  h.crc = crc32({head.first(offsetof(BlockHeader, crc)), std::span{stored_}.first(n)});
  put(head);
  put(std::span{stored_}.first(n));
  raw_.clear();
}

Status Writer::finish(const Sha256& state) {
  const uint64_t before = records_;
  add(Kind::end, 0, std::span{&before, 1}, state);
  close_block();
  finished_ = true;
  return status_;
}

}  // namespace hv::trace

// SPDX-License-Identifier: MIT
#include "hv/trace/reader.h"

#include <zstd.h>

#include <algorithm>

namespace hv::trace {

namespace {
/// Arguments that a record of this kind has in every version; later ones (":o") are zero if
/// missing.
unsigned always_there(const KindInfo& info) {
  unsigned n = 0;
  for (std::string_view args = info.args; !args.empty(); ++n)
    if (take_arg(args).form == 'o') break;
  return n;
}
}  // namespace

struct Reader::Decompressor {
  ZSTD_DCtx* ctx = ZSTD_createDCtx();
  ~Decompressor() { ZSTD_freeDCtx(ctx); }
};

Reader::Reader(ByteSource& source, const Vocabulary& vocabulary)
    : source_(source), vocabulary_(vocabulary) {
  read_header();
}

Reader::~Reader() = default;

bool Reader::fail(std::string why) {
  if (error_.empty()) error_ = std::move(why);
  return false;
}

bool Reader::fill(std::span<std::byte> to, const char* what, bool may_end) {
  const auto got = source_.get(to);
  if (!got.ok()) return fail(std::string("cannot read the trace: ") + error_name(got.error()));
  if (*got == to.size()) return true;
  if (*got == 0 && may_end) return false;
  return fail(std::string("truncated in ") + what);
}

void Reader::read_header() {
  const auto bytes = std::as_writable_bytes(std::span{&header_, 1});
  if (!fill(bytes, "the header", false)) return;
  const bool sound = header_.crc == crc32({bytes.first(offsetof(FileHeader, crc))});
  if (header_.magic != kMagic) {
    fail("not a trace: bad magic");
  } else if (header_.version == 0 || header_.min_reader > kVersion ||
             (header_.version > kVersion && !sound)) {
    fail("unknown trace version " + std::to_string(header_.version) + "; this reader knows " +
         std::to_string(kVersion));
  } else if (!sound) {
    fail("header damaged: checksum differs");
  } else if (header_.min_reader > header_.version || (header_.quirks & ~kKnownQuirks) != 0 ||
             std::ranges::any_of(header_.reserved, [](uint8_t b) { return b != 0; })) {
    fail("header has fields this reader does not know");
  }
}

bool Reader::read_block() {
  BlockHeader h;
  const auto bytes = std::as_writable_bytes(std::span{&h, 1});
  if (!fill(bytes, "a block header", true)) return fail("truncated: no end record");
  const std::string where = "block " + std::to_string(sequence_);
  if (h.magic != kBlockMagic || h.sequence != sequence_) return fail(where + ": bad block header");
  if (h.raw == 0 || h.raw > kMaxBlock || h.stored > ZSTD_compressBound(kMaxBlock))
    return fail(where + ": absurd length");
  stored_.resize(h.stored);
  if (!fill(stored_, "a block", false)) return false;
  if (h.crc != crc32({bytes.first(offsetof(BlockHeader, crc)), stored_}))
    return fail(where + " damaged: checksum differs");
  return unpack(h);
}

bool Reader::unpack(const BlockHeader& h) {
  if (!decompressor_) decompressor_ = std::make_unique<Decompressor>();
  raw_.resize(h.raw);
  const size_t n = ZSTD_decompressDCtx(decompressor_->ctx, raw_.data(), raw_.size(), stored_.data(),
                                       stored_.size());
  if (ZSTD_isError(n) || n != h.raw)
    return fail("block " + std::to_string(sequence_) + ": does not decompress");
  ++sequence_;
  rest_ = raw_;
  return true;
}

const Record* Reader::next() {
  if (!error_.empty() || ended_) return nullptr;
  if (rest_.empty() && !read_block()) return nullptr;
  uint64_t length = 0;
  if (!take_varint(rest_, length) || length > rest_.size() || length > kMaxRecord) {
    fail("record " + std::to_string(records_) + ": bad length");
    return nullptr;
  }
  if (!parse(rest_.first(length))) return nullptr;
  rest_ = rest_.subspan(length);
  if (record_.kind == Kind::end && !check_end()) return nullptr;
  ++records_;
  return &record_;
}

bool Reader::parse(std::span<const std::byte> p) {
  if (p.empty()) return fail("record " + std::to_string(records_) + ": empty");
  record_.index = records_;
  record_.kind = static_cast<Kind>(p[0]);
  p = p.subspan(1);
  const KindInfo* info = vocabulary_.find(record_.kind);
  if (!info)
    return fail("record " + std::to_string(records_) + ": unknown kind " +
                std::to_string(static_cast<unsigned>(record_.kind)));
  uint64_t subject = 0;
  bool ok = take_varint(p, subject) && subject <= UINT32_MAX;
  record_.subject = static_cast<uint32_t>(subject);
  const unsigned args = vocabulary_.args(record_.kind);
  for (unsigned i = 0; ok && i < args; ++i) {
    record_.args[i] = 0;
    const bool came_later = p.empty() && !info->blob && i >= always_there(*info);
    ok = came_later || take_varint(p, record_.args[i]);
  }
  if (!ok || (!info->blob && !p.empty()))
    return fail("record " + std::to_string(records_) + ": bad " + info->name);
  record_.blob = p;
  return true;
}

bool Reader::check_end() {
  if (record_.args[0] != records_ || record_.blob.size() != kShaBytes)
    return fail("end record does not fit the trace");
  if (!rest_.empty()) return fail("records after the end record");
  std::byte more{};
  const auto got = source_.get({&more, 1});
  if (!got.ok() || *got != 0) return fail("bytes after the end record");
  ended_ = true;
  return true;
}

}  // namespace hv::trace

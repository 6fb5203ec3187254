// SPDX-License-Identifier: MIT
// Trace files and their replay. Input: a first byte, then either a file as it is, or (odd) records
// that are wrapped into a file with correct checks, so that what is behind the checks is reached
// too.
#include <zstd.h>

#include <algorithm>

#include "hv/trace/writer.h"
#include "mediator/trace/kinds.h"
#include "mediator/trace/replay.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace hv::trace;
using Bytes = std::vector<std::byte>;

class Source final : public ByteSource {
 public:
  explicit Source(std::span<const std::byte> bytes) : rest_(bytes) {}
  hv::Result<size_t> get(std::span<std::byte> to) override {
    const size_t n = std::min(to.size(), rest_.size());
    std::copy_n(rest_.begin(), n, to.begin());
    rest_ = rest_.subspan(n);
    return n;
  }

 private:
  std::span<const std::byte> rest_;
};

class Sink final : public ByteSink {
 public:
  hv::Status put(std::span<const std::byte> bytes) override {
    out.insert(out.end(), bytes.begin(), bytes.end());
    return {};
  }
  Bytes out;
};

template <class T>
std::span<const std::byte> bytes_of(const T& v, size_t bytes = sizeof(T)) {
  return std::as_bytes(std::span(&v, 1)).first(bytes);
}

// A file of one block that holds these records.
Bytes wrap(std::span<const std::byte> records) {
  FileHeader file;
  file.crc = crc32({bytes_of(file, offsetof(FileHeader, crc))});
  Bytes stored(ZSTD_compressBound(records.size()));
  stored.resize(ZSTD_compress(stored.data(), stored.size(), records.data(), records.size(), 1));
  BlockHeader block;
  block.raw = static_cast<uint32_t>(records.size());
  block.stored = static_cast<uint32_t>(stored.size());
  block.crc = crc32({bytes_of(block, offsetof(BlockHeader, crc)), stored});
  Bytes out;
  for (const auto part : {bytes_of(file), bytes_of(block), std::span<const std::byte>(stored)})
    out.insert(out.end(), part.begin(), part.end());
  return out;
}

// Reading alone ends, and says in one line what is wrong or that it saw the end.
void read_all(std::span<const std::byte> bytes) {
  Source source(bytes);
  Reader reader(source, mediator::trace::kVocabulary);
  while (reader.next() != nullptr) {
  }
  FUZZ_REQUIRE(reader.error().empty() == reader.ended());
  FUZZ_REQUIRE(reader.error().find('\n') == std::string::npos);
}

void replay_all(std::span<const std::byte> bytes) {
  Source source(bytes);
  Reader reader(source, mediator::trace::kVocabulary);
  const auto result = mediator::trace::replay(reader);
  FUZZ_REQUIRE(!result.matches || (result.error.empty() && !result.first_divergence));
}

// What can be told anew replays afterwards.
void retell_all(std::span<const std::byte> bytes) {
  Source source(bytes);
  Reader reader(source, mediator::trace::kVocabulary);
  Sink sink;
  Writer writer(sink, {.quirks = reader.header().quirks});
  const auto told = mediator::trace::retell(reader, writer);
  if (!told.matches || !told.error.empty()) return;
  Source again(sink.out);
  Reader second(again, mediator::trace::kVocabulary);
  FUZZ_REQUIRE(mediator::trace::replay(second).matches);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto rest = std::as_bytes(std::span(data + 1, size - 1));
  if (data[0] % 2 != 0 && rest.empty()) return 0;
  const Bytes file = data[0] % 2 != 0 ? wrap(rest) : Bytes(rest.begin(), rest.end());
  read_all(file);
  replay_all(file);
  retell_all(file);
  return 0;
}

std::vector<std::vector<uint8_t>> fuzz_seeds() {
  Sink sink;
  {
    Writer writer(sink, {});
    const auto add = [&](Kind kind, uint32_t subject, std::initializer_list<uint64_t> args) {
      writer.add(kind, subject, std::span(args.begin(), args.size()));
    };
    add(mediator::trace::kind::session, 0, {5'000'000, 200'000'000, 0, 0, 256, 64});
    add(mediator::trace::kind::gpu_info, 0,
        {0x1912, 6, 1ULL << 32, 256 << 20, 15, 1 << 28, 1 << 28});
    add(mediator::trace::kind::create, 1,
        {1, 0x1912, 6, 0, 64 << 20, 256 << 20, 384 << 20, 256 << 20, 4, 1024, 768, 1, 1});
    add(Kind::register_pages, 1, {1, 0, 2 << 20, 0});
    add(Kind::register_pages, 1, {1, 8 << 20, 8 << 20, 0});
    add(mediator::trace::kind::created, 1, {0, 1});
    add(Kind::clock, 0, {1, 1000});
    add(Kind::trap_write, 1, {1, 0x2230, 4, 0x119});
    add(Kind::trap_read, 1, {1, 0x78000, 8});
    add(Kind::page_write, 1, {0x1000, 8});
    add(mediator::trace::kind::poll, 0, {});
    (void)writer.finish({});
  }
  std::vector<uint8_t> whole{0};
  for (const std::byte b : sink.out) whole.push_back(static_cast<uint8_t>(b));
  // The same records, unpacked: behind the two headers stands one zstd frame.
  const size_t head = sizeof(FileHeader) + sizeof(BlockHeader);
  std::vector<uint8_t> raw(1 << 16);
  const size_t n = ZSTD_decompress(raw.data() + 1, raw.size() - 1, sink.out.data() + head,
                                   sink.out.size() - head);
  raw[0] = 1;
  raw.resize(ZSTD_isError(n) ? 1 : n + 1);
  return {whole, raw};
}

// SPDX-License-Identifier: MIT
// The AUB packet reader: one packet at a time in a buffer, every length checked before use.
#include "dom0/aub/reader.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "dom0/aub/format.h"
#include "shadow/gen9/regs.h"

namespace aub {
namespace {

using namespace format;

/// A block of the older format carries its data behind the packet; no tool writes more at once.
constexpr uint32_t kMaxBlockBytes = 64u << 20;
constexpr unsigned kProgressEvery = 256;  // packets

std::string hex(uint64_t v) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(v));
  return text;
}

std::string printable(std::span<const std::byte> bytes) {
  std::string s;
  for (std::byte b : bytes) {
    const char c = static_cast<char>(b);
    if (c == '\0') break;
    s += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return s;
}

class Reader {
 public:
  Reader(ByteSource& source, Sink& sink) : source_(source), sink_(sink) {}

  /// False at the end of the file.
  hv::Result<bool, Error> next();
  [[nodiscard]] bool seen_header() const { return seen_header_; }

 private:
  using Step = hv::Result<void, std::string>;

  Step fill(size_t dwords);
  Step load(uint32_t first);
  Step dispatch();
  Step trace_packet();
  Step memory_write(uint64_t address, uint32_t space, std::span<const std::byte> data);
  Step one_memory_write();
  Step scattered_write();
  Step register_write();
  Step register_poll();
  Step checked_register();
  Step trace_header();
  Step block_header();
  Step block();
  Step command_block(std::span<const std::byte> data);
  Step announce(std::string text);
  Step need(size_t dwords) const {
    if (packet_.size() >= dwords) return {};
    return "packet of " + std::to_string(packet_.size()) + " dwords is too short";
  }
  [[nodiscard]] std::span<const std::byte> bytes_from(size_t dword) const {
    return std::as_bytes(std::span(packet_)).subspan(dword * 4);
  }

  ByteSource& source_;
  Sink& sink_;
  std::vector<uint32_t> packet_;
  size_t packet_dwords_ = 0;  // without the data of a block
  uint64_t start_ = 0, position_ = 0;
  bool seen_header_ = false;
};

Reader::Step Reader::fill(size_t dwords) {
  const size_t have = packet_.size();
  packet_.resize(dwords);
  auto room = std::as_writable_bytes(std::span(packet_)).subspan(have * 4);
  auto got = source_.read(room);
  if (!got) return got.error();
  position_ += *got;
  if (*got == room.size()) return {};
  return "file ends inside a packet of " + std::to_string(dwords) + " dwords";
}

hv::Result<bool, Error> Reader::next() {
  start_ = position_;
  uint32_t first = 0;
  auto got = source_.read(std::as_writable_bytes(std::span(&first, 1)));
  if (!got) return Error{start_, got.error()};
  if (*got == 0) return false;
  position_ += *got;
  if (*got != sizeof first) return Error{start_, "file ends inside a packet"};
  if (Step s = load(first); !s) return Error{start_, s.error()};
  if (Step s = dispatch(); !s) return Error{start_, s.error()};
  return true;
}

Reader::Step Reader::load(uint32_t first) {
  packet_.assign(1, first);
  const uint32_t opcode = Opcode::get(first);
  if (Type::get(first) != kAub || (opcode != kBlockFormat && opcode != kTraceFormat)) {
    return seen_header_ ? "not an AUB packet: " + hex(first) : std::string("not an AUB file");
  }
  packet_dwords_ = Length::get(first) + (opcode == kBlockFormat ? kBlockBias : kTraceBias);
  if (Step s = fill(packet_dwords_); !s) return s;
  if (opcode != kBlockFormat || Block{SubOpcode::get(first)} != Block::block) return {};
  if (Step s = need(5); !s) return s;
  if (packet_[4] % 4 != 0) return "block size " + hex(packet_[4]) + " is not whole dwords";
  if (packet_[4] > kMaxBlockBytes) return "block size " + hex(packet_[4]) + " is too large";
  return fill(packet_dwords_ + packet_[4] / 4);
}

Reader::Step Reader::dispatch() {
  const uint32_t sub = SubOpcode::get(packet_[0]);
  const bool trace = Opcode::get(packet_[0]) == kTraceFormat;
  const bool is_header = trace ? Trace{sub} == Trace::version || Trace{sub} == Trace::version_old
                               : Block{sub} == Block::header;
  if (!seen_header_ && !is_header) return std::string("not an AUB file: no header");
  if (trace) return trace_packet();
  switch (Block{sub}) {
    case Block::header: return block_header();
    case Block::block: return block();
    case Block::bmp: return {};
  }
  return "unknown block packet " + hex(sub);
}

Reader::Step Reader::trace_packet() {
  const uint32_t sub = SubOpcode::get(packet_[0]);
  switch (Trace{sub}) {
    case Trace::version:
    case Trace::version_old: return trace_header();
    case Trace::register_write: return register_write();
    case Trace::register_poll: return register_poll();
    case Trace::memory_write: return one_memory_write();
    case Trace::scattered_write: return scattered_write();
    case Trace::comment:
      if (Step s = need(2); !s) return s;
      return sink_.comment(printable(bytes_from(2)));
    // Say nothing about what the GPU does.
    case Trace::register_compare:
    case Trace::memory_compare:
    case Trace::memory_poll:
    case Trace::frame_begin:
    case Trace::delay:
    case Trace::memory_dump:
    case Trace::phase_marker: return {};
    case Trace::contiguous_region:
    case Trace::predicate:
    case Trace::dump_compress: return "trace packet " + hex(sub) + " is not supported";
  }
  return "unknown trace packet " + hex(sub);
}

Reader::Step Reader::memory_write(uint64_t address, uint32_t space,
                                  std::span<const std::byte> data) {
  address &= kAddressMask;  // may be canonical, with bit 47 repeated above
  if (data.size() > kAddressMask - address) return "write wraps at " + hex(address);
  switch (space) {
    case kSpaceGgtt: return sink_.ggtt_write(address, data);
    case kSpaceLocal:  // device memory: Gen9 has none, tools mean system memory
    case kSpacePhysical: return sink_.physical_write(address, data);
    case kSpaceGgttEntry: return sink_.ggtt_entry_write(address, data);
    default: return "unknown address space " + std::to_string(space);
  }
}

Reader::Step Reader::one_memory_write() {
  if (Step s = need(5); !s) return s;
  const uint32_t bytes = packet_[4];
  const auto data = bytes_from(5);
  if (bytes > data.size()) {
    return "write of " + hex(bytes) + " bytes in a packet with room for " + hex(data.size());
  }
  const uint64_t address = packet_[1] | uint64_t{packet_[2]} << 32;
  return memory_write(address, AddressSpace::get(packet_[3]), data.first(bytes));
}

Reader::Step Reader::scattered_write() {
  constexpr size_t kData = 2 + 3 * kScatteredPieces;
  if (Step s = need(kData); !s) return s;
  auto data = bytes_from(kData);
  for (unsigned i = 0; i < kScatteredPieces; ++i) {
    const uint32_t* piece = &packet_[2 + 3 * i];
    if (piece[2] == 0) continue;
    if (piece[2] > data.size()) return std::string("piece is longer than its packet");
    const uint64_t address = piece[0] | uint64_t{piece[1]} << 32;
    if (Step s = memory_write(address, AddressSpace::get(packet_[1]), data.first(piece[2])); !s) {
      return s;
    }
    data = data.subspan(std::min<size_t>(hv::align_up(piece[2], 4), data.size()));
  }
  return {};
}

Reader::Step Reader::checked_register() {
  if (RegisterSpace::get(packet_[2]) != kSpaceMmio) return std::string("register outside MMIO");
  if (RegisterSize::get(packet_[2]) != kSizeDword) return std::string("register is not a dword");
  if (packet_[1] % 4 != 0 || packet_[1] >= gen9::kMmioBytes) {
    return "register offset " + hex(packet_[1]) + " is outside the register space";
  }
  return {};
}

Reader::Step Reader::register_write() {
  if (Step s = need(6); !s) return s;
  if (Step s = checked_register(); !s) return s;
  return sink_.register_write(packet_[1], packet_[5]);
}

Reader::Step Reader::register_poll() {
  if (Step s = need(6); !s) return s;
  if (Step s = checked_register(); !s) return s;
  return sink_.register_poll(packet_[1], packet_[3], packet_[5]);
}

Reader::Step Reader::announce(std::string text) {
  constexpr std::string_view kTag = "PCI-ID=";
  Header h;
  h.blocks = Opcode::get(packet_[0]) == kBlockFormat;
  if (text.starts_with(kTag)) {
    char* end = nullptr;
    const unsigned long id = std::strtoul(text.c_str() + kTag.size(), &end, 0);
    if (id == 0 || id > 0xffff) return "bad device id in '" + text + "'";
    h.device_id = static_cast<uint16_t>(id);
    text.erase(0, static_cast<size_t>(end - text.c_str()));
    text.erase(0, text.find_first_not_of(' '));
  }
  h.application = std::move(text);
  seen_header_ = true;
  return sink_.header(h);
}

Reader::Step Reader::trace_header() {
  if (Step s = need(5); !s) return s;
  return announce(printable(bytes_from(5)));
}

Reader::Step Reader::block_header() {
  if (Step s = need(13); !s) return s;
  const auto comment = bytes_from(13);
  const size_t bytes = std::min<size_t>(packet_[12], comment.size());
  const std::string text = printable(comment.first(bytes));
  if (text.starts_with("PCI-ID=")) return announce(text + " " + printable(bytes_from(2).first(32)));
  return announce(printable(bytes_from(2).first(32)));
}

Reader::Step Reader::block() {
  const auto data = bytes_from(packet_dwords_);
  const uint64_t high = packet_dwords_ > 5 ? packet_[5] : 0;
  const uint64_t address = packet_[3] | high << 32;
  switch (BlockOperation::get(packet_[1])) {
    case kOpComment: return sink_.comment(printable(data));
    case kOpDataWrite:
      if (BlockSpace::get(packet_[1]) == kBlockGtt) return memory_write(address, kSpaceGgtt, data);
      if (BlockSpace::get(packet_[1]) != kBlockGttEntry) return {};  // PCI and local: never read
      return memory_write(address, kSpaceGgttEntry, data);
    case kOpCommandWrite: return command_block(data);
    case kOpMmioWrite: return {};
    default: return "unknown block operation " + hex(BlockOperation::get(packet_[1]));
  }
}

Reader::Step Reader::command_block(std::span<const std::byte> data) {
  switch (BlockType::get(packet_[1])) {
    case kRingRender: return sink_.ring_write(gen9::EngineId::rcs, data);
    case kRingVideo: return sink_.ring_write(gen9::EngineId::vcs, data);
    case kRingBlitter: return sink_.ring_write(gen9::EngineId::bcs, data);
    default: return "unknown ring " + hex(BlockType::get(packet_[1]));
  }
}

}  // namespace

hv::Result<void, Error> read_aub(ByteSource& source, Sink& sink, Progress progress,
                                 void* progress_context) {
  Reader reader(source, sink);
  for (unsigned packets = 0;; ++packets) {
    auto more = reader.next();
    if (!more) return more.error();
    if (!*more) break;
    if (progress != nullptr && packets % kProgressEvery == 0) progress(progress_context, source);
  }
  if (!reader.seen_header()) return Error{0, "not an AUB file: it is empty"};
  return {};
}

}  // namespace aub

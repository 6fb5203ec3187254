// SPDX-License-Identifier: MIT
// The trace file's fixed parts: header, block header, limits. docs/TRACE-FORMAT.md is the contract.
// All integers are little endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace hv::trace {

inline constexpr std::array<char, 8> kMagic{'X', 'G', 'V', 'T', 'R', 'A', 'C', 'E'};
inline constexpr uint32_t kVersion = 2;    ///< what this code writes
inline constexpr uint32_t kMinReader = 1;  ///< oldest reader that understands what it writes
inline constexpr uint32_t kBlockMagic = 0x4b424758;  // "XGBK"

/// Properties of a trace. A reader refuses bits it does not know.
enum Quirk : uint64_t {
  kGuestPages = 1,  ///< holds guest_page records: good for open replay
  kGuestData = 2,   ///< holds guest_data and gpu_page records: good for open replay
  kOneGuest = 4,    ///< holds one guest of several, without answers: only for open replay
};
inline constexpr uint64_t kKnownQuirks = kGuestPages | kGuestData | kOneGuest;

struct FileHeader {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kVersion;
  uint32_t min_reader = kMinReader;
  uint64_t quirks = 0;
  uint16_t device_id = 0;  ///< PCI id of the GPU behind the recording
  uint8_t revision = 0;
  std::array<uint8_t, 33> reserved{};  ///< zero
  uint32_t crc = 0;                    ///< CRC-32 of everything before
};
static_assert(sizeof(FileHeader) == 64 && std::is_trivially_copyable_v<FileHeader>);
static_assert(offsetof(FileHeader, device_id) == 24 && offsetof(FileHeader, crc) == 60);

/// Each block is one zstd frame of whole records, checked before it is decompressed.
struct BlockHeader {
  uint32_t magic = kBlockMagic;
  uint32_t sequence = 0;  ///< 0, 1, 2...
  uint32_t raw = 0;       ///< bytes of records inside
  uint32_t stored = 0;    ///< bytes that follow
  uint32_t crc = 0;       ///< CRC-32 of the 16 bytes before and of the stored bytes
};
static_assert(sizeof(BlockHeader) == 20 && std::is_trivially_copyable_v<BlockHeader>);

inline constexpr size_t kMaxRecord = size_t{16} << 20;  ///< one record, bytes
inline constexpr size_t kBlockGoal = size_t{1} << 20;   ///< a block is closed when it is this long
inline constexpr size_t kMaxBlock = kBlockGoal + kMaxRecord + 16;
inline constexpr size_t kMaxArgs = 16;
inline constexpr size_t kShaBytes = 32;

}  // namespace hv::trace

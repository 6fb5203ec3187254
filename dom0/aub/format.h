// SPDX-License-Identifier: MIT
// Numbers of the AUB file format, as Mesa's and IGT's writers use them.
#pragma once

#include <cstdint>

#include "hv/bits.h"

namespace aub::format {

// First dword of every packet.
using Type = hv::Field32<31, 29>;  // always 7
using Opcode = hv::Field32<28, 23>;
using SubOpcode = hv::Field32<22, 16>;
using Length = hv::Field32<15, 0>;  // dwords, less the opcode's bias

inline constexpr uint32_t kAub = 7;
inline constexpr uint32_t kBlockFormat = 0x01, kTraceFormat = 0x2e;
inline constexpr unsigned kBlockBias = 2, kTraceBias = 1;

enum class Block : uint32_t { header = 0x05, bmp = 0x1e, block = 0x41 };

enum class Trace : uint32_t {
  version_old = 0x00,
  register_compare = 0x01,
  register_poll = 0x02,
  register_write = 0x03,
  memory_compare = 0x04,
  memory_poll = 0x05,
  memory_write = 0x06,
  frame_begin = 0x07,
  comment = 0x08,
  delay = 0x09,
  memory_dump = 0x0a,
  scattered_write = 0x0b,
  phase_marker = 0x0c,
  contiguous_region = 0x0d,
  version = 0x0e,
  predicate = 0x0f,
  dump_compress = 0x10,
};

// Memory write, dword 3.
using AddressSpace = hv::Field32<31, 28>;
inline constexpr uint32_t kSpaceGgtt = 0, kSpaceLocal = 1, kSpacePhysical = 2, kSpaceGgttEntry = 4;

// Register write and poll, dword 2.
using RegisterSize = hv::Field32<19, 16>;
using RegisterSpace = hv::Field32<31, 28>;
inline constexpr uint32_t kSizeDword = 2, kSpaceMmio = 0;

// Block, dword 1.
using BlockOperation = hv::Field32<7, 0>;
using BlockType = hv::Field32<15, 8>;
using BlockSpace = hv::Field32<23, 16>;
inline constexpr uint32_t kOpComment = 0, kOpDataWrite = 1, kOpCommandWrite = 2, kOpMmioWrite = 3;
inline constexpr uint32_t kBlockGtt = 0, kBlockGttEntry = 4;
inline constexpr uint32_t kRingRender = 2, kRingVideo = 3, kRingBlitter = 4;

inline constexpr unsigned kScatteredPieces = 63;
inline constexpr uint64_t kAddressMask = (uint64_t{1} << 48) - 1;

}  // namespace aub::format

// SPDX-License-Identifier: MIT
// AUX requests and replies.
#include "mediator/dp_aux.h"

namespace mediator {
namespace {

// Upper half of a request's first byte.
constexpr uint8_t kNative = 8, kRead = 1, kCommandMask = 3, kI2cWrite = 0, kI2cRead = 1;
constexpr uint8_t kI2cWriteStatus = 2;

// First byte of a reply.
constexpr uint8_t kAck = 0x00, kNativeNack = 0x10, kI2cNack = 0x40;

constexpr uint32_t kEdidAddress = 0x50, kSegmentAddress = 0x30;
constexpr unsigned kHeader = 3, kMaxData = 16;

unsigned reply_with(DpAux::Reply& reply, uint8_t code, unsigned bytes = 1) {
  reply[0] = code;
  return bytes;
}

}  // namespace

void DpAux::reset() {
  dpcd_.reset();
  offset_ = 0;
}

unsigned DpAux::transact(std::span<const uint8_t> request, Reply& reply) {
  if (request.size() < kHeader || request.size() > kMaxMessage) return 0;
  reply.fill(0);
  const uint8_t command = request[0] >> 4;
  const uint32_t address = (request[0] & 0xfu) << 16 | request[1] << 8u | request[2];
  const auto body = request.subspan(kHeader);
  if (command & kNative) {
    const bool known = (command & ~(kNative | kRead)) == 0;
    return known ? native(command & kRead, address, body, reply) : reply_with(reply, kNativeNack);
  }
  switch (command & kCommandMask) {
    case kI2cWrite: return i2c(false, address, body, reply);
    case kI2cRead: return i2c(true, address, body, reply);
    case kI2cWriteStatus: return reply_with(reply, kAck);
    default: return reply_with(reply, kI2cNack);
  }
}

/// `body`: one byte of length - 1, then the data of a write.
unsigned DpAux::native(bool read, uint32_t address, std::span<const uint8_t> body, Reply& reply) {
  if (body.empty()) return reply_with(reply, read ? kAck : kNativeNack);
  const unsigned length = body[0] + 1u;
  if (length > kMaxData) return reply_with(reply, kNativeNack);
  const auto data = body.subspan(1);
  if (read) {
    if (!data.empty()) return reply_with(reply, kNativeNack);
    dpcd_.read(address, std::span(reply).subspan(1, length));
    return reply_with(reply, kAck, 1 + length);
  }
  const bool ok = data.size() == length && dpcd_.write(address, data);
  return reply_with(reply, ok ? kAck : kNativeNack);
}

unsigned DpAux::i2c(bool read, uint32_t address, std::span<const uint8_t> body, Reply& reply) {
  if (address != kEdidAddress && address != kSegmentAddress) return reply_with(reply, kI2cNack);
  if (body.empty()) return reply_with(reply, kAck);  // start or stop
  const unsigned length = body[0] + 1u;
  const auto data = body.subspan(1);
  if (length > kMaxData || data.size() != (read ? 0 : length)) return reply_with(reply, kI2cNack);
  if (address == kSegmentAddress) {
    // One segment only: number 0 can be chosen, nothing can be read.
    return reply_with(reply, !read && data[0] == 0 ? kAck : kI2cNack);
  }
  if (!read) {
    offset_ = data.back();
    return reply_with(reply, kAck);
  }
  for (unsigned i = 0; i < length; ++i, ++offset_)
    reply[1 + i] = offset_ < kEdidBytes ? edid_[offset_] : uint8_t{0};
  return reply_with(reply, kAck, 1 + length);
}

}  // namespace mediator

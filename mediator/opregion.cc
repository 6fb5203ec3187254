// SPDX-License-Identifier: MIT
// An OpRegion of version 2 with one mailbox, the video BIOS table (VBT): its header, the header of
// its data blocks, and two blocks: general features (none) and the list of display outputs.
#include "mediator/opregion.h"

#include <cstdint>
#include <cstring>
#include <string_view>

#include "hv/bits.h"
#include "hv/types.h"
#include "mediator/device_model.h"

namespace mediator {
namespace {

constexpr size_t kBytes = 2 * hv::kPageSize;
constexpr size_t kSize = 0x10, kVersion = 0x14, kMailboxes = 0x58, kLid = 0x1ac, kVbt = 0x400;
constexpr uint32_t kVersion2 = 2 << 24, kMailbox4 = 1 << 3, kLidOpen = 3;

constexpr uint16_t kVbtVersion = 155, kVbtHeader = 48, kBlocksHeader = 22;
/// The version whose entries of outputs have 33 bytes.
constexpr uint16_t kBlocksVersion = 186;
constexpr size_t kOutputBytes = 33;
constexpr uint8_t kGeneralFeatures = 1, kOutputs = 2;
constexpr uint16_t kDisplayPort = 0x68c6, kHdmi = 0x60d2, kFourthExternal = 0x10;
constexpr uint8_t kPortDHdmi = 3, kPortDDisplayPort = 9, kIntegratedEncoder = 1 << 5;
constexpr size_t kOutputType = 2, kOutputPort = 16, kOutputSupport = 24, kOutputEncoder = 27;
constexpr uint8_t kSupportsHdmi = 1, kSupportsDp = 2;

using Bytes = std::vector<std::byte>;

template <class T>
void append(Bytes& out, T value) {
  out.resize(out.size() + sizeof value);
  hv::store(out.data() + out.size() - sizeof value, value);
}
void append(Bytes& out, std::string_view text, size_t length) {
  for (size_t i = 0; i < length; ++i) append(out, i < text.size() ? text[i] : '\0');
}
void append_block(Bytes& out, uint8_t id, const Bytes& contents) {
  append(out, id);
  append(out, static_cast<uint16_t>(contents.size()));
  out.insert(out.end(), contents.begin(), contents.end());
}

/// Pins and channels are left 0: those that the port has by default.
Bytes outputs(MonitorLink link) {
  const bool dp = link == MonitorLink::display_port;
  Bytes block;
  append(block, "", 4);
  append(block, static_cast<uint8_t>(kOutputBytes));
  Bytes one(kOutputBytes);
  hv::store(one.data(), kFourthExternal);
  hv::store(one.data() + kOutputType, dp ? kDisplayPort : kHdmi);
  hv::store(one.data() + kOutputPort, dp ? kPortDDisplayPort : kPortDHdmi);
  hv::store(one.data() + kOutputSupport, dp ? kSupportsDp : kSupportsHdmi);
  hv::store(one.data() + kOutputEncoder, kIntegratedEncoder);
  block.insert(block.end(), one.begin(), one.end());
  return block;
}

Bytes vbt(MonitorLink link) {
  Bytes blocks;
  append(blocks, "BIOS_DATA_BLOCK ", 16);
  append(blocks, kBlocksVersion);
  append(blocks, kBlocksHeader);
  append(blocks, uint16_t{0});
  append_block(blocks, kGeneralFeatures, Bytes(7));
  append_block(blocks, kOutputs, outputs(link));
  hv::store(blocks.data() + 20, static_cast<uint16_t>(blocks.size()));

  Bytes out;
  append(out, "$VBT XENGVT", 20);
  append(out, kVbtVersion);
  append(out, kVbtHeader);
  append(out, static_cast<uint16_t>(kVbtHeader + blocks.size()));
  append(out, uint16_t{0});
  append(out, uint32_t{kVbtHeader});
  append(out, "", 16);
  out.insert(out.end(), blocks.begin(), blocks.end());
  uint8_t sum = 0;
  for (const std::byte b : out) sum = static_cast<uint8_t>(sum + std::to_integer<uint8_t>(b));
  hv::store(out.data() + 26, static_cast<uint8_t>(0 - sum));
  return out;
}

}  // namespace

Bytes opregion_image(const VgpuConfig& config) {
  Bytes out(kBytes);
  std::memcpy(out.data(), "IntelGraphicsMem", 16);
  hv::store(out.data() + kSize, static_cast<uint32_t>(kBytes >> 10));
  hv::store(out.data() + kVersion, kVersion2);
  hv::store(out.data() + kMailboxes, kMailbox4);
  hv::store(out.data() + kLid, kLidOpen);
  const Bytes table = vbt(config.monitor);
  std::memcpy(out.data() + kVbt, table.data(), table.size());
  return out;
}

}  // namespace mediator

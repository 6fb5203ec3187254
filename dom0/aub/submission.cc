// SPDX-License-Identifier: MIT
// ELSP detection and context image reading.
#include "dom0/aub/submission.h"

#include <algorithm>

#include "shadow/gen9/context_image.h"
#include "shadow/gen9/regs.h"

namespace aub {
namespace {

// Gen11's submit queue, relative to the engine's base.
constexpr uint32_t kElsqFirst = 0x510, kElsqLast = 0x54c, kElsqControl = 0x550;
constexpr uint64_t kMode32 = 1, kMode48 = 3;

uint64_t root(const Memory& memory, uint64_t page, unsigned n) {
  // PDP3's upper half stands first; each value is one pair behind its upper half.
  const unsigned udw = gen9::ctx::kPdp3Udw + (3 - n) * 4;
  const uint64_t high = memory.ggtt_dword(page + udw * 4);
  return high << 32 | memory.ggtt_dword(page + (udw + 2) * 4);
}

}  // namespace

hv::Result<std::optional<Submission>, std::string> SubmitPorts::write(uint32_t offset,
                                                                      uint32_t value) {
  for (gen9::EngineId e : gen9::kAllEngines) {
    const uint32_t base = gen9::info(e).mmio_base;
    if (offset == base + kElsqControl ||
        (offset >= base + kElsqFirst && offset <= base + kElsqLast)) {
      return std::string("submission through ELSQ: made for Gen11 or later, this is Gen9");
    }
    if (offset != base + gen9::rel::kElsp) continue;
    Port& port = ports_[gen9::index(e)];
    port.words[port.count++] = value;
    if (port.count < port.words.size()) return std::optional<Submission>{};
    port.count = 0;
    const auto& w = port.words;  // element 1 high, low, element 0 high, low
    return std::optional(Submission{e, {uint64_t{w[2]} << 32 | w[3], uint64_t{w[0]} << 32 | w[1]}});
  }
  return std::optional<Submission>{};
}

bool SubmitPorts::unfinished() const {
  return std::any_of(ports_.begin(), ports_.end(), [](const Port& p) { return p.count != 0; });
}

hv::Result<ContextView, std::string> view_context(const Memory& memory, uint64_t descriptor) {
  namespace ctx = gen9::ctx;
  namespace desc = gen9::descriptor;
  if ((descriptor & desc::kValid) == 0) return std::string("context descriptor is not valid");
  const uint64_t mode = desc::AddressingMode::get(descriptor);
  if (mode != kMode32 && mode != kMode48) return std::string("context without PPGTT");
  ContextView v;
  v.lrca = descriptor & desc::Lrca::mask;
  const uint64_t page = v.lrca + ctx::kStatePage * hv::kPageSize;
  if (!memory.ggtt(page)) return std::string("context image is not mapped");
  const auto state = [&](unsigned dword) { return memory.ggtt_dword(page + dword * 4); };
  v.ring_start = state(ctx::kRingStart) & ~static_cast<uint32_t>(hv::kPageMask);
  v.ring_bytes = ctx::ring_bytes(state(ctx::kRingCtl));
  v.head = state(ctx::kRingHead) & 0x1ffffc;
  v.tail = state(ctx::kRingTail) & 0x1ffff8;
  if (v.head >= v.ring_bytes || v.tail >= v.ring_bytes) {
    return std::string("ring head or tail is outside the ring");
  }
  v.ppgtt.four_level = mode == kMode48;
  for (unsigned n = 0; n < 4; ++n) v.ppgtt.roots[n] = root(memory, page, n);
  return v;
}

void retire_context(Memory& memory, const ContextView& context) {
  memory.set_ggtt_dword(
      context.lrca + gen9::ctx::kStatePage * hv::kPageSize + gen9::ctx::kRingHead * 4,
      context.tail);
}

SinkStatus Player::header(const Header& h) {
  header_ = h;
  memory_.set_flat(h.blocks);
  return {};
}
SinkStatus Player::physical_write(uint64_t address, std::span<const std::byte> data) {
  return memory_.write_physical(address, data);
}
SinkStatus Player::ggtt_write(uint64_t address, std::span<const std::byte> data) {
  return memory_.write_ggtt(address, data);
}
SinkStatus Player::ggtt_entry_write(uint64_t address, std::span<const std::byte> data) {
  return memory_.write_ggtt_entries(address, data);
}
SinkStatus Player::register_write(uint32_t offset, uint32_t value) {
  auto submission = ports_.write(offset, value);
  if (!submission) return submission.error();
  if (!*submission) return {};
  return submitted(**submission);
}

}  // namespace aub

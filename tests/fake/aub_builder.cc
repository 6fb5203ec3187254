// SPDX-License-Identifier: MIT
// The memory-trace packets: header, memory writes in three spaces, register writes and polls.
#include "tests/fake/aub_builder.h"

#include <array>
#include <cstring>

#include "shadow/gen9/context_image.h"
#include "shadow/gen9/pte.h"
#include "shadow/gen9/regs.h"

namespace fake {
namespace {

namespace ctx = gen9::ctx;
constexpr uint32_t packet(uint32_t sub, size_t words) {
  return 7u << 29 | 0x2eu << 23 | sub << 16 | static_cast<uint32_t>(words - 1);
}
constexpr uint32_t kPoll = 2, kRegister = 3, kMemory = 6, kVersion = 14;
constexpr uint32_t kDwordMmio = 2u << 16;
constexpr uint64_t kValid = 3;

}  // namespace

AubBuilder::AubBuilder() {
  std::array<uint32_t, 4> name{};
  std::memcpy(name.data(), "PCI-ID=0x1912", 13);
  words({packet(kVersion, 9), 0, 0, 0, 0, name[0], name[1], name[2], name[3]});
  tables_.push_back({new_frame()});
  children_.emplace_back(512);
}

void AubBuilder::words(std::initializer_list<uint32_t> w) {
  const auto b = std::as_bytes(std::span(w.begin(), w.size()));
  bytes_.insert(bytes_.end(), b.begin(), b.end());
}

void AubBuilder::memory(Space space, uint64_t address, std::span<const uint32_t> data) {
  words({packet(kMemory, 5 + data.size()), static_cast<uint32_t>(address),
         static_cast<uint32_t>(address >> 32), static_cast<uint32_t>(space) << 28,
         static_cast<uint32_t>(data.size_bytes())});
  const auto b = std::as_bytes(data);
  bytes_.insert(bytes_.end(), b.begin(), b.end());
}

void AubBuilder::memory64(Space space, uint64_t address, uint64_t value) {
  const std::array<uint32_t, 2> w{static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
  memory(space, address, w);
}

void AubBuilder::reg(uint32_t offset, uint32_t value) {
  words({packet(kRegister, 6), offset, kDwordMmio, ~0u, 0, value});
}

uint64_t AubBuilder::new_ggtt(unsigned pages) {
  const uint64_t first = next_ggtt_;
  for (unsigned i = 0; i < pages; ++i)
    memory64(Space::entry, 8 * next_ggtt_++, new_frame() << 12 | 1);
  return first << 12;
}

size_t AubBuilder::descend(size_t table, uint64_t va, unsigned level) {
  const unsigned i = gen9::entry_index(va, static_cast<gen9::Level>(level));
  if (children_[table][i] == 0) {
    tables_.push_back({new_frame()});
    children_.emplace_back(512);
    children_[table][i] = tables_.size() - 1;
    tables_[table].entries[i] = tables_.back().frame << 12 | kValid;
    memory64(Space::physical, (tables_[table].frame << 12) + 8 * i, tables_[table].entries[i]);
  }
  return children_[table][i];
}

void AubBuilder::map(uint64_t address, unsigned pages) {
  for (unsigned p = 0; p < pages; ++p) {
    const uint64_t va = address + p * 4096ull;
    const size_t leaf = descend(descend(descend(0, va, 4), va, 3), va, 2);
    const unsigned i = gen9::entry_index(va, gen9::Level::pt);
    tables_[leaf].entries[i] = new_frame() << 12 | kValid;
    memory64(Space::physical, (tables_[leaf].frame << 12) + 8 * i, tables_[leaf].entries[i]);
  }
}

void AubBuilder::write(uint64_t address, std::span<const uint32_t> data) {
  for (size_t i = 0; i < data.size(); ++i) {
    const uint64_t va = address + 4 * i;
    const size_t leaf = descend(descend(descend(0, va, 4), va, 3), va, 2);
    const uint64_t entry = tables_[leaf].entries[gen9::entry_index(va, gen9::Level::pt)];
    memory(Space::physical, gen9::pte_address(entry) + (va & 4095), data.subspan(i, 1));
  }
}

AubBuilder::Context& AubBuilder::context(gen9::EngineId engine) {
  Context& c = contexts_[gen9::index(engine)];
  if (c.image != 0) return c;
  reg(gen9::engine_reg(engine, gen9::rel::kRingMode), hv::masked_enable(gen9::kModeRunListEnable));
  reg(gen9::engine_reg(engine, gen9::rel::kHwsPga), static_cast<uint32_t>(new_ggtt(1)));
  c.ring = new_ggtt(1);
  c.image = new_ggtt(gen9::info(engine).context_pages);
  std::array<uint32_t, 0x50> state{};
  state[ctx::kContextControl] = hv::masked_enable(ctx::kRestoreInhibit | ctx::kInhibitSyncSwitch);
  state[ctx::kRingStart] = static_cast<uint32_t>(c.ring);
  state[ctx::kRingCtl] = 1;
  state[ctx::kPdp0Ldw] = static_cast<uint32_t>(tables_[0].frame << 12);
  memory(Space::ggtt, c.image + 4096, state);
  return c;
}

void AubBuilder::submit(gen9::EngineId engine, uint64_t batch) {
  const Context& c = context(engine);
  const std::array<uint32_t, 4> ring{0x18800101, static_cast<uint32_t>(batch),
                                     static_cast<uint32_t>(batch >> 32), 0};
  memory(Space::ggtt, c.ring, ring);
  memory(Space::ggtt, c.image + 4096 + 4 * ctx::kRingHead, std::array<uint32_t, 1>{0});
  memory(Space::ggtt, c.image + 4096 + 4 * ctx::kRingTail, std::array<uint32_t, 1>{16});
  const uint32_t elsp = gen9::engine_reg(engine, gen9::rel::kElsp);
  for (const uint32_t w : {0u, 0u, 0u, static_cast<uint32_t>(c.image) | 0x339}) reg(elsp, w);
  words({packet(kPoll, 6), gen9::engine_reg(engine, gen9::rel::kExeclistStatusLo), kDwordMmio, 0x10,
         0, 0});
}

}  // namespace fake

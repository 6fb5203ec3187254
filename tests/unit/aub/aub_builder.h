// SPDX-License-Identifier: MIT
// Writes small AUB files in memory, packet by packet, for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

namespace aub::test {

class Builder {
 public:
  static constexpr uint32_t kTrace = 7u << 29 | 0x2eu << 23;
  static constexpr uint32_t kBlock = 7u << 29 | 0x01u << 23;

  void dword(uint32_t v) { words_.push_back(v); }
  void packet(uint32_t sub, std::initializer_list<uint32_t> rest) {
    dword(kTrace | sub << 16 | static_cast<uint32_t>(rest.size()));
    words_.insert(words_.end(), rest);
  }
  void header(const std::string& text = "PCI-ID=0x1912 test") {
    const size_t n = (text.size() + 3) / 4;
    dword(kTrace | 0x0e << 16 | static_cast<uint32_t>(4 + n));
    words_.insert(words_.end(), {1, 0xc00, 0, 0});
    const size_t at = words_.size();
    words_.resize(at + n);
    std::memcpy(&words_[at], text.data(), text.size());
  }
  void memory(uint32_t space, uint64_t address, std::span<const uint32_t> data) {
    dword(kTrace | 0x06 << 16 | static_cast<uint32_t>(4 + data.size()));
    dword(static_cast<uint32_t>(address));
    dword(static_cast<uint32_t>(address >> 32));
    dword(space << 28);
    dword(static_cast<uint32_t>(data.size() * 4));
    words_.insert(words_.end(), data.begin(), data.end());
  }
  void reg(uint32_t offset, uint32_t value) {
    packet(0x03, {offset, 0x20000, 0xffffffff, 0, value});
  }

  /// Physical pages 1:1 behind GGTT pages [first, first + count).
  void map_ggtt(uint32_t first, uint32_t count, uint64_t frame) {
    std::vector<uint32_t> entries;
    for (uint32_t i = 0; i < count; ++i) {
      entries.push_back(static_cast<uint32_t>((frame + i) << 12) | 1);
      entries.push_back(0);
    }
    memory(4, uint64_t{first} * 8, entries);
  }
  void physical64(uint64_t address, uint64_t value) {
    const uint32_t w[2] = {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
    memory(2, address, w);
  }
  void elsp(uint32_t port, uint64_t first, uint64_t second = 0) {
    for (uint64_t d : {second, first}) {
      reg(port, static_cast<uint32_t>(d >> 32));
      reg(port, static_cast<uint32_t>(d));
    }
  }

  [[nodiscard]] std::vector<std::byte> bytes() const {
    std::vector<std::byte> b(words_.size() * 4);
    if (!b.empty()) std::memcpy(b.data(), words_.data(), b.size());
    return b;
  }

 private:
  std::vector<uint32_t> words_;
};

/// A whole little capture: ring at GGTT 0x1000, context image at 0x2000 (pages 2..4), a batch in
/// the PPGTT at `kBatch`, tables at physical 0x100000.., one submission on the engine behind
/// `port`.
inline constexpr uint64_t kBatch = 0x200000;

inline Builder capture(std::span<const uint32_t> ring, std::span<const uint32_t> batch,
                       uint32_t port = 0x2230) {
  Builder b;
  b.header();
  b.map_ggtt(1, 4, 0x10);
  b.physical64(0x100000, 0x101003);  // PML4[0]
  b.physical64(0x101000, 0x102003);  // PDP[0]
  b.physical64(0x102008, 0x103003);  // PD[1]: 2 MiB
  b.physical64(0x103000, 0x104003);  // PT[0]
  b.memory(2, 0x104000, batch);
  b.memory(0, 0x1000, ring);
  std::vector<uint32_t> state(52);
  state[7] = static_cast<uint32_t>(ring.size() * 4);
  state[9] = 0x1000;
  state[11] = 1;  // one page, enabled
  state[51] = 0x100000;
  b.memory(0, 0x3000, state);
  b.elsp(port, 0x2000 | 0x119);
  return b;
}

}  // namespace aub::test

// SPDX-License-Identifier: MIT
// Every row of the register table, by its own description: reset value, masks, all widths.
#include <algorithm>
#include <cstring>
#include <random>

#include "tests/unit/device/device_fixture.h"

namespace device_test {
namespace {

using mediator::Behaviour;
using mediator::Hook;
using mediator::RegisterDesc;

struct RegisterRows : DeviceTest {
  /// First and last dword of a row: the ends are where a table goes wrong.
  static std::vector<uint32_t> ends(const RegisterDesc& d) {
    return d.bytes == 4 ? std::vector{d.offset} : std::vector{d.offset, d.offset + d.bytes - 4};
  }
};

/// What one dword of a hook-free row holds after a write; bit by bit, so as not to repeat the
/// model.
uint32_t after_write(const RegisterDesc& d, uint32_t old, uint32_t value, uint32_t lanes) {
  uint32_t now = 0;
  for (unsigned i = 0; i < 32; ++i) {
    const uint32_t b = 1u << i;
    const bool covered = lanes & b, one = value & b, fixed = d.ro & b, clears = d.rw1c & b;
    bool bit = old & b;
    switch (d.behaviour) {
      case Behaviour::plain:
        if (covered && !fixed) bit = clears ? bit && !one : one;
        break;
      case Behaviour::masked: {
        const bool selected = i < 16 && (value & lanes & (b << 16)) != 0;
        if (covered && selected && !fixed) bit = one;
        break;
      }
      case Behaviour::rw1c:
        if (covered && one && !fixed) bit = false;
        break;
      default: break;
    }
    if (bit) now |= b;
  }
  return now;
}

TEST_F(RegisterRows, ComeUpWithTheirResetValue) {
  for (const RegisterDesc& d : mediator::register_table())
    for (uint32_t at : ends(d)) {
      if (d.hook == Hook::pv_info || d.behaviour == Behaviour::live) continue;
      EXPECT_EQ(r32(at), d.reset) << mediator::register_name(at);
    }
}

TEST_F(RegisterRows, ComeBackToItAfterAReset) {
  for (const RegisterDesc& d : mediator::register_table())
    for (uint32_t at : ends(d)) dev().registers().set(at, 0xdeadbeef);
  dev().reset(true);
  for (const RegisterDesc& d : mediator::register_table())
    for (uint32_t at : ends(d)) {
      if (d.hook == Hook::pv_info) continue;
      EXPECT_EQ(dev().registers().get(at), d.reset) << mediator::register_name(at);
    }
}

TEST_F(RegisterRows, HonourTheirMasksAtEveryWidthAndAlignment) {
  constexpr uint64_t kValue = 0xa55af00f'3cc3ffff;
  for (const RegisterDesc& d : mediator::register_table()) {
    if (d.behaviour == Behaviour::hook || d.behaviour == Behaviour::live) continue;
    const uint32_t at = d.offset;
    for (unsigned size : {1u, 2u, 4u, 8u})
      for (uint32_t shift = 0; shift + size <= std::min(8u, d.bytes); ++shift) {
        std::array<uint32_t, 2> old{}, expected{};
        for (uint32_t i = 0; i < std::min(2u, d.bytes / 4); ++i) {
          old[i] = dev().registers().get(at + 4 * i);
          uint64_t lanes = size == 8 ? ~0ull : ((1ull << 8 * size) - 1) << 8 * shift;
          const uint64_t value = kValue << 8 * shift;
          expected[i] = after_write(d, old[i], static_cast<uint32_t>(value >> 32 * i),
                                    static_cast<uint32_t>(lanes >> 32 * i));
        }
        dev().mmio_write(at + shift, size, kValue);
        for (uint32_t i = 0; i < std::min(2u, d.bytes / 4); ++i) {
          ASSERT_EQ(dev().registers().get(at + 4 * i), expected[i])
              << mediator::register_name(at) << " size " << size << " at +" << shift;
        }
        // Reads of the same width give the same bytes.
        uint64_t bytes = 0;
        std::memcpy(&bytes, memory_.data() + at + shift, size);
        ASSERT_EQ(dev().mmio_read(at + shift, size), bytes);
      }
  }
}

TEST_F(RegisterRows, WriteOneToClearClearsOnlyOnes) {
  dev().registers().set(0x20b0, 0xff);
  w32(0x20b0, 0x0f);
  EXPECT_EQ(r32(0x20b0), 0xf0u);
  dev().mmio_write(0x20b0, 1, 0x10);
  EXPECT_EQ(r32(0x20b0), 0xe0u) << "bytes not written are not cleared";
  dev().registers().set(0x42300, 0x80000001);
  w32(0x42300, 0x80000003);
  EXPECT_EQ(r32(0x42300), 3u);
}

TEST_F(RegisterRows, AWriteAcrossTwoRegistersReachesBoth) {
  // Two bytes of CACHE_MODE_0 (masked), two of CACHE_MODE_1.
  dev().mmio_write(0x7002, 4, 0x0000ffff);
  EXPECT_EQ(r32(0x7000), 0u) << "mask without data lanes writes nothing";
  dev().mmio_write(0x7ffe, 4, 0x11223344);
  EXPECT_EQ(dev().mmio_read(0x7ffe, 4), 0x11223344u);
}

TEST_F(RegisterRows, UnknownRegistersAreCountedMemory) {
  ASSERT_EQ(mediator::find_register(0x3000), nullptr);
  w32(0x3000, 0x1234);
  EXPECT_EQ(r32(0x3000), 0x1234u);
  EXPECT_EQ(dev().counts().unknown_writes, 1u);
  EXPECT_EQ(dev().counts().unknown_reads, 1u);
}

TEST_F(RegisterRows, AccessesBeyondTheWindowTouchNothing) {
  dev().mmio_write(gen9::kMmioBytes, 4, 1);
  dev().mmio_write(gen9::kMmioBytes - 4, 8, ~0ull);
  dev().mmio_write(~0ull, 4, 1);
  EXPECT_EQ(dev().mmio_read(gen9::kMmioBytes - 4, 8), ~0ull);
  EXPECT_EQ(dev().mmio_read(~0ull, 8), ~0ull);
  EXPECT_EQ(r32(gen9::kMmioBytes - 4), 0u);
}

TEST(RegisterTable, EveryMaskedRegisterOfTheFactsIsMasked) {
  std::vector<uint32_t> listed{0x2088, 0x2090, 0x20e0, 0x20e4, 0x20dc, 0x20ec, 0x2120,
                               0x2124, 0x2470, 0x2580, 0x4030, 0x5588, 0x7000, 0x7004,
                               0x7008, 0x7010, 0x7014, 0x7018, 0x7300, 0x7304, 0xe100,
                               0xe180, 0xe184, 0xe188, 0xe194, 0xe4f0, 0xe4f4};
  for (uint32_t base : {0x2000u, 0x12000u, 0x1a000u, 0x22000u})
    for (uint32_t rel : {0x9cu, 0xc0u, 0x3a0u}) listed.push_back(base + rel);
  for (uint32_t at : listed) {
    const RegisterDesc* d = mediator::find_register(at);
    ASSERT_NE(d, nullptr) << std::hex << at;
    EXPECT_EQ(d->behaviour, Behaviour::masked) << d->name;
  }
  for (uint32_t at : {0x229cu, 0x2229cu, 0x24d0u, 0x24fcu})
    EXPECT_TRUE(mediator::find_register(at)->flags & mediator::kWritePatch);
}

TEST(RegisterTable, CommandAccessFollowsTheFacts) {
  const auto allowed = [](uint32_t at) {
    const RegisterDesc* d = mediator::find_register(at);
    return d != nullptr && (d->flags & mediator::kCommandWrite);
  };
  for (uint32_t at : {0x2028u, 0x2358u, 0x24fcu, 0xb09cu, 0xc800u, 0xcff4u, 0x1c17cu, 0x22200u})
    EXPECT_TRUE(allowed(at)) << std::hex << at;
  // Taken out of the list in 2020: ring pointers, IMR, HWSTAM; and what no stream may touch.
  for (uint32_t at : {0x2030u, 0x2034u, 0x2038u, 0x203cu, 0x2098u, 0x20a8u, 0x2080u, 0x2230u,
                      0x941cu, 0x44200u, 0x100000u, 0x78818u, 0x138124u})
    EXPECT_FALSE(allowed(at)) << std::hex << at;
}

TEST(RegisterTable, NamesSayUnitAndPlace) {
  EXPECT_EQ(mediator::register_name(0x2030), "RCS RING_TAIL");
  EXPECT_EQ(mediator::register_name(0x22230), "BCS ELSP");
  EXPECT_EQ(mediator::register_name(0xb024), "L3CC+0x4");
  EXPECT_EQ(mediator::register_name(0x7119c), "plane 1B PLANE_SURF");
  EXPECT_EQ(mediator::register_name(0x3000), "0x3000");
  EXPECT_EQ(mediator::register_name(0xffffffff), "0xffffffff");
}

/// Random accesses anywhere: nothing breaks, and what the sink is asked stays legal.
TEST_F(RegisterRows, RandomAccessesKeepTheDeviceLegal) {
  std::mt19937_64 random(20240611);
  const auto table = mediator::register_table();
  for (int round = 0; round < 4'000; ++round) {
    const uint64_t r = random();
    const unsigned size = 1u << (r & 3);
    uint64_t at = (r >> 8) % (gen9::kMmioBytes + 16);
    if (r & 4) at = table[(r >> 8) % table.size()].offset + (r >> 40) % 8;
    if (r & 8)
      dev().mmio_read(at, size);
    else
      dev().mmio_write(at, size, random());
    if ((r & 0xff0) == 0) dev().config_write(r >> 56, size, random());
    if ((r & 0xff0) == 0x10) dev().reset(r & 0x1000);
    if ((r & 0xff0) == 0x20)
      dev().display_flip(r >> 12 & 31, static_cast<uint32_t>(r >> 32), ~0u, r & 0x1000);
    sink_.now += r >> 48;
    dev().run_timers(sink_.now);
    ASSERT_GT(dev().next_deadline_ns(), sink_.now);
  }
  for (auto [engine, address] : sink_.status_pages)
    EXPECT_TRUE(address == 0 || config_.windows.contains(address, 4096));
  for (auto [value, pdps] : sink_.notifies) EXPECT_TRUE(value >= 2 && value <= 5);
  for (auto [mask, full] : sink_.resets) EXPECT_TRUE(mask != 0 && mask <= 0xf);
  for (const BarChange& b : sink_.bars) EXPECT_EQ(b.base % b.bytes, 0u);
  EXPECT_EQ(dev().mmio_read(0x78000, 8), mediator::pvinfo::kMagic);
  EXPECT_EQ(dev().fence(config_.fences), 0u);
}

TEST_F(RegisterRows, EncodingFollowsTheState) {
  std::vector<std::byte> before, same, after;
  dev().encode(before);
  dev().encode(same);
  EXPECT_EQ(before, same);
  w32(0xcc00, 1);
  dev().encode(after);
  EXPECT_NE(before, after);
}

}  // namespace
}  // namespace device_test

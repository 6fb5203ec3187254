// SPDX-License-Identifier: MIT
// A XenDomain over a fake Xen, with a handler that remembers what it was asked.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "hv/xen/domain.h"
#include "tests/fake/fake_xen.h"

namespace hv::xen {

inline constexpr uint64_t kBar0 = 0xf0000000, kBar0Bytes = 16 << 20;
inline constexpr uint64_t kBar2 = 0xe0000000, kBar2Bytes = 256 << 20;

struct Trap {
  char kind;  // r, w, p
  Range range;
  uint64_t offset;
  unsigned size;
  uint64_t value;
  bool operator==(const Trap&) const = default;
};

class Handler final : public TrapHandler {
 public:
  uint64_t on_read(Range range, uint64_t offset, unsigned size) override {
    traps.push_back({'r', range, offset, size, 0});
    if (during) during();
    return 0x8877665544332211;
  }
  void on_write(Range range, uint64_t offset, unsigned size, uint64_t value) override {
    traps.push_back({'w', range, offset, size, value});
    if (during) during();
  }
  void on_page_write(Gpa address, unsigned size) override {
    traps.push_back({'p', Range::config, address.v, size, 0});
    if (during) during();
  }
  std::vector<Trap> traps;
  std::function<void()> during;
};

class XenWorld : public testing::Test {
 protected:
  std::string open() {
    config.frames = &frames;
    config.log = [this](std::string_view line) { lines.emplace_back(line); };
    auto opened = XenDomain::open(DomId{7}, config, xen.calls());
    if (!opened.ok()) return opened.error();
    domain = std::move(*opened);
    domain->attach(&handler);
    xen.pump = [this] { domain->dispatch(); };
    return {};
  }
  /// 4 register pages at 0 of BAR 0, all direct, and one at 8 MiB.
  void add_register_pages() {
    registers = domain->register_pages(Range::bar0, 0, 4 * kPageSize).value();
    entries = domain->register_pages(Range::bar0, 8 << 20, kPageSize).value();
    ASSERT_TRUE(domain->set_direct_read(Range::bar0, 0, 4 * kPageSize, true).ok());
    ASSERT_TRUE(domain->set_direct_read(Range::bar0, 8 << 20, kPageSize, true).ok());
  }
  fake::FakeXen xen;
  XenConfig config;
  FrameSpace frames;
  Handler handler;
  std::vector<std::string> lines;
  std::unique_ptr<XenDomain> domain;
  std::span<std::byte> registers, entries;
};

}  // namespace hv::xen

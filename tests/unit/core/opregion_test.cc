// SPDX-License-Identifier: MIT
// The OpRegion comes to stand where the guest's firmware reserved pages for it, once.
#include <cstring>

#include "tests/fake/fake_domain.h"
#include "tests/unit/core/core_world.h"

namespace core_test {
namespace {

constexpr uint32_t kReserved = 0xfdffc000;

struct OpRegionTest : CoreWorld {
  void SetUp() override {
    CoreWorld::SetUp();
    make();
  }
  void make() {
    vgpu = mediator->create_vgpu(domain, {}).value();
    traps = mediator->traps(vgpu);
  }
  void TearDown() override {
    mediator->destroy_vgpu(vgpu);
    CoreWorld::TearDown();
  }
  uint64_t ask(uint32_t address) {
    traps->on_write(hv::Range::config, 0xfc, 4, address);
    return traps->on_read(hv::Range::config, 0xfc, 4);
  }
  bool there() {
    std::array<std::byte, 16> text;
    return domain.read(hv::Gpa{kReserved}, text).ok() &&
           std::memcmp(text.data(), "IntelGraphicsMem", 16) == 0;
  }
  fake::FakeDomain domain{1u << 20, hv::DomId{3}};
  hv::VgpuId vgpu{};
  hv::TrapHandler* traps = nullptr;
};

TEST_F(OpRegionTest, is_filled_where_pages_were_reserved) {
  EXPECT_EQ(ask(kReserved), kReserved);
  EXPECT_TRUE(there());
}
TEST_F(OpRegionTest, comes_once) {
  ask(kReserved);
  EXPECT_EQ(ask(0xfdff0000), 0u);
  EXPECT_EQ(ask(kReserved), kReserved);
  EXPECT_EQ(domain.count(fake::Call::add_ram), 1u);
}
TEST_F(OpRegionTest, is_not_put_over_ram_or_across_pages) {
  EXPECT_EQ(ask(0x1000), 0u);
  EXPECT_EQ(ask(kReserved + 4), 0u);
  EXPECT_FALSE(there());
}
TEST_F(OpRegionTest, there_is_none_without_memory_for_it) {
  domain.fail_at(fake::Call::add_ram, 1);
  EXPECT_EQ(ask(kReserved), 0u);
}
TEST_F(OpRegionTest, is_found_again_by_the_next_process) {
  ask(kReserved);
  mediator->destroy_vgpu(vgpu);
  make();
  EXPECT_EQ(ask(kReserved), kReserved);
}

}  // namespace
}  // namespace core_test

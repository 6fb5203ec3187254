// SPDX-License-Identifier: MIT
// Guest memory through mappings that are cached, dropped and pinned.
#include "hv/xen/memory.h"

#include <gtest/gtest.h>

#include <optional>

#include "tests/fake/fake_tables.h"
#include "tests/fake/fake_xen.h"

namespace hv::xen {
namespace {

class GuestMemoryTest : public testing::Test {
 protected:
  GuestMemoryTest() : calls(xen.calls()), slot(frames.open_slot().value()) {}
  uint64_t peek(uint64_t at) {
    uint64_t v = 0;
    return memory.read(Gpa{at}, std::as_writable_bytes(std::span{&v, 1})).ok() ? v : ~uint64_t{0};
  }
  Status poke(uint64_t at, uint64_t v) {
    return memory.write(Gpa{at}, std::as_bytes(std::span{&v, 1}));
  }
  BusFrame pin(uint64_t gfn) {
    BusFrame f;
    const Gfn g{gfn};
    memory.pin({&g, 1}, {&f, 1});
    return f;
  }
  void unpin(uint64_t gfn) {
    const Gfn g{gfn};
    memory.unpin({&g, 1});
  }
  fake::FakeXen xen;
  FrameSpace frames;
  std::unique_ptr<Calls> calls;
  unsigned slot;
  GuestMemory memory{*calls, frames, slot};
};

TEST_F(GuestMemoryTest, reads_and_writes_what_the_guest_has) {
  xen.set_ram<uint64_t>(0x1ffc, 0x1122334455667788);
  EXPECT_EQ(peek(0x1ffc), 0x1122334455667788u) << "across pages";
  EXPECT_TRUE(poke(0x2ffc, 0x99).ok());
  EXPECT_EQ(xen.ram<uint32_t>(0x2ffc), 0x99u);
}
TEST_F(GuestMemoryTest, a_write_partly_into_nothing_writes_nothing) {
  xen.remove_page(5);
  EXPECT_EQ(poke(0x4ffc, ~uint64_t{0}).error(), Error::bad_address);
  EXPECT_EQ(xen.ram<uint32_t>(0x4ffc), 0u);
}
TEST_F(GuestMemoryTest, addresses_that_wrap_are_refused) {
  EXPECT_EQ(poke(~uint64_t{0} - 3, 1).error(), Error::bad_address);
  uint64_t v = 0;
  EXPECT_FALSE(memory.read(Gpa{~uint64_t{0} - 3}, std::as_writable_bytes(std::span{&v, 1})).ok());
}
TEST_F(GuestMemoryTest, a_hole_costs_no_bucket_and_is_seen_when_filled) {
  EXPECT_EQ(pin(100000), kNoFrame);
  EXPECT_EQ(memory.buckets(), 0u);
  EXPECT_EQ(peek(0x200000), ~uint64_t{0});
  (void)peek(0);
  xen.add_page(0x200);
  EXPECT_EQ(peek(0x200000), 0u);
  EXPECT_EQ(memory.buckets(), 1u);
}
TEST_F(GuestMemoryTest, memory_given_back_is_gone_after_invalidation) {
  (void)peek(0x5000);
  xen.remove_page(5);
  memory.invalidate();
  EXPECT_EQ(peek(0x5000), ~uint64_t{0});
  EXPECT_EQ(xen.mapped_pages, 0);
}
TEST_F(GuestMemoryTest, pins_count) {
  const BusFrame f = pin(3);
  EXPECT_EQ(pin(3), f);
  unpin(3);
  EXPECT_NE(frames.page(f), nullptr);
  unpin(3);
  EXPECT_EQ(frames.page(f), nullptr);
  EXPECT_EQ(memory.pinned(), 0u);
  unpin(3);
}
TEST_F(GuestMemoryTest, a_pinned_frame_stays_what_it_was_while_the_guest_sees_another) {
  xen.set_ram<uint64_t>(0x3000, 0xaa);
  const BusFrame f = pin(3);
  xen.remove_page(3);
  xen.add_page(3);
  xen.set_ram<uint64_t>(0x3000, 0xbb);
  memory.invalidate();
  EXPECT_EQ(load<uint64_t>(frames.page(f)), 0xaau);
  EXPECT_EQ(peek(0x3000), 0xbbu);
  EXPECT_EQ(pin(3), f);
  unpin(3), unpin(3);
  EXPECT_EQ(memory.buckets(), 1u) << "the old mapping went with its last pin";
  EXPECT_EQ(load<uint64_t>(frames.page(pin(3))), 0xbbu);
}
TEST_F(GuestMemoryTest, filling_a_hole_does_not_move_pinned_neighbours) {
  const BusFrame f = pin(3);
  std::byte* before = frames.page(f);
  xen.add_page(300);
  EXPECT_NE(pin(300), kNoFrame);
  EXPECT_EQ(frames.page(f), before);
  before[0] = std::byte{1};
  EXPECT_EQ(xen.ram<uint8_t>(0x3000), 1);
}
TEST_F(GuestMemoryTest, what_is_hidden_is_out_of_reach) {
  memory.hide(Gfn{8}, 2);
  EXPECT_EQ(peek(0x9000), ~uint64_t{0});
  EXPECT_EQ(pin(8), kNoFrame);
  EXPECT_NE(pin(10), kNoFrame);
  memory.unhide_all();
  EXPECT_NE(pin(8), kNoFrame);
}
TEST_F(GuestMemoryTest, a_mapping_that_fails_is_a_missing_page) {
  xen.fail["map"] = ENOMEM;
  EXPECT_EQ(pin(3), kNoFrame);
  EXPECT_NE(pin(3), kNoFrame);
}
TEST_F(GuestMemoryTest, closing_leaves_nothing_mapped) {
  const BusFrame f = pin(3);
  memory.invalidate();
  (void)pin(4);
  memory.close();
  EXPECT_EQ(xen.mapped_pages, 0);
  EXPECT_EQ(frames.page(f), nullptr);
}

// ---- for a GPU that is silicon

class SiliconMemoryTest : public testing::Test {
 protected:
  SiliconMemoryTest() : calls(xen.calls()) {
    auto owned = std::make_unique<fake::FakeTables>();
    tables = owned.get();
    machine = std::move(MachineFrames::open(std::move(owned)).value());
    memory.emplace(*calls, frames, frames.open_slot().value(), machine.get());
  }
  /// What the tables hold for the guest's page, with Xen's agreement that it is the guest's.
  uint64_t agreed(uint64_t gfn) {
    const uint64_t frame = tables->entry(memory->page(Gfn{gfn})) >> 12 & 0x7ffffff;
    tables->m2p[frame] = gfn;
    return frame;
  }
  BusFrame pin(uint64_t gfn) {
    BusFrame f;
    const Gfn g{gfn};
    memory->pin({&g, 1}, {&f, 1});
    return f;
  }
  fake::FakeXen xen;
  FrameSpace frames;
  fake::FakeTables* tables = nullptr;
  std::unique_ptr<Calls> calls;
  std::unique_ptr<MachineFrames> machine;
  std::optional<GuestMemory> memory;
};

TEST_F(SiliconMemoryTest, pins_give_machine_frames) {
  const uint64_t third = agreed(3), fourth = agreed(4);
  EXPECT_EQ(pin(3).v, third);
  EXPECT_EQ(pin(4).v, fourth);
  EXPECT_EQ(pin(3).v, third);
}
TEST_F(SiliconMemoryTest, a_page_that_xen_calls_otherwise_is_not_pinned) {
  EXPECT_EQ(pin(3), kNoFrame);
  EXPECT_EQ(memory->pinned(), 0u);
}
TEST_F(SiliconMemoryTest, a_page_that_left_the_guest_since_it_was_found_is_not_pinned) {
  const uint64_t third = agreed(3);
  agreed(4);
  EXPECT_NE(pin(4), kNoFrame) << "finds the whole bucket";
  tables->m2p.erase(third);
  EXPECT_EQ(pin(3), kNoFrame);
}
TEST_F(SiliconMemoryTest, looks_again_after_memory_was_mapped_anew) {
  const uint64_t third = agreed(3);
  EXPECT_EQ(pin(3).v, third);
  const Gfn g{3};
  memory->unpin({&g, 1});
  memory->invalidate();
  tables->map(memory->page(g), 0x7777, 3);
  EXPECT_EQ(pin(3).v, 0x7777u);
}

}  // namespace
}  // namespace hv::xen

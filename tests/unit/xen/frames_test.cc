// SPDX-License-Identifier: MIT
// Frame numbers: they fit the GPU's addresses, owners do not mix, nothing stays behind.
#include "hv/xen/frames.h"

#include <gtest/gtest.h>

namespace hv::xen {
namespace {

TEST(FrameSpace, every_number_fits_a_39_bit_bus_address_and_none_is_zero) {
  FrameSpace space;
  std::byte page[1];
  for (int i = 0; i < 5; ++i) {
    const unsigned slot = space.open_slot().value();
    const BusFrame f = space.add(slot, page).value();
    EXPECT_NE(f.v, 0u);
    EXPECT_LT(bus_address(f), uint64_t{1} << 39);
  }
  EXPECT_NE(space.alloc_host().value().v, 0u);
}
TEST(FrameSpace, a_frame_leads_to_its_page_until_dropped) {
  FrameSpace space;
  std::byte a[1], b[1];
  const unsigned one = space.open_slot().value(), two = space.open_slot().value();
  const BusFrame fa = space.add(one, a).value(), fb = space.add(two, b).value();
  EXPECT_EQ(space.page(fa), a);
  EXPECT_EQ(space.page(fb), b);
  space.drop(fa);
  EXPECT_EQ(space.page(fa), nullptr);
  EXPECT_EQ(space.page(fb), b);
  EXPECT_EQ(space.frames_in_use(one), 0u);
}
TEST(FrameSpace, numbers_nobody_gave_lead_nowhere) {
  FrameSpace space;
  EXPECT_EQ(space.page(BusFrame{0}), nullptr);
  EXPECT_EQ(space.page(BusFrame{5u << kSlotBits}), nullptr);
  EXPECT_EQ(space.page(kNoFrame), nullptr);
  space.drop(kNoFrame);
  space.free_host(BusFrame{12345});
}
TEST(FrameSpace, a_host_page_is_zeroed_each_time) {
  FrameSpace space;
  const BusFrame f = space.alloc_host().value();
  space.page(f)[100] = std::byte{7};
  space.free_host(f);
  EXPECT_EQ(space.page(f), nullptr);
  const BusFrame again = space.alloc_host().value();
  EXPECT_EQ(again, f);
  EXPECT_EQ(space.page(again)[100], std::byte{0});
}
TEST(FrameSpace, a_closed_slot_forgets_everything_and_is_used_again) {
  FrameSpace space;
  std::byte a[1];
  const unsigned slot = space.open_slot().value();
  const BusFrame f = space.add(slot, a).value();
  space.close_slot(slot);
  EXPECT_EQ(space.page(f), nullptr);
  EXPECT_EQ(space.open_slot().value(), slot);
  EXPECT_EQ(space.page(f), nullptr);
}
TEST(FrameSpace, slots_run_out_in_an_orderly_way) {
  FrameSpace space;
  for (unsigned s = 1; s < kSlots; ++s) ASSERT_TRUE(space.open_slot().ok());
  EXPECT_EQ(space.open_slot().error(), Error::no_memory);
  space.close_slot(9);
  EXPECT_EQ(space.open_slot().value(), 9u);
}

}  // namespace
}  // namespace hv::xen

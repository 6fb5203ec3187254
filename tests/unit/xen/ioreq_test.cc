// SPDX-License-Identifier: MIT
// Every shape a request can have, broken up into single accesses.
#include "hv/xen/ioreq.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace hv::xen {
namespace {

struct Access {
  char kind;
  uint64_t address;
  unsigned size;
  uint64_t value;
  bool operator==(const Access&) const = default;
};

class Recorder final : public Accesses {
 public:
  uint64_t read_at(IoType, uint64_t address, unsigned size) override {
    all.push_back({'r', address, size, next});
    return next++;
  }
  void write_at(IoType, uint64_t address, unsigned size, uint64_t value) override {
    all.push_back({'w', address, size, value});
  }
  std::vector<Access> all;
  uint64_t next = 0x11;
};

Ioreq request(uint8_t flags, uint64_t address, uint64_t data, uint32_t count, uint32_t size,
              IoType type = IoType::memory) {
  return {address, data, count, size, 0, 0, flags, type};
}

TEST(Ioreq, a_single_read_answers_with_its_value) {
  Recorder r;
  EXPECT_EQ(perform(request(Ioreq::kRead, 0x1000, 0, 1, 4), r), 0x11u);
  EXPECT_EQ(r.all, (std::vector<Access>{{'r', 0x1000, 4, 0x11}}));
}
TEST(Ioreq, a_write_is_cut_to_its_size) {
  Recorder r;
  perform(request(0, 0x1000, 0x1122334455667788, 1, 2), r);
  EXPECT_EQ(r.all, (std::vector<Access>{{'w', 0x1000, 2, 0x7788}}));
}
TEST(Ioreq, a_value_read_is_cut_to_its_size) {
  Recorder r;
  r.next = 0x1234;
  EXPECT_EQ(perform(request(Ioreq::kRead, 0x1000, 0, 1, 1), r), 0x34u);
}
TEST(Ioreq, rep_stos_writes_the_same_value_along_the_range) {
  Recorder r;
  perform(request(0, 0x1000, 0xab, 3, 8), r);
  EXPECT_EQ(r.all, (std::vector<Access>{
                       {'w', 0x1000, 8, 0xab}, {'w', 0x1008, 8, 0xab}, {'w', 0x1010, 8, 0xab}}));
}
TEST(Ioreq, rep_movs_to_the_device_reads_guest_memory) {
  Recorder r;
  perform(request(Ioreq::kPointer, 0x1000, 0x8000, 2, 4), r);
  EXPECT_EQ(r.all, (std::vector<Access>{{'r', 0x8000, 4, 0x11},
                                        {'w', 0x1000, 4, 0x11},
                                        {'r', 0x8004, 4, 0x12},
                                        {'w', 0x1004, 4, 0x12}}));
}
TEST(Ioreq, rep_movs_from_the_device_downwards_writes_guest_memory) {
  Recorder r;
  perform(request(Ioreq::kPointer | Ioreq::kRead | Ioreq::kDescending, 0x1004, 0x8004, 2, 4), r);
  EXPECT_EQ(r.all, (std::vector<Access>{{'r', 0x1004, 4, 0x11},
                                        {'w', 0x8004, 4, 0x11},
                                        {'r', 0x1000, 4, 0x12},
                                        {'w', 0x8000, 4, 0x12}}));
}
TEST(Ioreq, a_rep_of_config_accesses_stays_at_its_offset) {
  Recorder r;
  perform(request(0, 0x10, 5, 2, 4, IoType::config), r);
  EXPECT_EQ(r.all, (std::vector<Access>{{'w', 0x10, 4, 5}, {'w', 0x10, 4, 5}}));
}
TEST(Ioreq, nonsense_does_nothing_and_reads_as_ones) {
  for (const auto& [count, size] : {std::pair{1u, 3u}, {1u, 0u}, {1u, 16u}, {4097u, 4u}}) {
    Recorder r;
    EXPECT_EQ(perform(request(Ioreq::kRead, 0x1000, 0, count, size), r), ~uint64_t{0});
    EXPECT_TRUE(r.all.empty());
  }
}

}  // namespace
}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// Fuses by part: how many slices, subslices and execution units a Gen9 device id stands for.
#include <algorithm>
#include <array>

#include "mediator/device_model_impl.h"

namespace mediator {
namespace {

constexpr uint32_t kFuse2 = 0x9120, kEuDisable0 = 0x9134, kMaxSlices = 3;
using SliceEnable = hv::Field32<27, 25>;
using SubsliceDisable = hv::Field32<23, 20>;

struct GtSize {
  uint32_t slices;             ///< mask
  uint32_t missing_subslices;  ///< mask of four
  uint32_t eu_disable;         ///< per slice: eight bits per subslice
};
constexpr GtSize kGt1{0x1, 0xc, 0x0000c0c0};  // 2 subslices of 6
constexpr GtSize kGt2{0x1, 0x8, 0};           // 3 of 8
constexpr GtSize kGt3{0x3, 0x8, 0};
constexpr GtSize kGt4{0x7, 0x8, 0};

// Ids that are not GT2 (facts, section 1.6).
constexpr auto kGt1Ids = std::to_array<uint16_t>(
    {0x1906, 0x1913, 0x190e, 0x1915, 0x1902, 0x190a, 0x190b, 0x1917, 0x5906, 0x5913,
     0x590e, 0x5915, 0x5902, 0x5908, 0x590a, 0x590b, 0x3e90, 0x3e93, 0x3e99, 0x3e9c,
     0x3ea1, 0x3ea4, 0x9ba2, 0x9ba4, 0x9ba5, 0x9ba8, 0x9b21, 0x9baa, 0x9bac});
constexpr auto kGt3Ids =
    std::to_array<uint16_t>({0x1923, 0x1926, 0x1927, 0x192a, 0x192b, 0x192d, 0x5926, 0x5923, 0x5927,
                             0x3ea5, 0x3ea6, 0x3ea7, 0x3ea8});
constexpr auto kGt4Ids = std::to_array<uint16_t>({0x1932, 0x193a, 0x193b, 0x193d, 0x593b});

template <size_t N>
bool has(const std::array<uint16_t, N>& ids, uint16_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

const GtSize& size_of(uint16_t id) {
  if (has(kGt1Ids, id)) return kGt1;
  if (has(kGt3Ids, id)) return kGt3;
  return has(kGt4Ids, id) ? kGt4 : kGt2;
}

}  // namespace

bool is_coffee_lake(uint16_t id) {
  return (id & 0xff00) == 0x3e00 || (id & 0xff00) == 0x9b00 || id == 0x87ca;
}

void write_fuses(RegisterFile& regs, uint16_t device_id) {
  const GtSize& gt = size_of(device_id);
  regs.set(kFuse2, SubsliceDisable::set(SliceEnable::set(0, gt.slices), gt.missing_subslices));
  for (uint32_t s = 0; s < kMaxSlices; ++s) regs.set(kEuDisable0 + 4 * s, gt.eu_disable);
}

}  // namespace mediator

// SPDX-License-Identifier: MIT
// Device ids: SKL, KBL and CFL PRM vol 4, "Steppings and Device IDs".
#include "dom0/gpu/pci/ids.h"

#include <algorithm>
#include <iterator>

namespace gpu::pci {
namespace {

constexpr uint16_t kSkyLake[] = {0x1902, 0x1906, 0x190a, 0x190b, 0x190e, 0x1912, 0x1913,
                                 0x1915, 0x1916, 0x1917, 0x191a, 0x191b, 0x191d, 0x191e,
                                 0x1921, 0x1923, 0x1926, 0x1927, 0x192a, 0x192b, 0x192d,
                                 0x1932, 0x193a, 0x193b, 0x193d};
constexpr uint16_t kKabyLake[] = {0x5902, 0x5906, 0x5908, 0x590a, 0x590b, 0x590e, 0x5912, 0x5913,
                                  0x5915, 0x5916, 0x5917, 0x591a, 0x591b, 0x591c, 0x591d, 0x591e,
                                  0x5921, 0x5923, 0x5926, 0x5927, 0x593b, 0x87c0};
constexpr uint16_t kCoffeeLake[] = {0x3e90, 0x3e91, 0x3e92, 0x3e93, 0x3e94, 0x3e96, 0x3e98, 0x3e99,
                                    0x3e9a, 0x3e9b, 0x3e9c, 0x3ea0, 0x3ea1, 0x3ea2, 0x3ea3, 0x3ea4,
                                    0x3ea5, 0x3ea6, 0x3ea7, 0x3ea8, 0x3ea9, 0x87ca};
constexpr uint16_t kCometLake[] = {0x9b21, 0x9b41, 0x9ba2, 0x9ba4, 0x9ba5, 0x9ba8,
                                   0x9baa, 0x9bac, 0x9bc2, 0x9bc4, 0x9bc5, 0x9bc6,
                                   0x9bc8, 0x9bca, 0x9bcc, 0x9be6, 0x9bf6};
// Gen9 too, but their page tables are not coherent with the processor's caches.
constexpr uint16_t kAtoms[] = {0x0a84, 0x1a84, 0x1a85, 0x3184, 0x3185, 0x5a84, 0x5a85};

template <size_t N>
constexpr bool has(const uint16_t (&list)[N], uint16_t id) {
  return std::find(std::begin(list), std::end(list), id) != std::end(list);
}

}  // namespace

const char* family_of(uint16_t id) {
  if (has(kSkyLake, id)) return "Sky Lake";
  if (has(kKabyLake, id)) return "Kaby Lake";
  if (has(kCoffeeLake, id)) return "Coffee Lake";
  if (has(kCometLake, id)) return "Comet Lake";
  return nullptr;
}

const char* refused_family_of(uint16_t id) {
  if (has(kAtoms, id)) return "Apollo or Gemini Lake";
  switch (id >> 8) {
    case 0x01: return "Sandy or Ivy Bridge";
    case 0x04:
    case 0x0a:
    case 0x0d: return "Haswell";
    case 0x16: return "Broadwell";
    case 0x8a: return "Ice Lake";
    case 0x9a: return "Tiger Lake";
    case 0x46:
    case 0xa7: return "Alder or Raptor Lake";
    default: return nullptr;
  }
}

}  // namespace gpu::pci

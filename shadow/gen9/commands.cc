// SPDX-License-Identifier: MIT
// Puts the parts of the command table together, sorts them and builds the look-up index, all at
// compile time, and checks there what every reader relies on.
#include "shadow/gen9/commands.h"

#include <algorithm>
#include <iterator>

#include "shadow/gen9/commands_blt.h"
#include "shadow/gen9/commands_media.h"
#include "shadow/gen9/commands_mi.h"
#include "shadow/gen9/commands_render.h"

namespace gen9 {
namespace {

constexpr size_t kCount = std::size(rows::kMi) + std::size(rows::kRender) +
                          std::size(rows::kBlitter) + std::size(rows::kMedia);
using Table = std::array<CommandDesc, kCount>;

constexpr Table build_table() {
  Table t{};
  auto to = std::copy(std::begin(rows::kMi), std::end(rows::kMi), t.begin());
  to = std::copy(std::begin(rows::kRender), std::end(rows::kRender), to);
  to = std::copy(std::begin(rows::kBlitter), std::end(rows::kBlitter), to);
  std::copy(std::begin(rows::kMedia), std::end(rows::kMedia), to);
  std::sort(t.begin(), t.end(), [](const CommandDesc& a, const CommandDesc& b) {
    return a.value != b.value ? a.value < b.value : a.engines < b.engines;
  });
  return t;
}

constexpr Table kTable = build_table();

/// Every row: recognisable by its upper half, with a length its field can say.
constexpr bool row_is_sound(const CommandDesc& d) {
  const unsigned largest = d.length_bits == 0 ? 1 : (1u << d.length_bits) - 1 + d.bias;
  bool ok = (d.value & ~d.mask) == 0 && (d.mask & 0xffff) == 0 && d.engines != 0 &&
            d.length_bits <= 16 && d.min_dwords >= 1 && d.min_dwords <= d.max_dwords &&
            d.max_dwords <= largest && d.min_dwords >= (d.length_bits == 0 ? 1 : d.bias);
  for (unsigned i = 0; i < d.address_count; ++i) {
    ok = ok && d.addresses[i].dword + 1u < d.max_dwords && d.addresses[i].flag_dword < d.min_dwords;
  }
  return ok;
}
static_assert(std::all_of(kTable.begin(), kTable.end(), row_is_sound));

/// No first dword may fit two rows of one engine.
constexpr bool rows_are_distinct() {
  for (size_t i = 0; i < kCount; ++i) {
    for (size_t j = i + 1; j < kCount; ++j) {
      const uint32_t common = kTable[i].mask & kTable[j].mask;
      if ((kTable[i].engines & kTable[j].engines) != 0 &&
          (kTable[i].value & common) == (kTable[j].value & common)) {
        return false;
      }
    }
  }
  return true;
}
static_assert(rows_are_distinct());

using Index = std::array<std::array<uint16_t, detail::kCommandKeys>, kEngines>;

constexpr void enter(Index& index, const CommandDesc& d, uint16_t number) {
  const uint32_t free_bits = ~d.mask >> 16;
  for (uint32_t sub = free_bits;; sub = (sub - 1) & free_bits) {
    for (unsigned e = 0; e < kEngines; ++e) {
      if (d.engines >> e & 1) index[e][d.value >> 16 | sub] = number;
    }
    if (sub == 0) return;
  }
}

constexpr Index build_index() {
  Index index{};
  for (size_t i = 0; i < kCount; ++i) enter(index, kTable[i], static_cast<uint16_t>(i + 1));
  return index;
}

}  // namespace

namespace detail {
constinit const Index kCommandIndex = build_index();
constinit const CommandDesc* const kCommandRows = kTable.data();
}  // namespace detail

std::span<const CommandDesc> command_table() { return kTable; }

}  // namespace gen9

// SPDX-License-Identifier: MIT
// Puts the register table together, marks what privileged commands may write, and checks it all at
// compile time.
#include "mediator/register_table.h"

#include <cstdio>
#include <memory>

#include "mediator/register_table_display.h"
#include "mediator/register_table_engines.h"
#include "mediator/register_table_gt.h"
#include "mediator/register_table_irq.h"

namespace mediator {
namespace {

struct OffsetRange {
  uint32_t first, last;  ///< both included
};

/// What a privileged stream may LRI on Skylake (facts, section 2.2), beside the registers of the
/// default context image.
constexpr auto kCommandAccessible = std::to_array<OffsetRange>({
    {0x2028, 0x2028},   {0x2040, 0x2044},   {0x2088, 0x2088},     {0x2090, 0x2090},
    {0x209c, 0x20a0},   {0x20c0, 0x20c0},   {0x20d4, 0x20d4},     {0x20dc, 0x20e4},
    {0x20ec, 0x20ec},   {0x2120, 0x2124},   {0x2134, 0x2134},     {0x2148, 0x2148},
    {0x215c, 0x215c},   {0x2178, 0x2180},   {0x21f0, 0x21f0},     {0x2220, 0x2220},
    {0x2244, 0x2244},   {0x2270, 0x2294},   {0x229c, 0x229c},     {0x2300, 0x235c},
    {0x2420, 0x2420},   {0x2430, 0x243c},   {0x2470, 0x2470},     {0x24d0, 0x24fc},
    {0x2580, 0x2580},   {0x4030, 0x4030},   {0x4090, 0x4094},     {0x4180, 0x4180},
    {0x4280, 0x4280},   {0x4380, 0x4380},   {0x4ab0, 0x4ab0},     {0x4ddc, 0x4df4},
    {0x5200, 0x521c},   {0x5240, 0x525c},   {0x5280, 0x528c},     {0x5588, 0x5588},
    {0x7000, 0x7008},   {0x7010, 0x7018},   {0x7300, 0x7304},     {0x9030, 0x9030},
    {0x940c, 0x940c},   {0x9430, 0x9430},   {0xb004, 0xb004},     {0xb020, 0xb09c},
    {0xb118, 0xb11c},   {0xc800, 0xcff4},   {0xe100, 0xe100},     {0xe180, 0xe188},
    {0xe194, 0xe194},   {0xe220, 0xe220},   {0xe230, 0xe230},     {0xe240, 0xe240},
    {0xe260, 0xe260},   {0xe270, 0xe270},   {0xe280, 0xe280},     {0xe2a0, 0xe2a0},
    {0xe2b0, 0xe2b0},   {0xe2c0, 0xe2c0},   {0xe4cc, 0xe4cc},     {0xe4f0, 0xe4f4},
    {0x12028, 0x12028}, {0x12040, 0x12044}, {0x1209c, 0x1209c},   {0x120c0, 0x120c0},
    {0x120d4, 0x120d4}, {0x12134, 0x12134}, {0x12178, 0x1217c},   {0x12198, 0x12198},
    {0x12220, 0x12220}, {0x12244, 0x12244}, {0x12270, 0x1228c},   {0x1229c, 0x1229c},
    {0x12358, 0x1235c}, {0x1a028, 0x1a028}, {0x1a040, 0x1a044},   {0x1a09c, 0x1a09c},
    {0x1a0c0, 0x1a0c0}, {0x1a0d4, 0x1a0d4}, {0x1a134, 0x1a134},   {0x1a178, 0x1a17c},
    {0x1a244, 0x1a244}, {0x1a270, 0x1a28c}, {0x1a29c, 0x1a29c},   {0x1a358, 0x1a35c},
    {0x1c178, 0x1c17c}, {0x22028, 0x22028}, {0x22040, 0x22044},   {0x2209c, 0x2209c},
    {0x220c0, 0x220c0}, {0x220d4, 0x220d4}, {0x22134, 0x22134},   {0x22178, 0x2217c},
    {0x22200, 0x22200}, {0x22220, 0x22220}, {0x22244, 0x22244},   {0x22270, 0x2228c},
    {0x2229c, 0x2229c}, {0x22358, 0x2235c}, {0x120000, 0x120000}, {0x120008, 0x120008},
});

constexpr bool command_accessible(uint32_t offset) {
  // The first range that ends at or after the offset is the only one that can hold it.
  const auto* r = std::lower_bound(kCommandAccessible.begin(), kCommandAccessible.end(), offset,
                                   [](const OffsetRange& a, uint32_t o) { return a.last < o; });
  return r != kCommandAccessible.end() && offset >= r->first;
}

constexpr auto make_table() {
  auto table =
      rows::join(rows::kAllEngineRows, rows::kAllGtRows, rows::kIrqRows, rows::kAllDisplayRows);
  std::sort(table.begin(), table.end(),
            [](const RegisterDesc& a, const RegisterDesc& b) { return a.offset < b.offset; });
  for (RegisterDesc& d : table)
    if (command_accessible(d.offset)) d.flags |= kCommandWrite;
  return table;
}
constexpr auto kTable = make_table();

consteval bool rows_are_sound() {
  for (const RegisterDesc& d : kTable) {
    if (d.offset % 4 != 0 || d.bytes % 4 != 0 || d.bytes == 0) return false;
    if (d.offset + d.bytes > gen9::kMmioBytes) return false;
    if (d.name == nullptr || d.cite == nullptr) return false;
    if ((d.ro & d.rw1c) != 0) return false;
    if ((d.behaviour == Behaviour::hook) != (d.hook != Hook::none)) return false;
    if (d.behaviour == Behaviour::masked && d.reset >> 16 != 0) return false;
  }
  return true;
}
consteval bool rows_do_not_overlap() {
  for (size_t i = 1; i < kTable.size(); ++i)
    if (kTable[i - 1].offset + kTable[i - 1].bytes > kTable[i].offset) return false;
  return true;
}
/// Every row lies wholly inside or wholly outside the command-access list, and the list is covered.
consteval bool command_list_is_exact() {
  uint64_t listed = 0, flagged = 0;
  for (const OffsetRange& r : kCommandAccessible) listed += (r.last - r.first) / 4 + 1;
  for (const RegisterDesc& d : kTable) {
    if (command_accessible(d.offset) != command_accessible(d.offset + d.bytes - 4)) return false;
    if (d.flags & kCommandWrite) flagged += d.bytes / 4;
  }
  return listed == flagged;
}
static_assert(kTable.size() < 0xffff);
static_assert(rows_are_sound());
static_assert(rows_do_not_overlap());
static_assert(command_list_is_exact());

using Index = std::array<uint16_t, gen9::kMmioBytes / 4>;

std::unique_ptr<Index> make_index() {
  auto index = std::make_unique<Index>();
  for (size_t i = 0; i < kTable.size(); ++i) {
    const uint32_t first = kTable[i].offset / 4;
    std::fill_n(index->begin() + first, kTable[i].bytes / 4, static_cast<uint16_t>(i + 1));
  }
  return index;
}

}  // namespace

std::span<const RegisterDesc> register_table() { return kTable; }

std::span<const uint16_t> register_index() {
  static const std::unique_ptr<Index> index = make_index();
  return *index;
}

const RegisterDesc* find_register(uint32_t offset) {
  if (offset >= gen9::kMmioBytes) return nullptr;
  const uint16_t row = register_index()[offset / 4];
  return row == 0 ? nullptr : &kTable[row - 1];
}

std::string register_name(uint32_t offset) {
  char number[16];
  const RegisterDesc* d = find_register(offset);
  if (d == nullptr) {
    std::snprintf(number, sizeof number, "0x%x", offset);
    return number;
  }
  std::string name = d->unit == nullptr ? d->name : std::string(d->unit) + " " + d->name;
  if (offset == d->offset) return name;
  std::snprintf(number, sizeof number, "+0x%x", offset - d->offset);
  return name + number;
}

}  // namespace mediator

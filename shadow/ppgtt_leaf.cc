// SPDX-License-Identifier: MIT
// Leaf tables: pins guest frames in batches and sets the entries that name them.
#include <algorithm>

#include "shadow/ppgtt_tables.h"

namespace shadow::ppgtt {

bool Tables::update_leaf(Table& t, unsigned first, std::span<const uint64_t> now, bool retrying) {
  if (t.filled && !retrying &&
      std::ranges::equal(now, std::span{t.guest}.subspan(first, now.size())))
    return false;
  auto& [to_pin, to_drop, frames, pinned_index] = batch_;
  unsigned pins = 0, drops = 0;
  bool changed = false;
  const uint64_t scratch = scratch_[0];

  const auto put = [&](unsigned i, uint64_t value) {
    if (t.filled) {
      set_shadow(t, i, value);
    } else {
      t.shadow[i] = value;
      ++counts_.entry_writes;
    }
  };
  for (unsigned k = 0; k < now.size(); ++k) {
    const unsigned i = first + k;
    const uint64_t is = now[k], was = t.guest[i], had = t.shadow[i];
    const bool legal = present(is) && !reserved(is);
    if (is == was && !(retrying && legal && had == scratch)) continue;
    changed = true;
    t.guest[i] = is;
    const bool live = had != 0 && had != scratch;
    if (live && legal && gen9::pte_address(is) == gen9::pte_address(was)) {
      put(i, (had & ~kLeafFlags) | (is & kLeafFlags));
      continue;
    }
    if (legal) {
      pinned_index[pins] = static_cast<uint16_t>(i);
      to_pin[pins++] = gfn_of_entry(is);
    } else {
      put(i, present(is) ? scratch : 0);
      counts_.bad_entries += present(is);
    }
    if (live) to_drop[drops++] = gfn_of_entry(was);
  }
  work_.charge((pins + drops) * cost::kEntry);
  if (pins) domain_.pin({to_pin.data(), pins}, {frames.data(), pins});
  for (unsigned k = 0; k < pins; ++k) {
    const unsigned i = pinned_index[k];
    if (frames[k] != hv::kNoFrame) {
      put(i, hv::bus_address(frames[k]) | (t.guest[i] & kLeafFlags));
      continue;
    }
    put(i, scratch);
    counts_.bad_entries += !retrying;
    retries_.add(t);
  }
  if (!t.filled) write_whole(t);
  // Only now, when no table names them: a long list of parked pins flushes itself.
  for (unsigned k = 0; k < drops; ++k) retired_.pin(domain_, to_drop[k]);
  return changed;
}

void Tables::write_whole(Table& t) {
  gpu_.write_page(t.frame, 0, std::as_bytes(std::span{t.shadow}));
  t.filled = true;
}

}  // namespace shadow::ppgtt

// SPDX-License-Identifier: MIT
// Parks pages, GGTT ranges and pins until a TLB invalidation has completed.
#include "shadow/retire.h"

namespace shadow {
namespace {

/// So many parked pins bring a flush of their own: a guest rewriting its tables without ever
/// submitting must not grow this list.
constexpr size_t kMaxParked = 8192;
constexpr size_t kUnpinBatch = 256;

}  // namespace

Retired::~Retired() { (void)flush(); }

void Retired::page(hv::BusFrame frame) {
  pages_.push_back(frame);
  if (pages_.size() % kMaxParked == 0) (void)flush();
}
void Retired::ggtt_range(hv::GmAddr base, unsigned pages) {
  if (pages) ranges_.push_back({base, pages});
}
void Retired::pin(hv::Domain& domain, hv::Gfn gfn) {
  pins_.push_back({&domain, gfn});
  if (pins_.size() % kMaxParked == 0) (void)flush();
}

bool Retired::pending() const {
  return stale_ || !pages_.empty() || !ranges_.empty() || !pins_.empty();
}

hv::Status Retired::flush() {
  if (!pending()) return {};
  if (const hv::Status s = gpu_.invalidate_tlbs(); !s.ok()) return s;
  stale_ = false;
  for (const hv::BusFrame f : pages_) gpu_.free_page(f);
  for (const RangePages& r : ranges_) space_.free(r.base, r.pages);
  hv::Gfn batch[kUnpinBatch];
  for (size_t i = 0; i < pins_.size();) {
    hv::Domain* domain = pins_[i].domain;
    size_t n = 0;
    for (; n < kUnpinBatch && i < pins_.size() && pins_[i].domain == domain; ++i) {
      batch[n++] = pins_[i].gfn;
    }
    domain->unpin({batch, n});
  }
  pages_.clear();
  ranges_.clear();
  pins_.clear();
  return {};
}

}  // namespace shadow

// SPDX-License-Identifier: MIT
#include "dom0/daemon/cpu_hooks.h"

#include <algorithm>

namespace xengvtd {
namespace {

constexpr uint32_t kMaxWeight = 65'535;

}  // namespace

uint32_t gpu_cap(const CpuShare& share) { return std::min(share.cap, 100u) * 100; }

CpuHooks::~CpuHooks() {
  for (auto& [domain, g] : guests_) lower(domain, g);
}

void CpuHooks::add(hv::DomId domain) {
  guests_.try_emplace(domain);
  next_ns_ = next_closely_ns_ = 0;  // now
}

void CpuHooks::remove(hv::DomId domain) {
  const auto it = guests_.find(domain);
  if (it == guests_.end()) return;
  lower(domain, it->second);
  guests_.erase(it);
}

void CpuHooks::set_boost(hv::DomId domain, bool on) {
  const auto it = guests_.find(domain);
  if (it == guests_.end()) return;
  it->second.boost = on;
  if (!on) lower(domain, it->second);
}

bool CpuHooks::boosted(hv::DomId domain) const {
  const auto it = guests_.find(domain);
  return it != guests_.end() && it->second.raised != 0;
}

void CpuHooks::tick(uint64_t now) {
  if (guests_.empty() || now < next_ns_) return;
  for (auto& [domain, g] : guests_) look(domain, g, now);
  if (now >= next_closely_ns_) next_closely_ns_ = now + kShareNs;
  next_ns_ = now + kRunStateNs;
}

void CpuHooks::look(hv::DomId domain, Guest& g, uint64_t now) {
  // A raised weight is looked at each time, so that an owner's change is soon seen.
  const bool closely = now >= next_closely_ns_ || g.raised != 0 || !g.closely_seen;
  CpuView view;
  const bool there = port_.look(domain, closely, view);
  if (there && g.seen && view.uuid != g.uuid) {  // the number is another domain's now
    if (g.raised != 0) (void)ledger_.remove(g.uuid);
    const bool boost = g.boost, gave_up = g.gives_up;
    g = {};
    g.boost = boost;
    g.gives_up = gave_up;
  }
  const bool gives_up = !there || view.paused || view.shut_down || view.dying;
  if (gives_up != g.gives_up) sink_.give_up(domain, gives_up);
  g.gives_up = gives_up;
  if (!there) {
    if (g.raised != 0) (void)ledger_.remove(g.uuid);  // with the domain went its weight
    g.raised = 0;
    return;
  }
  g.seen = true;
  g.uuid = view.uuid;
  if (closely) look_closely(domain, g, view, now);
  raise_or_lower(domain, g, now);
}

void CpuHooks::look_closely(hv::DomId domain, Guest& g, const CpuView& view, uint64_t now) {
  std::optional<CpuShare> share = view.share;
  if (g.raised != 0) {
    if (share && share->weight == g.raised) {
      share->weight = g.share->weight;  // our own raise is nothing to follow
    } else {
      // The owner set another, or moved the domain to another pool: theirs counts.
      g.raised = 0;
      (void)ledger_.remove(g.uuid);
    }
  }
  if (!g.closely_seen || share != g.share) sink_.cpu_share(domain, share);
  const uint64_t passed = now - std::min(now, g.looked_ns);
  if (g.closely_seen && passed < kShareNs / 2) {
    g.share = share;
    return;  // too soon to say anything of its vCPUs
  }
  const bool starved = g.closely_seen && !g.gives_up && is_starved(g, view, passed);
  if (starved != g.starved) sink_.starved(domain, starved);
  g.starved = starved;
  g.share = share;
  g.vcpus = view.vcpus;
  g.looked_ns = now;
  g.closely_seen = true;
}

/// Some vCPU wanted to run at both looks, did not, and had less than half of the time between.
bool CpuHooks::is_starved(const Guest& g, const CpuView& view, uint64_t passed_ns) {
  const auto waits = [](const CpuView::Vcpu& v) { return v.online && !v.blocked && !v.running; };
  for (size_t i = 0; i < std::min(g.vcpus.size(), view.vcpus.size()); ++i) {
    const CpuView::Vcpu& before = g.vcpus[i];
    const CpuView::Vcpu& after = view.vcpus[i];
    const uint64_t ran = after.cpu_ns - std::min(after.cpu_ns, before.cpu_ns);
    if (waits(before) && waits(after) && ran < passed_ns / 2) return true;
  }
  return false;
}

void CpuHooks::raise_or_lower(hv::DomId domain, Guest& g, uint64_t now) {
  const bool wanted = g.boost && g.share && !g.gives_up && sink_.waits_for_cpu(domain);
  if (wanted) {
    g.wanted_ns = now;
    if (g.raised == 0) raise(domain, g);
  } else if (g.raised != 0 && (g.gives_up || now - g.wanted_ns >= kBoostTailNs)) {
    lower(domain, g);
  }
}

void CpuHooks::raise(hv::DomId domain, Guest& g) {
  // What the owner changed since the last look must not be what is written over.
  CpuView view;
  if (!port_.look(domain, true, view) || view.uuid != g.uuid || !view.share) return;
  if (view.share != g.share) sink_.cpu_share(domain, view.share);
  g.share = view.share;
  const uint32_t owners = g.share->weight;
  const auto raised =
      static_cast<uint32_t>(std::min<uint64_t>(kMaxWeight, uint64_t{owners} * most_ / 100));
  if (raised <= owners) return;
  if (const std::string why = ledger_.add({domain, g.uuid, owners, raised}); !why.empty()) {
    sink_.complain(domain, "CPU weight not raised, it could not be put back surely: " + why);
    g.boost = false;
    return;
  }
  if (const std::string why = port_.set_weight(domain, raised); !why.empty()) {
    sink_.complain(domain, "CPU weight not raised: " + why);
    g.boost = false;
    (void)ledger_.remove(g.uuid);
    return;
  }
  g.raised = raised;
}

void CpuHooks::lower(hv::DomId domain, Guest& g) {
  if (g.raised == 0) return;
  CpuView view;
  // If the owner has set another meanwhile, that one stays.
  const bool ours = port_.look(domain, true, view) && view.uuid == g.uuid && view.share &&
                    view.share->weight == g.raised;
  g.raised = 0;
  if (ours) {
    if (const std::string why = port_.set_weight(domain, g.share->weight); !why.empty()) {
      // The line stays: the next start tries again.
      sink_.complain(domain, "CPU weight not put back: " + why);
      return;
    }
  }
  (void)ledger_.remove(g.uuid);
}

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
#include "dom0/gpu/proxy/dma_log.h"

#include "shadow/gen9/engine.h"

namespace gpu::proxy {
namespace {

constexpr const char* kPurpose[] = {"table_walk", "context", "status", "ring", "batch", "data"};

std::string hex(uint64_t v) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(v));
  return text;
}
std::string name(Owner o) {
  switch (o.kind) {
    case Owner::Kind::domain: return "domain " + std::to_string(o.domain);
    case Owner::Kind::hypervisor: return "hypervisor";
    default: return "unknown";
  }
}
std::string describe(const model::DmaAccess& a) {
  return std::string(gen9::info(a.engine).name) + " context " + hex(a.lrca) + " " +
         kPurpose[static_cast<unsigned>(a.purpose)] + (a.write ? " write" : " read") + " of " +
         (a.ggtt ? "GGTT " : "PPGTT ") + hex(a.address) + " at frame " + hex(a.frame.v);
}

}  // namespace

void DmaLog::complain(const model::DmaAccess& a, const std::string& why, uint64_t& counter) {
  ++counter;
  if (++described_ > kMaxDescribed) return;
  out_ << why << ": " << describe(a) << std::endl;
}

void DmaLog::check(const model::DmaAccess& a, Owner owner) {
  if (owner.kind == Owner::Kind::unknown) return;
  ++checked_;
  if (owner.kind == Owner::Kind::hypervisor)
    return complain(a, "violation, no domain's frame", violations_);
  if (owner.domain == 0) return;
  const auto [it, first] = guest_of_.emplace(a.lrca, owner.domain);
  if (!first && it->second != owner.domain)
    complain(a,
             "violation, context of domain " + std::to_string(it->second) + " in domain " +
                 std::to_string(owner.domain),
             violations_);
}

void DmaLog::on_access(const model::DmaAccess& a) {
  ++accesses_;
  // A context that is loaded again may be another guest's at the same address.
  if (a.purpose == model::DmaPurpose::context && !a.write) guest_of_.erase(a.lrca);
  if (!ram_.is_ram(a.frame)) return complain(a, "refused, no RAM was shared there", refused_);
  const Owner owner = owners_.owner_of(a.frame);
  check(a, owner);
  if (rows_.size() >= kMaxRows) write();
  Row& row = rows_[{a.frame.v, a.lrca, static_cast<uint8_t>(gen9::index(a.engine)),
                    static_cast<uint8_t>(a.purpose), a.write}];
  row.owner = owner;
  ++row.accesses;
}

void DmaLog::on_aperture(uint64_t fence, hv::BusFrame frame) {
  const auto complain = [&](const char* why, uint64_t& counter) {
    ++counter;
    if (++described_ <= kMaxDescribed)
      out_ << why << ": aperture under fence " << hex(fence) << " at frame " << hex(frame.v)
           << std::endl;
  };
  if (!ram_.is_ram(frame)) return complain("refused, no RAM was shared there", refused_);
  const Owner owner = owners_.owner_of(frame);
  if (owner.kind == Owner::Kind::unknown) return;
  ++aperture_checked_;
  if (owner.kind == Owner::Kind::hypervisor)
    return complain("violation, no domain's frame", violations_);
  if (fence == 0) return;
  if (owner.domain == 0) return complain("violation, dom0's frame", violations_);
  if (guest_under_.emplace(fence, owner.domain).first->second != owner.domain)
    complain("violation, two guests' frames", violations_);
}

void DmaLog::mark(uint32_t number) { out_ << "mark " << number << std::endl; }

void DmaLog::write() {
  for (const auto& [k, row] : rows_)
    out_ << "dma " << gen9::kEngineInfo[k.engine].name << ' ' << hex(k.lrca) << ' '
         << kPurpose[k.purpose] << (k.write ? " write " : " read ") << hex(k.frame) << ' '
         << row.accesses << ' ' << name(row.owner) << '\n';
  rows_.clear();
  out_ << "dma_accesses " << accesses_ << "\ndma_checked " << checked_ << "\ndma_violations "
       << violations_ << "\ndma_refused " << refused_ << "\naperture_checked " << aperture_checked_
       << std::endl;
}

}  // namespace gpu::proxy

// SPDX-License-Identifier: MIT
// The rules of who may reach what.
#include "dom0/embedded/dma_guard.h"

#include <cstdio>

namespace embedded {
namespace {

using gpu::model::DmaAccess;
using gpu::model::DmaPurpose;
using shadow::PageUse;

const char* purpose_name(DmaPurpose p) {
  switch (p) {
    case DmaPurpose::table_walk: return "table walk";
    case DmaPurpose::context: return "context";
    case DmaPurpose::status: return "status";
    case DmaPurpose::ring: return "ring";
    case DmaPurpose::batch: return "batch";
    case DmaPurpose::data: return "data";
  }
  return "?";
}

/// Page 0 of the running context's image: index-mode stores and its own bookkeeping go there.
bool is_pphwsp(const DmaAccess& a) {
  return a.ggtt && a.address >= a.lrca && a.address - a.lrca < hv::kPageSize;
}

const char* judge_own_page(const DmaAccess& a, PageUse use) {
  const bool fetch = a.purpose == DmaPurpose::ring || a.purpose == DmaPurpose::batch;
  switch (use) {
    case PageUse::scratch:
      return a.purpose == DmaPurpose::data || a.purpose == DmaPurpose::batch
                 ? nullptr
                 : "scratch used for more than data";
    case PageUse::page_table:
      return a.purpose == DmaPurpose::table_walk && !a.write ? nullptr
                                                             : "a page table is only walked";
    case PageUse::context:
      if (a.purpose == DmaPurpose::context) return nullptr;
      return is_pphwsp(a) && !fetch ? nullptr : "a context image is only saved and restored";
    case PageUse::ring:
    case PageUse::batch: return fetch && !a.write ? nullptr : "a copied stream is only fetched";
    case PageUse::status:
      return a.purpose == DmaPurpose::status ? nullptr : "a status page takes only status";
  }
  return "unknown use";
}

const char* judge_host_page(const DmaAccess& a, const FrameFacts& f, hv::VgpuId vgpu) {
  if (f.made_for == vgpu) return judge_own_page(a, f.use);
  if (f.made_for != hv::kHostOwner) return "another vGPU's host page";
  // Shared by all: scratch, the tables that lead there, the engine's own status page.
  if (f.use == PageUse::scratch || f.use == PageUse::page_table || f.use == PageUse::status)
    return judge_own_page(a, f.use);
  return "the host's own page";
}

}  // namespace

const char* judge(const DmaAccess& a, const FrameFacts& f, hv::VgpuId vgpu, hv::DomId domain) {
  using Kind = hv::local::FrameOwner::Kind;
  if (f.owner.kind == Kind::none) return "no memory there";
  if (f.owner.kind == Kind::host) return judge_host_page(a, f, vgpu);
  if (vgpu == hv::kHostOwner) return "a guest's page from the host's own context";
  if (f.owner.domain != domain) return "another guest's page";
  // The guest's own memory is data and PPGTT batches; all else runs from the host's copies.
  if (a.purpose == DmaPurpose::data) return nullptr;
  if (a.purpose == DmaPurpose::batch && !a.ggtt && !a.write) return nullptr;
  return "a guest's page used as the host's";
}

// The look-up is only asked again at a switch: between two accesses of one context its owner stays.
hv::VgpuId DmaGuard::owner(const DmaAccess& a) {
  if (a.lrca == 0) return hv::kHostOwner;
  if (a.lrca != last_lrca_ || a.purpose == DmaPurpose::context) {
    last_lrca_ = a.lrca;
    last_owner_ = owners_.owner_of_context(a.lrca);
  }
  return last_owner_;
}

void DmaGuard::on_access(const DmaAccess& a) {
  ++accesses_;
  const hv::VgpuId vgpu = owner(a);
  FrameFacts facts{machine_.owner(a.frame), {}, {}};
  if (facts.owner.kind == hv::local::FrameOwner::Kind::host) {
    facts.use = driver_.page_use(a.frame).value_or(PageUse::context);
    facts.made_for = driver_.page_owner(a.frame).value_or(hv::kHostOwner);
  }
  const auto domain = domains_.find(vgpu);
  const char* why = judge(a, facts, vgpu, domain == domains_.end() ? hv::DomId{} : domain->second);
  if (why == nullptr) return;
  ++violations_;
  if (described_.size() >= kMaxDescribed) return;
  char line[200];
  std::snprintf(line, sizeof line, "%s: %s of %u bytes at %s 0x%llx, frame 0x%llx, vGPU %u, %s",
                why, purpose_name(a.purpose), a.bytes, a.ggtt ? "GGTT" : "PPGTT",
                static_cast<unsigned long long>(a.address),
                static_cast<unsigned long long>(a.frame.v), vgpu.v, a.write ? "write" : "read");
  described_.emplace_back(line);
}

}  // namespace embedded

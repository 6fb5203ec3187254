// SPDX-License-Identifier: MIT
#include "dom0/daemon/misfits.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace xengvtd {
namespace {

/// libxl writes a configuration down when all of the domain's creation is done.
constexpr uint64_t kSettledNs = 5'000'000'000;
constexpr size_t kMostWaiting = 256;

std::string text_of(const std::array<uint8_t, 16>& uuid) {
  std::string s;
  for (size_t i = 0; i < uuid.size(); ++i) {
    char byte[4];
    std::snprintf(byte, sizeof byte, "%02x", uuid[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) s += '-';
    s += byte;
  }
  return s;
}

}  // namespace

void Misfits::born(const hv::xen::DomainInfo& domain, uint64_t now_ns) {
  if (!domain.device_model && waiting_.size() < kMostWaiting)
    waiting_.push_back({domain, now_ns + kSettledNs});
}

void Misfits::gone(hv::DomId domain) {
  std::erase_if(waiting_, [&](const Waiting& w) { return w.domain.id == domain; });
}

uint64_t Misfits::wake_ns() const {
  uint64_t at = UINT64_MAX;
  for (const Waiting& w : waiting_) at = std::min(at, w.at_ns);
  return at;
}

std::vector<Misfits::Misfit> Misfits::due(uint64_t now_ns) {
  std::vector<Misfit> found;
  std::erase_if(waiting_, [&](const Waiting& w) {
    if (w.at_ns > now_ns) return false;
    if (asks_for_vgpu(w.domain))
      found.push_back(
          {w.domain.id,
           {std::string("a ") + (w.domain.hvm ? "PVH" : "PV") +
                " guest has no PCI bus for a vGPU, and xl started it without one",
            "write type=\"hvm\" in its xl.cfg; xengvt check FILE finds such mistakes"}});
    return true;
  });
  return found;
}

bool Misfits::asks_for_vgpu(const hv::xen::DomainInfo& domain) const {
  std::ifstream file(folder_ + "/userdata-d." + std::to_string(domain.id.v) + "." +
                     text_of(domain.uuid) + ".libxl-json");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str().find("/xengvt-dm\"") != std::string::npos;
}

}  // namespace xengvtd

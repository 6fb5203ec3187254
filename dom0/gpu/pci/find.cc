// SPDX-License-Identifier: MIT
// Finding a GPU that can be taken, and saying why one cannot.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "dom0/gpu/pci/function.h"
#include "dom0/gpu/pci/ids.h"
#include "dom0/gpu/pci/interrupt_line.h"

namespace gpu::pci {
namespace {

namespace fs = std::filesystem;

constexpr uint16_t kIntel = 0x8086;
constexpr uint64_t kBar0Bytes = 16u << 20;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}
uint64_t number_of(const std::string& path) {
  return std::strtoull(text_of(path).c_str(), nullptr, 16);
}
std::string link_of(const std::string& path) {
  std::error_code e;
  const fs::path to = fs::read_symlink(path, e);
  return e ? "" : to.filename().string();
}

FunctionInfo read_info(const Places& p, const std::string& address) {
  FunctionInfo i;
  i.address = address;
  i.vendor = static_cast<uint16_t>(number_of(p.file(address, "vendor")));
  i.device = static_cast<uint16_t>(number_of(p.file(address, "device")));
  i.revision = static_cast<uint8_t>(number_of(p.file(address, "revision")));
  i.driver = link_of(p.file(address, "driver"));
  std::ifstream in(p.file(address, "resource"));
  for (FunctionInfo::Bar& bar : i.bars) {
    uint64_t first = 0, last = 0, flags = 0;
    if (!(in >> std::hex >> first >> last >> flags)) break;
    if (last > first) bar = {first, last - first + 1};
  }
  return i;
}

std::string hex(uint16_t v) {
  char text[8];
  std::snprintf(text, sizeof text, "%04x", v);
  return text;
}

/// A framebuffer that firmware left and the kernel still draws on; its pages are the GPU's.
std::string boot_framebuffer(const Places& p) {
  for (const char* name : {"simple-framebuffer.0", "efi-framebuffer.0", "vesa-framebuffer.0"}) {
    const std::string held = link_of(p.root + "sys/bus/platform/devices/" + name + "/driver");
    if (!held.empty()) return held;
  }
  return {};
}

/// "none [integrity] confidentiality": the one in brackets is in force.
std::string lockdown(const Places& p) {
  const std::string line = text_of(p.root + "sys/kernel/security/lockdown");
  const size_t open = line.find('['), close = line.find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  const std::string mode = line.substr(open + 1, close - open - 1);
  return mode == "none" ? "" : mode;
}

hv::Result<void, Problem> usable(const Places& p, const FunctionInfo& i) {
  const std::string who = "the GPU at " + i.address;
  if (i.vendor == 0xffff || i.device == 0xffff)
    return Problem{who + " does not answer", "switch the machine off and on"};
  if (!family_of(i.device)) {
    const char* name = refused_family_of(i.device);
    return Problem{who + " is " + (name ? name : "unknown") + " (8086:" + hex(i.device) + ")",
                   "XenGVT drives Sky Lake, Kaby Lake, Coffee Lake and Comet Lake"};
  }
  if (!i.driver.empty() && i.driver != kLineDriver)
    return Problem{who + " is held by the kernel driver " + i.driver,
                   "echo " + i.address + " > /sys/bus/pci/drivers/" + i.driver +
                       "/unbind, and blacklist " + i.driver +
                       "; dom0 loses its own screen on that GPU"};
  if (const std::string held = boot_framebuffer(p); !held.empty())
    return Problem{who + " shows the firmware's framebuffer, held by " + held,
                   "boot dom0 with initcall_blacklist=simpledrm_platform_driver_init "
                   "video=efifb:off,vesafb:off; dom0 loses its own screen on that GPU"};
  if (const std::string mode = lockdown(p); !mode.empty())
    return Problem{"the kernel is locked down (" + mode + "), so that BARs cannot be mapped",
                   "switch Secure Boot off, or boot with lockdown=none"};
  if (i.bars[0].address == 0 || i.bars[0].bytes < kBar0Bytes || i.bars[2].address == 0)
    return Problem{who + " has no addresses for its BARs",
                   "enable 'Above 4G decoding' in the firmware, or boot with pci=realloc"};
  return {};
}

}  // namespace

std::vector<FunctionInfo> list_gpus(const Places& places) {
  std::vector<FunctionInfo> all;
  std::error_code e;
  for (const auto& entry : fs::directory_iterator(places.devices(), e)) {
    const std::string address = entry.path().filename();
    if (number_of(places.file(address, "vendor")) != kIntel ||
        number_of(places.file(address, "class")) >> 16 != 3)
      continue;
    all.push_back(read_info(places, address));
  }
  std::ranges::sort(all, {}, &FunctionInfo::address);
  return all;
}

hv::Result<FunctionInfo, Problem> choose_gpu(const Places& places, const std::string& address) {
  const auto all = list_gpus(places);
  if (all.empty())
    return Problem{"there is no GPU of Intel's on this host's PCI bus",
                   "enable the internal graphics in the firmware, or use the model"};
  auto it = all.begin();
  if (!address.empty()) {
    it = std::ranges::find(all, address, &FunctionInfo::address);
    if (it == all.end())
      return Problem{"there is no GPU of Intel's at " + address,
                     "there is one at " + all.front().address};
  } else if (all.size() > 1) {
    it = std::ranges::find_if(all, [](auto& f) { return family_of(f.device) != nullptr; });
    if (it == all.end()) it = all.begin();
  }
  if (const auto s = usable(places, *it); !s.ok()) return s.error();
  return *it;
}

}  // namespace gpu::pci

// SPDX-License-Identifier: MIT
#include "dom0/daemon/host_check.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "dom0/gpu/pci/function.h"

namespace xengvtd {
namespace {

namespace fs = std::filesystem;

/// The first line of a file; empty if it cannot be read.
std::string line_of(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

Check hypervisor(const fs::path& root) {
  const fs::path sys = root / "sys/hypervisor";
  if (line_of(sys / "type") != "xen")
    return {"hypervisor", Verdict::bad, "this system does not run under Xen",
            "install xen-system-amd64 and boot its entry"};
  const std::string version = line_of(sys / "version/major") + "." + line_of(sys / "version/minor");
  if (version != "4.17")
    return {"hypervisor", Verdict::unknown, "Xen " + version,
            "Xen 4.17 of Debian 12 is what was tried"};
  return {"hypervisor", Verdict::good, "Xen " + version + line_of(sys / "version/extra"), ""};
}

Check control_domain(const fs::path& root) {
  if (line_of(root / "proc/xen/capabilities").find("control_d") != std::string::npos)
    return {"domain", Verdict::good, "this is the control domain", ""};
  std::error_code e;
  if (!fs::exists(root / "proc/xen/capabilities", e))
    return {"domain", Verdict::bad, "/proc/xen is not mounted",
            "mount -t xenfs xenfs /proc/xen (Debian's xen.service does it)"};
  return {"domain", Verdict::bad, "this is a guest, not the control domain", "run xengvtd in dom0"};
}

Check domain_kind(const fs::path& root) {
  const std::string kind = line_of(root / "sys/hypervisor/guest_type");
  if (kind == "PV") return {"dom0 kind", Verdict::good, "PV", ""};
  if (kind.empty()) return {"dom0 kind", Verdict::unknown, "not told by the kernel", ""};
  return {"dom0 kind", Verdict::bad, kind, "boot Xen without dom0=pvh: only a PV dom0 was tried"};
}

Check node(const fs::path& root, const char* name, const char* module) {
  const fs::path path = root / "dev/xen" / name;
  std::error_code e;
  if (!fs::exists(path, e))
    return {name, Verdict::bad, "/dev/xen/" + std::string(name) + " is not there",
            "modprobe " + std::string(module)};
  if (::access(path.c_str(), R_OK | W_OK) != 0)
    return {name, Verdict::bad, "/dev/xen/" + std::string(name) + " cannot be opened",
            "run as root"};
  return {name, Verdict::good, "/dev/xen/" + std::string(name), ""};
}

Check xenstore(const fs::path& root) {
  std::error_code e;
  for (const char* path : {"run/xenstored/socket", "var/run/xenstored/socket", "dev/xen/xenbus"})
    if (fs::exists(root / path, e)) return {"xenstore", Verdict::good, path, ""};
  return {"xenstore", Verdict::bad, "xenstored is not running", "systemctl start xen"};
}

Check device_model(const fs::path& root) {
  const fs::path qemu = root / "usr/libexec/xen-qemu-system-i386";
  std::error_code e;
  if (fs::exists(qemu, e)) return {"device model", Verdict::good, "QEMU for Xen", ""};
  return {"device model", Verdict::bad, "/usr/libexec/xen-qemu-system-i386 is not there",
          "apt install qemu-system-xen"};
}

/// The value of a line "key : value" of xl info; empty if there is none.
std::string told(const std::string& xl_info, const std::string& key) {
  std::istringstream in(xl_info);
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos ||
        line.substr(0, line.find_last_not_of(' ', colon - 1) + 1) != key)
      continue;
    const size_t from = line.find_first_not_of(' ', colon + 1);
    return from == std::string::npos ? "" : line.substr(from);
  }
  return {};
}
bool has_word(const std::string& words, const std::string& word) {
  std::istringstream in(words);
  for (std::string w; in >> w;)
    if (w == word) return true;
  return false;
}

Check toolstack(const std::string& xl_info) {
  if (!xl_info.empty()) return {"xl", Verdict::good, "xl info answers", ""};
  return {"xl", Verdict::bad, "xl info does not answer",
          "apt install xen-utils-4.17; systemctl start xen; run as root"};
}

Check paging(const std::string& xl_info) {
  const std::string caps = told(xl_info, "virt_caps");
  if (caps.empty()) return {"HAP", Verdict::unknown, "not told by xl info", "see 'xl dmesg'"};
  if (!has_word(caps, "hap"))
    return {"HAP", Verdict::bad, "no hardware assisted paging, without which nothing can trap",
            "enable EPT or nested paging in the firmware; leave hap=0 out of Xen's command line"};
  return {"HAP", Verdict::good, "hardware assisted paging", ""};
}

Check iommu(const std::string& xl_info) {
  const std::string line = told(xl_info, "xen_commandline"), caps = told(xl_info, "virt_caps");
  const std::string mode = has_word(caps, "hvm_directio") ? "IOMMU on" : "no IOMMU";
  if (line.find("dom0-iommu=strict") != std::string::npos)
    return {"IOMMU", Verdict::unknown, mode + ", strict for dom0",
            "good for the modelled GPU; one of silicon needs Xen without dom0-iommu=strict"};
  return {"IOMMU", Verdict::good, mode + ", relaxed for dom0", ""};
}

/// Frame numbers of guests' pages come from dom0's own page tables, which one vCPU cannot read of
/// itself.
Check processors(const fs::path& root) {
  const std::string online = line_of(root / "sys/devices/system/cpu/online");
  if (online.empty()) return {"dom0 vCPUs", Verdict::unknown, "not told by the kernel", ""};
  if (online == "0")
    return {"dom0 vCPUs", Verdict::unknown, "one: every access to a guest's aperture traps",
            "give dom0 two (dom0_max_vcpus=2)"};
  return {"dom0 vCPUs", Verdict::good, online, ""};
}

Check wrapper(const fs::path& root) {
  const char* path = "usr/libexec/xengvt/xengvt-dm";
  if (::access((root / path).c_str(), X_OK) == 0)
    return {"wrapper", Verdict::good, "/" + std::string(path), ""};
  return {"wrapper", Verdict::bad, "/" + std::string(path) + " cannot be run",
          "make install, with libexec=/usr/libexec/xengvt"};
}

/// /sys/hypervisor/properties/capabilities names the guests this Xen can run; an HVM one needs
/// VT-x or SVM.
Check hvm(const fs::path& root) {
  const std::string all = line_of(root / "sys/hypervisor/properties/capabilities");
  if (all.empty())
    return {"HVM", Verdict::unknown, "not told by the kernel", "see 'xl info' for hvm and hap"};
  if (all.find("hvm-3.0-x86_64") == std::string::npos)
    return {"HVM", Verdict::bad, "Xen cannot run HVM guests here",
            "enable VT-x or SVM in the firmware"};
  return {"HVM", Verdict::good, "HVM guests can run", ""};
}

/// Only whom the modelled GPU does not do needs one; whether it can be had is told all the same.
Check silicon(const fs::path& root) {
  const gpu::pci::Places places{(root / "").string()};
  const auto all = gpu::pci::list_gpus(places);
  if (all.empty()) return {"GPU", Verdict::good, "none of Intel's on the bus: the model", ""};
  const auto one = gpu::pci::choose_gpu(places, "");
  if (one.ok()) return {"GPU", Verdict::good, one->address + " can be driven", ""};
  return {"GPU", Verdict::unknown, one.error().cause, one.error().cure};
}

}  // namespace

const char* verdict_name(Verdict v) {
  return v == Verdict::good ? "good" : v == Verdict::bad ? "bad" : "unknown";
}

std::vector<Check> check_host(const std::string& where, const std::string& xl_info) {
  const fs::path root(where);
  return {hypervisor(root),
          control_domain(root),
          domain_kind(root),
          processors(root),
          toolstack(xl_info),
          hvm(root),
          paging(xl_info),
          iommu(xl_info),
          node(root, "privcmd", "xen-privcmd"),
          node(root, "evtchn", "xen-evtchn"),
          xenstore(root),
          device_model(root),
          wrapper(root),
          silicon(root)};
}

}  // namespace xengvtd

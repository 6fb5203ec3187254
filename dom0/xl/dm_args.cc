// SPDX-License-Identifier: MIT
#include "dom0/xl/dm_args.h"

#include <algorithm>
#include <charconv>

namespace xengvt_dm {
namespace {

using xengvtd::Problem;

constexpr const char* kCfgLine = "device_model_args_hvm=[\"-xgpu\",\"type=NAME\"]";
constexpr uint16_t kFirstReservedDomid = 0x7ff0;

/// "type=small,resolution=800x600" into keys and values.
std::optional<Problem> read_xgpu(const std::string& text, DmArgs& to) {
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string word = text.substr(at, end - at);
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == word.size())
      return Problem{"'" + word + "' in -xgpu is not KEY=VALUE",
                     std::string("write ") + kCfgLine + " in the xl.cfg"};
    const std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    if (key == "type" ? !to.type.empty() : to.options.contains(key))
      return Problem{"-xgpu has '" + key + "' twice", "give it once"};
    (key == "type" ? to.type : to.options[key]) = value;
    at = end + 1;
  }
  return {};
}

std::optional<Problem> read_domid(const std::string& text, DmArgs& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to.domid);
  if (error == std::errc() && end == text.data() + text.size() && to.domid != 0 &&
      to.domid < kFirstReservedDomid)
    return {};
  return Problem{"'" + text + "' is no domain number", "only xl should start xengvt-dm"};
}

bool starts(const std::string& s, const char* with) { return s.rfind(with, 0) == 0; }
bool has(const std::string& s, const char* part) { return s.find(part) != std::string::npos; }

/// QEMU's xenfv machine puts its platform device into the first free slot, 00:02.0 without a VGA.
/// The plain machine does not, and the device can be put elsewhere.
void move_platform_device(std::string& machine, std::vector<std::string>& qemu) {
  if (!starts(machine, "xenfv") || has(machine, "igd-passthru=on")) return;
  machine.replace(0, std::string("xenfv").size(), "pc,accel=xen");
  qemu.insert(qemu.end(), {"-device", "xen-platform,addr=0x3"});
}

/// What QEMU must not be told when 00:02.0 is ours.
std::optional<Problem> refuse(const std::string& option, const std::string& value) {
  const bool display =
      option == "-device" && (starts(value, "VGA") || starts(value, "cirrus-vga") ||
                              starts(value, "qxl") || starts(value, "virtio-vga"));
  if (display || (option == "-vga" && value != "none"))
    return Problem{"the guest has QEMU's own VGA besides the vGPU",
                   "write vga=\"none\" in the xl.cfg"};
  if (option == "-incoming")
    return Problem{"a guest with a vGPU cannot be restored or migrated to this host yet",
                   "create it anew with xl create"};
  if (option == "-device" && has(value, "addr=0x2") && !has(value, "addr=0x2."))
    if (value.size() == value.find("addr=0x2") + 8 || value[value.find("addr=0x2") + 8] == ',')
      return Problem{"'" + value + "' wants PCI slot 2, which is the vGPU's",
                     "give it another slot"};
  if (option == "-machine" && starts(value, "xenpv"))
    return Problem{"a PV guest cannot have a vGPU", "write type=\"hvm\" in the xl.cfg"};
  return {};
}

/// "socket,id=libxl-cmd,path=/run/xen/qmp-libxl-5,..." gives the path.
std::string qmp_path(const std::string& chardev) {
  if (!has(chardev, "id=libxl-cmd")) return {};
  const size_t at = chardev.find(",path=");
  if (at == std::string::npos) return {};
  const size_t from = at + 6;
  return chardev.substr(from, chardev.find(',', from) - from);
}

bool takes_value(const std::string& option) {
  static constexpr const char* kWithValue[] = {"-device",  "-vga",     "-incoming",
                                               "-machine", "-chardev", "-xen-domid"};
  return std::any_of(std::begin(kWithValue), std::end(kWithValue),
                     [&](const char* o) { return option == o; });
}

}  // namespace

hv::Result<DmArgs, Problem> read_dm_args(std::span<const std::string> args) {
  DmArgs a;
  bool xgpu = false;
  size_t machine = 0;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& option = args[i];
    const bool with_value = option == "-xgpu" || takes_value(option);
    if (with_value && (i + 1 == args.size() || args[i + 1] == "-xgpu"))
      return Problem{option + " has no value", "see xengvt-dm(8)"};
    if (option == "-xgpu") {
      if (xgpu) return Problem{"-xgpu is there twice", "a guest has one vGPU"};
      xgpu = true;
      if (auto p = read_xgpu(args[++i], a)) return *p;
      continue;
    }
    a.qemu.push_back(option);
    if (!with_value) continue;
    const std::string& value = args[++i];
    if (auto p = refuse(option, value)) return *p;
    if (option == "-xen-domid")
      if (auto p = read_domid(value, a)) return *p;
    if (option == "-chardev" && a.qmp_path.empty()) a.qmp_path = qmp_path(value);
    if (option == "-machine") machine = a.qemu.size();
    a.qemu.push_back(value);
  }
  if (a.domid == 0) return Problem{"there is no -xen-domid", "only xl should start xengvt-dm"};
  if (!xgpu)
    return Problem{"the guest's vGPU type is not given",
                   std::string("write ") + kCfgLine + " in the xl.cfg"};
  if (a.type.empty())
    return Problem{"-xgpu names no type", "write type=NAME; xengvt list --types shows them"};
  if (machine != 0) move_platform_device(a.qemu[machine], a.qemu);
  return a;
}

void move_qmp(DmArgs& a, const std::string& path) {
  for (std::string& s : a.qemu)
    if (!a.qmp_path.empty() && qmp_path(s) == a.qmp_path)
      s.replace(s.find(a.qmp_path), a.qmp_path.size(), path);
}

}  // namespace xengvt_dm

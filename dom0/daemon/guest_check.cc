// SPDX-License-Identifier: MIT
#include "dom0/daemon/guest_check.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>

namespace xengvtd {
namespace {

using Settings = std::map<std::string, std::string>;

constexpr const char* kLine = "device_model_args_hvm=[\"-xgpu\",\"type=small\"]";

std::string trimmed(const std::string& s) {
  const size_t from = s.find_first_not_of(" \t\r\n"), to = s.find_last_not_of(" \t\r\n;");
  return from == std::string::npos || to == std::string::npos ? "" : s.substr(from, to - from + 1);
}
std::string without_comment(const std::string& line) {
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (quote ? line[i] == quote : line[i] == '"' || line[i] == '\'') quote = quote ? 0 : line[i];
    if (!quote && line[i] == '#') return line.substr(0, i);
  }
  return line;
}
std::string unquoted(const std::string& s) {
  const bool quoted = s.size() >= 2 && (s[0] == '"' || s[0] == '\'') && s.back() == s[0];
  return quoted ? s.substr(1, s.size() - 2) : s;
}

Settings read(std::istream& in) {
  Settings all;
  std::string line, key;
  bool in_list = false;
  while (std::getline(in, line)) {
    line = trimmed(without_comment(line));
    if (!in_list) {
      const size_t equals = line.find('=');
      if (equals == std::string::npos) continue;
      key = trimmed(line.substr(0, equals));
      line = trimmed(line.substr(equals + 1));
      all[key].clear();
    }
    all[key] += line;
    in_list = all[key].starts_with('[') && !all[key].ends_with(']');
  }
  for (auto& [k, v] : all) v = unquoted(v);
  return all;
}

std::string get(const Settings& s, const char* key, const char* otherwise = "") {
  const auto it = s.find(key);
  return it == s.end() ? otherwise : it->second;
}
uint64_t number(const std::string& text) {
  uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

Check type(const Settings& s) {
  std::string type = get(s, "type", get(s, "builder") == "hvm" ? "hvm" : "pv");
  if (type == "hvm") return {"type", Verdict::good, "hvm", ""};
  std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::toupper(c); });
  return {"type", Verdict::bad,
          "a " + type + " guest: xl would start it without a vGPU, and say nothing",
          "write type=\"hvm\""};
}
Check wrapper(const Settings& s) {
  const std::string path = get(s, "device_model_override");
  if (path.ends_with("/xengvt-dm")) return {"device model", Verdict::good, path, ""};
  return {"device model", Verdict::bad,
          path.empty() ? "nobody attaches a vGPU" : path + " is not xengvt-dm",
          "write device_model_override=\"/usr/libexec/xengvt/xengvt-dm\""};
}
Check version(const Settings& s) {
  if (get(s, "device_model_version") == "qemu-xen")
    return {"version", Verdict::good, "qemu-xen", ""};
  return {"version", Verdict::unknown,
          "xl ignores device_model_override or warns without a version",
          "write device_model_version=\"qemu-xen\""};
}
Check vgpu(const Settings& s) {
  const std::string args = get(s, "device_model_args_hvm");
  const bool has =
      args.find("\"-xgpu\"") != std::string::npos || args.find("'-xgpu'") != std::string::npos;
  if (has && args.find("type=") != std::string::npos) return {"vGPU", Verdict::good, args, ""};
  return {"vGPU", Verdict::bad, has ? "-xgpu names no type" : "no vGPU is asked for",
          std::string("write ") + kLine};
}
Check display(const Settings& s) {
  if (get(s, "vga") == "none") return {"display", Verdict::good, "none of QEMU's", ""};
  return {"display", Verdict::bad, "QEMU's own VGA besides the vGPU", "write vga=\"none\""};
}
Check memory(const Settings& s) {
  const uint64_t now = number(get(s, "memory")),
                 most = number(get(s, "maxmem", get(s, "memory").c_str()));
  if (most <= now) return {"memory", Verdict::good, std::to_string(now) + " MiB", ""};
  return {"memory", Verdict::bad, "populate on demand: maxmem is more than memory",
          "set maxmem equal to memory"};
}
Check paging(const Settings& s) {
  if (get(s, "hap", "1") != "0") return {"paging", Verdict::good, "hardware assisted", ""};
  return {"paging", Verdict::bad, "hap=0", "write hap=1"};
}
Check rest(const Settings& s) {
  if (get(s, "dm_restrict", "0") != "0")
    return {"rest", Verdict::bad, "dm_restrict: saving would lose the vGPU without a word",
            "leave dm_restrict out"};
  for (const char* key : {"nestedhvm", "altp2m"})
    if (get(s, key, "0") != "0")
      return {"rest", Verdict::unknown, std::string(key) + " was never tried with a vGPU",
              std::string("leave ") + key + " out"};
  return {"rest", Verdict::good, "nothing against it", ""};
}

}  // namespace

std::vector<Check> check_guest_file(std::istream& file) {
  const Settings s = read(file);
  return {type(s), wrapper(s), version(s), vgpu(s), display(s), memory(s), paging(s), rest(s)};
}

}  // namespace xengvtd

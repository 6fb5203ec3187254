// SPDX-License-Identifier: MIT
// Reading xengvtd.conf. Every key has a range, and a key nobody knows is an error: a typing error
// must not silently leave a default in place.
#include "dom0/daemon/config.h"

#include <algorithm>
#include <boost/property_tree/ini_parser.hpp>
#include <boost/property_tree/ptree.hpp>
#include <charconv>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>

namespace xengvtd {
namespace {

using boost::property_tree::ptree;

/// Sets one value from its text; gives what was expected instead, or nothing.
using Setter = std::function<std::string(const std::string&)>;
using Keys = std::map<std::string, Setter, std::less<>>;

template <class T>
Setter number(T& to, uint64_t lowest, uint64_t highest, int base = 10) {
  return [&to, lowest, highest, base](const std::string& text) -> std::string {
    std::string_view t = text;
    int b = base;
    if (t.starts_with("0x") || t.starts_with("0X")) t.remove_prefix(2), b = 16;
    uint64_t v = 0;
    const auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), v, b);
    if (t.empty() || error != std::errc() || end != t.data() + t.size() || v < lowest ||
        v > highest)
      return "a number from " + std::to_string(lowest) + " to " + std::to_string(highest);
    to = static_cast<T>(v);
    return {};
  };
}

Setter file_mode(uint32_t& to) {
  return [&to](const std::string& text) -> std::string {
    return number(to, 0, 0777, 8)(text).empty() ? "" : "an octal mode such as 0660";
  };
}

Setter text_of(std::string& to) {
  return [&to](const std::string& text) -> std::string {
    to = text;
    return {};
  };
}

Setter path_of(std::string& to, size_t longest) {
  return [&to, longest](const std::string& text) -> std::string {
    if (text.empty() || text[0] != '/' || text.size() > longest)
      return "an absolute path of at most " + std::to_string(longest) + " characters";
    to = text;
    return {};
  };
}

Setter yes_no(bool& to) {
  return [&to](const std::string& text) -> std::string {
    if (text != "yes" && text != "no") return "yes or no";
    to = text == "yes";
    return {};
  };
}

Setter policy(mediator::Policy& to) {
  return [&to](const std::string& text) -> std::string {
    mediator::GpuShares gpu;
    if (!set_gpu_option(gpu, "policy", text).empty() || gpu.policy == mediator::Policy::exclusive)
      return "best-effort, equal-share or fixed-share";
    to = gpu.policy;
    return {};
  };
}

/// One of the keys that xengvt set knows too.
Setter share_option(ShareSettings& to, const char* key) {
  return [&to, key](const std::string& text) {
    const std::string rule = set_share_option(to, key, text);
    const size_t is = rule.find(" is ");
    return is == std::string::npos ? rule : rule.substr(is + 4);
  };
}

Setter level(LogLevel& to) {
  return [&to](const std::string& text) -> std::string {
    for (const LogLevel l : {LogLevel::error, LogLevel::warning, LogLevel::info, LogLevel::debug}) {
      if (text != level_name(l)) continue;
      to = l;
      return {};
    }
    return "error, warning, info or debug";
  };
}

Setter factor(double& to) {
  return [&to](const std::string& text) -> std::string {
    double v = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error != std::errc() || end != text.data() + text.size() || !(v >= 0.001 && v <= 1000))
      return "a factor from 0.001 to 1000";
    to = v;
    return {};
  };
}

Setter resolution(VgpuType& type) {
  return [&type](const std::string& text) -> std::string {
    const size_t x = text.find('x');
    uint32_t w = 0, h = 0;
    if (x == std::string::npos || !number(w, 320, 3840)(text.substr(0, x)).empty() ||
        !number(h, 200, 2160)(text.substr(x + 1)).empty())
      return "WIDTHxHEIGHT from 320x200 to 3840x2160";
    type.width = w;
    type.height = h;
    return {};
  };
}

Setter gpu_name(std::string& to) {
  return [&to](const std::string& text) -> std::string {
    unsigned domain, bus, device, function;
    int end = 0;
    const bool address = text.size() == 12 &&
                         std::sscanf(text.c_str(), "%4x:%2x:%2x.%1x%n", &domain, &bus, &device,
                                     &function, &end) == 4 &&
                         end == 12;
    if (text != "model" && text != "pci" && !address)
      return "model, pci or an address such as 0000:00:02.0";
    to = text;
    return {};
  };
}

constexpr size_t kLongestSocketPath = 107;  // sun_path, with its end

Keys daemon_keys(Config& c) {
  return {{"socket", path_of(c.socket, kLongestSocketPath)},
          {"socket-mode", file_mode(c.socket_mode)},
          {"socket-group", text_of(c.socket_group)},
          {"log-level", level(c.log_level)},
          {"guests", path_of(c.guests, 4000)},
          {"state", path_of(c.state, 1023)},
          {"trace", path_of(c.trace, 4095)},
          {"trace-folder", path_of(c.trace_folder, 3900)},
          {"trace-max-mib", number(c.trace_max_mib, 1, 65536)},
          {"trace-open", yes_no(c.trace_open)}};
}

Keys gpu_keys(Config& c) {
  return {{"device", gpu_name(c.gpu)},
          {"device-id", number(c.device_id, 1, 0xffff)},
          {"time-scale", factor(c.time_scale)},
          {"step-us", number(c.step_us, 10, 10'000)},
          {"spin-us", number(c.spin_us, 0, 1000)},
          {"max-lag-ms", number(c.max_lag_ms, 1, 10'000)},
          {"slice-ms", number(c.slice_ms, 1, 30)},
          {"hang-ms", number(c.hang_ms, 10, 60'000)},
          {"status-us", number(c.status_us, 0, 100'000)},
          {"clock-us", number(c.clock_us, 100, 100'000)},
          {"policy", policy(c.policy)},
          {"window-ms", number(c.window_ms, 10, 1000)},
          {"max-busy", number(c.max_busy, 0, 65'534)},
          {"follow-cpu", yes_no(c.follow_cpu)},
          {"boost-most", number(c.boost_most, 100, 1000)}};
}

Keys type_keys(VgpuType& t) {
  return {{"low-mib", number(t.low_mib, 1, 256)},
          {"high-mib", number(t.high_mib, 0, 3840)},
          {"fences", number(t.fences, 1, 16)},
          {"resolution", resolution(t)},
          {"weight", number(t.weight, 1, 65'535)},
          {"maximum", number(t.maximum, 0, 256)},
          {"cap", share_option(t.shares, "cap")},
          {"share", share_option(t.shares, "share")},
          {"latency", share_option(t.shares, "latency")},
          {"slice", share_option(t.shares, "slice")},
          {"boost", share_option(t.shares, "boost")}};
}

std::string read_section(const std::string& section, const ptree& values, const Keys& keys) {
  for (const auto& [key, value] : values) {
    const auto found = keys.find(key);
    if (found == keys.end()) return "[" + section + "] has no key '" + key + "'";
    const std::string& text = value.data();
    if (const std::string wanted = found->second(text); !wanted.empty())
      return "[" + section + "] " + key + ": expected " + wanted + ", not '" + text + "'";
  }
  return {};
}

bool good_type_name(const std::string& name) {
  return !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

std::string read_type(const std::string& section, const ptree& values, Config& c) {
  VgpuType type;
  type.name = section.substr(std::string_view("type ").size());
  if (!good_type_name(type.name))
    return "[" + section + "]: a type's name has 1 to 32 letters, digits, - and _";
  if (c.find_type(type.name)) return "[" + section + "] stands there twice";
  if (std::string why = read_section(section, values, type_keys(type)); !why.empty()) return why;
  c.types.push_back(type);
  return {};
}

std::string read_tree(const ptree& tree, Config& c) {
  for (const auto& [section, values] : tree) {
    std::string why;
    if (section == "daemon") {
      why = read_section(section, values, daemon_keys(c));
    } else if (section == "gpu") {
      why = read_section(section, values, gpu_keys(c));
    } else if (section.starts_with("type ")) {
      why = read_type(section, values, c);
    } else if (values.empty()) {
      why = "'" + section + "' stands outside of a section";
    } else {
      why = "no section [" + section + "] is known; there are [daemon], [gpu] and [type NAME]";
    }
    if (!why.empty()) return why;
  }
  return {};
}

}  // namespace

const char* level_name(LogLevel l) {
  switch (l) {
    case LogLevel::error: return "error";
    case LogLevel::warning: return "warning";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
  }
  return "?";
}

const VgpuType* Config::find_type(const std::string& name) const {
  const auto it = std::find_if(types.begin(), types.end(), [&](auto& t) { return t.name == name; });
  return it == types.end() ? nullptr : &*it;
}

Config default_config() {
  Config c;
  c.types = {VgpuType{"tiny", 32, 32, 4, 1024, 768, 1, 32},
             VgpuType{"small", 64, 384, 4, 1024, 768, 2, 16},
             VgpuType{"medium", 128, 1024, 4, 1280, 1024, 4, 8},
             VgpuType{"large", 256, 2048, 8, 1920, 1200, 8, 4}};
  return c;
}

hv::Result<Config, std::string> parse_config(std::istream& in) {
  Config c;
  ptree tree;
  try {
    boost::property_tree::read_ini(in, tree);
  } catch (const boost::property_tree::ini_parser_error& e) {
    return "line " + std::to_string(e.line()) + ": " + e.message();
  }
  if (std::string why = read_tree(tree, c); !why.empty()) return why;
  if (c.types.empty()) c.types = default_config().types;
  return c;
}

hv::Result<Config, std::string> load_config(const std::string& path) {
  std::ifstream in(path);
  if (!in) return path + ": cannot be read";
  auto c = parse_config(in);
  if (!c.ok()) return path + ": " + c.error();
  return c;
}

mediator::VgpuConfig vgpu_config(const VgpuType& type, const Config& config,
                                 const std::string& guest) {
  mediator::VgpuConfig v;
  v.name = guest;
  v.device_id = config.device_id;
  // Windows are virtual: every guest has the same, from the start of the aperture and from its end.
  v.windows = {0, uint64_t{type.low_mib} << 20, v.aperture_bytes, uint64_t{type.high_mib} << 20};
  v.fences = type.fences;
  v.width = type.width;
  v.height = type.height;
  v.weight = type.weight;
  return v;
}

}  // namespace xengvtd

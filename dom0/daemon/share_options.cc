// SPDX-License-Identifier: MIT
#include "dom0/daemon/share_options.h"

#include <charconv>

namespace xengvtd {
namespace {

using mediator::GpuShares;
using mediator::LatencyClass;
using mediator::Policy;
using mediator::Share;

constexpr uint64_t kNsPerMs = 1'000'000;

bool parse_number(const std::string& text, uint64_t& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

/// Milliseconds; anything too large for a setting stays too large.
bool parse_ms(const std::string& text, uint64_t& ns) {
  uint64_t ms = 0;
  if (!parse_number(text, ms)) return false;
  ns = ms > 1'000'000 ? UINT64_MAX : ms * kNsPerMs;
  return true;
}

std::string set_weight(ShareSettings& to, const std::string& value) {
  uint64_t weight = 0;
  to.follow_weight = value == "follow";
  if (to.follow_weight) return {};
  if (!parse_number(value, weight)) weight = 0;
  to.share.weight = weight > mediator::kMaxWeight ? 0 : static_cast<uint32_t>(weight);
  const char* rule = broken_rule(to.share);
  return rule ? std::string(rule) + ", or follow" : "";
}

std::string set_cap(ShareSettings& to, const std::string& value) {
  to.follow_cap = value == "follow";
  if (to.follow_cap) return {};
  to.share.cap = 0;
  if (value == "none" || (parse_percent(value, to.share.cap) && to.share.cap != 0)) return {};
  return "a cap is 0.01 to 100 per cent, none or follow";
}

std::string set_fixed(ShareSettings& to, const std::string& value) {
  to.share.fixed = 0;
  if (value == "none" || (parse_percent(value, to.share.fixed) && to.share.fixed != 0)) return {};
  return "a fixed share is 0.01 to 100 per cent, or none";
}

std::string set_slice(uint64_t& ns, const std::string& value, bool may_default) {
  ns = 0;
  if (may_default && value == "default") return {};
  if (parse_ms(value, ns) && ns >= mediator::kMinSliceNs && ns <= mediator::kMaxSliceNs) return {};
  return std::string("a slice is 1 to 30 ms") + (may_default ? ", or default" : "");
}

}  // namespace

bool parse_percent(const std::string& text, uint32_t& hundredths) {
  const size_t point = text.find('.');
  std::string fraction = point == std::string::npos ? "" : text.substr(point + 1);
  if (fraction.size() > 2 || (point != std::string::npos && fraction.empty())) return false;
  fraction.resize(2, '0');
  uint64_t whole = 0, part = 0;
  if (!parse_number(text.substr(0, point), whole) || !parse_number(fraction, part)) return false;
  if (whole > 100 || whole * 100 + part > mediator::kWholeGpu) return false;
  hundredths = static_cast<uint32_t>(whole * 100 + part);
  return true;
}

std::string too_many(size_t guests, size_t max_busy, size_t fit) {
  const size_t most = max_busy != 0 ? max_busy : fit;
  if (guests < most) return {};
  const std::string all = std::to_string(guests) + " guests have a vGPU";
  if (max_busy != 0) return all + ", and max-busy allows no more";
  return all +
         ": if one more were busy with all of them, their drivers would miss heartbeats and "
         "reset engines";
}

std::string percent_text(uint32_t hundredths) {
  std::string text = std::to_string(hundredths / 100);
  if (hundredths % 100 == 0) return text;
  const std::string part = std::to_string(100 + hundredths % 100).substr(1);
  return text + "." + (part[1] == '0' ? part.substr(0, 1) : part);
}

std::string set_share_option(ShareSettings& to, const std::string& key, const std::string& value) {
  if (key == "weight") return set_weight(to, value);
  if (key == "cap") return set_cap(to, value);
  if (key == "share") return set_fixed(to, value);
  if (key == "slice") return set_slice(to.share.slice_ns, value, true);
  if (key == "latency") {
    if (value != "normal" && value != "interactive")
      return "a latency class is normal or interactive";
    to.share.latency = value == "normal" ? LatencyClass::normal : LatencyClass::interactive;
    return {};
  }
  if (key == "boost") {
    to.boost = value == "yes";
    return value == "yes" || value == "no" ? "" : "boost is yes or no";
  }
  return "there are the keys weight, cap, share, latency, slice and boost, not '" + key + "'";
}

std::string set_gpu_option(GpuShares& to, const std::string& key, const std::string& value) {
  if (key == "slice") return set_slice(to.slice_ns, value, false);
  if (key == "window") {
    const bool good = parse_ms(value, to.window_ns) && to.window_ns >= mediator::kMinWindowNs &&
                      to.window_ns <= mediator::kMaxWindowNs;
    return good ? "" : "a window is 10 to 1000 ms";
  }
  if (key == "policy") {
    for (const Policy p :
         {Policy::best_effort, Policy::equal_share, Policy::fixed_share, Policy::exclusive}) {
      if (value != policy_name(p)) continue;
      to.policy = p;
      return {};
    }
    return "a policy is best-effort, equal-share, fixed-share or exclusive";
  }
  return "there are the keys policy, holder, slice and window, not '" + key + "'";
}

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// Shares as owners write them, in xengvtd.conf and xengvt set: words and per cents.
#pragma once

#include <map>
#include <string>

#include "hv/result.h"
#include "mediator/shares.h"

namespace xengvtd {

/// What an owner set for one vGPU.
struct ShareSettings {
  mediator::Share share;
  bool follow_weight = true, follow_cap = true;  ///< the domain's CPU weight and cap
  bool boost = false;                            ///< its CPU weight may be raised
  friend bool operator==(const ShareSettings&, const ShareSettings&) = default;
};

using Options = std::map<std::string, std::string>;

/// Sets one key of a vGPU: weight=N|follow, cap=PERCENT|none|follow, share=PERCENT|none,
/// latency=normal|interactive, slice=MS|default, boost=yes|no. Empty, or the rule it breaks.
std::string set_share_option(ShareSettings& to, const std::string& key, const std::string& value);
/// Sets one key of the GPU: policy=NAME, slice=MS, window=MS.
std::string set_gpu_option(mediator::GpuShares& to, const std::string& key,
                           const std::string& value);
/// Why one more than `guests` is too many: beyond `max_busy`, or, where that is 0, beyond what fits
/// before drivers miss heartbeats. Empty if it is not.
std::string too_many(size_t guests, size_t max_busy, size_t fit);
/// "25", "12.5" or "0.25" in hundredths; at most 100.
bool parse_percent(const std::string& text, uint32_t& hundredths);
std::string percent_text(uint32_t hundredths);

}  // namespace xengvtd

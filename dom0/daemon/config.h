// SPDX-License-Identifier: MIT
// xengvtd.conf: what the daemon is told by its owner.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "dom0/daemon/share_options.h"
#include "hv/result.h"
#include "mediator/mediator.h"

namespace xengvtd {

/// A kind of vGPU a guest can ask for.
struct VgpuType {
  std::string name;
  uint32_t low_mib = 64;    ///< graphics memory the CPU reaches through BAR2, 1..256 MiB
  uint32_t high_mib = 384;  ///< graphics memory above it, 0..3840 MiB
  uint32_t fences = 4;      ///< 1..16
  uint32_t width = 1024, height = 768;
  uint32_t weight = 1;     ///< 1..65535, where no CPU weight is followed
  uint32_t maximum = 8;    ///< so many at once, 0..256
  ShareSettings shares{};  ///< cap, share, latency, slice and boost
  friend bool operator==(const VgpuType&, const VgpuType&) = default;
};

enum class LogLevel : uint8_t { error, warning, info, debug };
const char* level_name(LogLevel level);

struct Config {
  std::string socket = "/run/xengvt/control.sock";
  uint32_t socket_mode = 0600;
  std::string socket_group;  ///< empty: the daemon's own
  LogLevel log_level = LogLevel::info;
  std::string guests = "/run/xengvt/guests";  ///< what is written down of each guest
  std::string state = "/var/lib/xengvt";      ///< folder of what outlives the daemon
  std::string trace;         ///< record from the start into this file; empty: do not
  std::string trace_folder;  ///< record each guest from its birth into a file here; empty: do not
  uint32_t trace_max_mib = 256;  ///< a recording ends when its file is so long, 1..65536
  bool trace_open = false;       ///< also what the GPU finds in guests' memory, for open replay

  /// "model", "pci" for the only GPU on the bus, or its address ("0000:00:02.0").
  std::string gpu = "model";
  uint16_t device_id = 0x1912;  ///< of the model
  double time_scale = 1.0;      ///< modelled time per wall time, 0.001..1000
  uint32_t step_us = 100;       ///< longest the model may keep a trap waiting, 10..10000
  uint32_t spin_us = 50;  ///< after an access, look for the next so long before sleeping, 0..1000
  uint64_t max_lag_ms = 20;   ///< a slower model forgets what it lags beyond this, 1..10000
  uint64_t slice_ms = 5;      ///< 1..30
  uint64_t hang_ms = 200;     ///< 10..60000
  uint64_t clock_us = 1000;   ///< a clock that is read without exits is set so often, 100..100000
  uint64_t status_us = 1000;  ///< least time between status interrupts nobody waits for, 0..100000
  mediator::Policy policy = mediator::Policy::best_effort;  ///< not exclusive: nobody is there yet
  uint64_t window_ms = 100;                                 ///< of caps and shares, 10..1000
  bool follow_cpu = true;  ///< weights and caps follow those of the domains' CPUs
  /// So many guests at once, 0..65534; 0: as many as fit before drivers miss heartbeats.
  uint32_t max_busy = 0;
  uint32_t boost_most = 400;  ///< per cent of its weight that a raised CPU weight may be, 100..1000

  std::vector<VgpuType> types;  ///< in the order of the file; never empty

  [[nodiscard]] const VgpuType* find_type(const std::string& name) const;
};

/// What is there without a file: types tiny, small, medium, large.
Config default_config();
/// Reads the ini form: comments with # or ;, sections [daemon], [gpu], [type NAME]. Types in the
/// file replace the built-in ones. On error one line that names section and key.
hv::Result<Config, std::string> parse_config(std::istream& in);
hv::Result<Config, std::string> load_config(const std::string& path);

/// What the mediator is told for a guest of this type.
mediator::VgpuConfig vgpu_config(const VgpuType& type, const Config& config,
                                 const std::string& guest);

}  // namespace xengvtd

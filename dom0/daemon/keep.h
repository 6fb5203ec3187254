// SPDX-License-Identifier: MIT
// What is written down of every guest, so that the next daemon can take it over when this one ends
// without notice: one JSON file each, beside the file of its register pages.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dom0/daemon/config.h"
#include "dom0/daemon/fd.h"
#include "hv/xen/record.h"
#include "mediator/device_model.h"

namespace xengvtd {

inline constexpr size_t kConfigSpace = 256;  ///< bytes of PCI configuration space

struct KeptGuest {
  hv::xen::Record backend;
  std::string name;
  VgpuType type;
  std::array<uint8_t, kConfigSpace> config{};
  mediator::FailsafeReason failsafe{};
  bool paused = false;
  std::optional<ShareSettings> shares;  ///< as set; records of earlier daemons have none
  uint32_t takeovers = 0;               ///< in a row, without much time between them
  int64_t taken_over_at = 0;            ///< Unix seconds
  bool operator==(const KeptGuest&) const = default;
};

/// What was set of the GPU while guests ran.
struct KeptGpu {
  mediator::GpuShares shares;  ///< but for the holder
  hv::DomId holder{};          ///< under exclusive
  bool operator==(const KeptGpu&) const = default;
};

std::string encode_kept(const KeptGuest& guest);
std::string encode_kept_gpu(const KeptGpu& gpu);
hv::Result<KeptGpu, std::string> decode_kept_gpu(std::string_view text);
/// The error is one line.
hv::Result<KeptGuest, std::string> decode_kept(std::string_view text);

class KeepFolder {
 public:
  /// Made when something is stored. Empty: nothing is kept.
  explicit KeepFolder(std::string path) : path_(std::move(path)) {}

  struct Found {
    std::vector<KeptGuest> guests;
    std::vector<std::string> broken;  ///< one line each
  };
  [[nodiscard]] Found load() const;
  /// As a whole or not at all. Empty, or one line about what failed.
  std::string store(const KeptGuest& guest);
  void forget(hv::DomId domain);
  /// Of the GPU; nothing if nothing is there, or an error of one line.
  [[nodiscard]] hv::Result<std::optional<KeptGpu>, std::string> load_gpu() const;
  std::string store_gpu(const KeptGpu& gpu);
  void forget_gpu();
  /// Where the guest's register pages stand; emptied if `fresh`. Not open if that cannot be.
  Fd pages(hv::DomId domain, bool fresh);

 private:
  [[nodiscard]] std::string file(hv::DomId domain, const char* end) const;
  [[nodiscard]] std::string gpu_file() const { return path_ + "/gpu"; }
  static std::string replace(const std::string& path, const std::string& text);
  std::string path_;
};

}  // namespace xengvtd

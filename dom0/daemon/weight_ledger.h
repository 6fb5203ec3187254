// SPDX-License-Identifier: MIT
// CPU weights this daemon has raised, on disk: whoever comes after a crash or a power cut can put
// the owner's weight back. A line is written, and safe, before the weight it tells of is raised.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dom0/daemon/cpu_port.h"

namespace xengvtd {

struct RaisedWeight {
  hv::DomId domain{};
  DomainUuid uuid{};
  uint32_t owners = 0, raised = 0;
  friend bool operator==(const RaisedWeight&, const RaisedWeight&) = default;
};

class WeightLedger {
 public:
  /// The file need not exist; its folder must.
  explicit WeightLedger(std::string path) : path_(std::move(path)) {}

  /// What stands in the file; lines that are none are left out. Missing file: nothing.
  [[nodiscard]] std::vector<RaisedWeight> read() const;
  /// Empty, or why the line is not safe on disk (then nothing has changed).
  std::string add(const RaisedWeight& entry);
  std::string remove(const DomainUuid& uuid);
  /// Puts back every weight that still is the raised one, of the domain it was raised for. What
  /// could not be put back stays in the file and is returned, a line each.
  std::vector<std::string> restore(CpuPort& port);

 private:
  std::string write(const std::vector<RaisedWeight>& entries);
  std::string path_;
};

}  // namespace xengvtd

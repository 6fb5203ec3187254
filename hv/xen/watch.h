// SPDX-License-Identifier: MIT
// Domains that come and go, told by xenstore's @introduceDomain and @releaseDomain watches. They
// carry no domain number, so each one makes us list the domains and compare.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hv/xen/control.h"

namespace hv::xen {

struct DomainEvent {
  enum class Kind : uint8_t {
    born,       ///< seen for the first time
    shut_down,  ///< halted, rebooting or crashed (info.shutdown_reason); still there
    dying,      ///< being destroyed: drop every mapping now, or it stays as a zombie
    gone,       ///< no longer listed, or another domain has its number
  } kind{};
  DomainInfo info;
};

/// What happened between two lists sorted by domain number.
std::vector<DomainEvent> compare_lists(const std::vector<DomainInfo>& before,
                                       const std::vector<DomainInfo>& now);

class DomainWatch {
 public:
  /// Domains there at the start are reported as born by the first events().
  static Result<std::unique_ptr<DomainWatch>, std::string> open();
  ~DomainWatch();
  DomainWatch(const DomainWatch&) = delete;
  DomainWatch& operator=(const DomainWatch&) = delete;

  /// Readable when something may have happened.
  [[nodiscard]] int fd() const;
  /// Never blocks. Empty if nothing changed.
  std::vector<DomainEvent> events();

 private:
  DomainWatch(void* store, std::unique_ptr<Control> control)
      : store_(store), control_(std::move(control)) {}
  void* store_;
  std::unique_ptr<Control> control_;
  std::vector<DomainInfo> last_;
};

}  // namespace hv::xen

// SPDX-License-Identifier: MIT
// xengvtd: the program. Everything is in the library, so that tests reach it.
#include <iostream>
#include <vector>

#include "dom0/daemon/daemon.h"
#include "dom0/daemon/local_backend.h"
#include "dom0/daemon/xen_backend.h"

namespace {

using Made = hv::Result<std::unique_ptr<xengvtd::Backend>, std::string>;

Made make(const std::string& name, const xengvtd::Config& config, hv::Clock& clock,
          xengvtd::Log& log) {
  if (name == "xen") return xengvtd::make_xen_backend(config.guests, clock, log);
  if (name == "local")
    return std::unique_ptr<xengvtd::Backend>(std::make_unique<xengvtd::LocalBackend>(clock));
  return "there is no back end '" + name + "'; there are xen and local";
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  return xengvtd::daemon_main(args, std::cout, std::cerr, make);
}

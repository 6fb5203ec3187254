// SPDX-License-Identifier: MIT
// xengvt-dm: stands where libxl expects QEMU. Has xengvtd attach the vGPU, which is answering
// before the guest's first instruction, then becomes QEMU in the same process.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ostream>

#include "dom0/daemon/client.h"
#include "dom0/xl/dm_args.h"
#include "dom0/xl/qmp_gate.h"

namespace xengvt_dm {
namespace {

using xengvtd::Problem;
namespace json = boost::json;

constexpr const char* kQemu = "/usr/libexec/xen-qemu-system-i386";
constexpr unsigned kTimeoutSeconds = 30;  // libxl gives a device model 60
constexpr unsigned kNoteSeconds = 5;

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

constexpr const char* kUsage =
    "usage: xengvt-dm -xen-domid N -xgpu type=NAME[,resolution=WIDTHxHEIGHT] [QEMU's options]\n"
    "Gives an xl guest its vGPU and becomes QEMU. xl starts it; in the guest's xl.cfg:\n"
    "  device_model_override = \"/usr/libexec/xengvt/xengvt-dm\"\n"
    "  device_model_args_hvm = [\"-xgpu\", \"type=NAME\"]\n"
    "See xengvt-dm(8).\n";

/// libxl shows nothing of it, but it ends the domain's device-model log.
int fail(std::ostream& err, const Problem& p) {
  err << "xengvt-dm: " << p.cause << "; cure: " << p.cure << std::endl;
  return 1;
}

/// What was refused here is in `xengvt log` too.
void tell_daemon(std::span<const std::string> args, const Problem& p) {
  const auto option = std::find(args.begin(), args.end(), "-xen-domid");
  if (option == args.end() || option + 1 == args.end()) return;
  auto client = xengvtd::Client::connect(from_environment("XENGVT_SOCKET", xengvtd::kDefaultSocket),
                                         kNoteSeconds);
  if (client.ok())
    (void)client->ask(
        {{"request", "refused"}, {"domain", option[1]}, {"cause", p.cause}, {"cure", p.cure}});
}

std::optional<Problem> attach(const DmArgs& a) {
  auto client = xengvtd::Client::connect(from_environment("XENGVT_SOCKET", xengvtd::kDefaultSocket),
                                         kTimeoutSeconds);
  if (!client.ok()) return client.error();
  json::object options;
  for (const auto& [key, value] : a.options) options[key] = value;
  const auto answer = client->ask({{"request", "attach"},
                                   {"domain", std::to_string(a.domid)},
                                   {"type", a.type},
                                   {"options", std::move(options)}});
  if (!answer.ok()) return answer.error();
  return {};
}

void detach(const DmArgs& a) {
  auto client = xengvtd::Client::connect(from_environment("XENGVT_SOCKET", xengvtd::kDefaultSocket),
                                         kTimeoutSeconds);
  if (client.ok()) (void)client->ask({{"request", "detach"}, {"domain", std::to_string(a.domid)}});
}

/// Stands in front of QEMU's control socket for as long as this process, which becomes QEMU, lives.
std::optional<Problem> guard_qmp(DmArgs& a) {
  if (a.qmp_path.empty()) return {};
  const std::string behind = a.qmp_path + "-qemu";
  const auto gate = QmpGate::listen(a.qmp_path, behind);
  if (!gate || !gate->serve_beside(::getpid()))
    return Problem{a.qmp_path + ": " + std::strerror(errno), "see the permissions of its folder"};
  move_qmp(a, behind);
  return {};
}

/// Returns only when QEMU cannot be started.
Problem become(const std::string& program, const std::vector<std::string>& args) {
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const std::string& s : args) argv.push_back(const_cast<char*>(s.c_str()));
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return {program + ": " + std::strerror(errno), "apt install qemu-system-xen"};
}

}  // namespace

int dm_main(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  if (args.size() == 1 && (args[0] == "--help" || args[0] == "-h")) {
    out << kUsage;
    return 0;
  }
  const auto refuse = [&](const Problem& p) {
    tell_daemon(args, p);
    return fail(err, p);
  };
  auto a = read_dm_args(args);
  if (!a.ok()) return refuse(a.error());
  const std::string qemu = from_environment("XENGVT_QEMU", kQemu);
  if (::access(qemu.c_str(), X_OK) != 0)
    return refuse({qemu + " cannot be run", "apt install qemu-system-xen"});
  if (const auto problem = attach(*a)) return fail(err, *problem);  // the daemon knows
  const auto unguarded = guard_qmp(*a);
  const Problem problem = unguarded ? *unguarded : become(qemu, a->qemu);
  detach(*a);
  return refuse(problem);
}

}  // namespace xengvt_dm

// SPDX-License-Identifier: MIT
// xengvt-pci-model: runs an emulator with the modelled GPU as a PCI function of its machine.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <csignal>
#include <fstream>
#include <iostream>

#include "dom0/gpu/proxy/server.h"
#include "dom0/gpu/proxy/xen_owners.h"

namespace {

namespace po = boost::program_options;
using gpu::proxy::Server;

int fail(const std::string& why) {
  std::cerr << "xengvt-pci-model: " << why << '\n';
  return 2;
}

/// Starts the emulator with its end of the socket as descriptor `fd`; it ends when we do.
pid_t start(std::vector<std::string> command, int socket, int fd) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::dup2(socket, fd) < 0) ::_exit(126);
  if (socket == fd) ::fcntl(fd, F_SETFD, 0);
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
  std::cerr << "xengvt-pci-model: cannot run " << argv[0] << '\n';
  ::_exit(127);
}

pid_t emulator = 0;
void end_emulator(int) {
  if (emulator > 0) ::kill(emulator, SIGTERM);
}

int serve(const po::variables_map& v, const std::vector<std::string>& command) {
  std::ofstream file(v["log"].as<std::string>());
  if (!file) return fail("cannot write " + v["log"].as<std::string>());
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return fail("no socket");
  emulator = start(command, ends[1], v["fd"].as<int>());
  if (emulator < 0) return fail("cannot start a process");
  ::close(ends[1]);
  std::signal(SIGTERM, end_emulator);
  std::signal(SIGINT, end_emulator);
  gpu::proxy::ServerConfig config;
  config.time_scale = v["time-scale"].as<double>();
  config.gtt_mib = v["gtt-mib"].as<unsigned>();
  gpu::proxy::MachineRam ram;
  gpu::proxy::XenOwners owners(ram);
  {
    Server server(ends[0], config, ram, owners, file);
    if (const auto s = server.run(); !s.ok())
      std::cerr << "xengvt-pci-model: the emulator does not speak the proxy protocol\n";
    server.report();
  }
  ::close(ends[0]);  // an emulator that still runs sees a function that went away
  int status = 0;
  ::waitpid(emulator, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int argc, char** argv) {
  po::options_description options("options");
  options.add_options()("fd", po::value<int>()->default_value(20),
                        "the emulator's descriptor: -device x-pci-proxy-dev,id=gpu0,fd=20")(
      "log", po::value<std::string>()->default_value("/dev/null"),
      "file for every memory access of the GPU")("gtt-mib", po::value<unsigned>()->default_value(8),
                                                 "size of the GTT: 2, 4 or 8")(
      "time-scale", po::value<double>()->default_value(1.0), "modelled time per wall time")(
      "command", po::value<std::vector<std::string>>())("help,h", "print this");
  po::variables_map v;
  try {
    po::store(po::command_line_parser(argc, argv)
                  .options(options)
                  .positional(po::positional_options_description().add("command", -1))
                  .run(),
              v);
  } catch (const po::error& e) {
    return fail(e.what());
  }
  if (v.count("help")) {
    std::cout << "usage: xengvt-pci-model [options] -- EMULATOR ARGUMENTS...\n" << options;
    return 0;
  }
  if (!v.count("command")) return fail("no emulator given; try --help");
  const double scale = v["time-scale"].as<double>();
  if (!(scale >= 0.001 && scale <= 1000)) return fail("time-scale is 0.001 to 1000");
  const unsigned gtt = v["gtt-mib"].as<unsigned>();
  if (gtt != 2 && gtt != 4 && gtt != 8) return fail("gtt-mib is 2, 4 or 8");
  return serve(v, v["command"].as<std::vector<std::string>>());
}

// SPDX-License-Identifier: MIT
#include "dom0/daemon/daemon.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <boost/program_options.hpp>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "dom0/daemon/client.h"
#include "dom0/daemon/control_server.h"
#include "dom0/daemon/keep.h"
#include "dom0/daemon/service.h"

namespace xengvtd {
namespace {

namespace asio = boost::asio;
namespace po = boost::program_options;

constexpr int kLeft = 75;  // xengvtd.service starts the next one at this
constexpr const char* kConfigFile = "/etc/xengvt/xengvtd.conf";

int fail(std::ostream& err, int code, const std::string& why) {
  err << "xengvtd: " << why << '\n';
  return code;
}

po::options_description describe() {
  po::options_description options("options");
  options.add_options()("config,c", po::value<std::string>(),
                        "configuration file (default /etc/xengvt/xengvtd.conf)")(
      "backend", po::value<std::string>()->default_value("xen"),
      "xen, or local: drawing guests in this process, for tests")(
      "socket", po::value<std::string>(), "control socket, instead of the file's")(
      "trace", po::value<std::string>(), "record everything from the start into this file")(
      "trace-open", "with what the GPU finds in guests' memory, for xengvt replay --open")(
      "check-config", "read the configuration file and end")(
      "release", "let the guests of a daemon that failed run on without their vGPUs, and end")(
      "restore-weights", "put back CPU weights that a daemon raised and could not put back")(
      "help,h", "print this");
  return options;
}

/// The file named, or the usual one if it is there, or what is built in.
hv::Result<Config, std::string> read_config(const po::variables_map& v) {
  hv::Result<Config, std::string> c = default_config();
  if (v.count("config"))
    c = load_config(v["config"].as<std::string>());
  else if (std::filesystem::exists(kConfigFile))
    c = load_config(kConfigFile);
  if (!c.ok()) return c;
  if (v.count("socket")) c->socket = std::filesystem::absolute(v["socket"].as<std::string>());
  if (v.count("trace")) c->trace = std::filesystem::absolute(v["trace"].as<std::string>());
  if (v.count("trace-open")) c->trace_open = true;
  if (c->socket.size() >= sizeof(sockaddr_un::sun_path)) return c->socket + ": path too long";
  return c;
}

/// Tells systemd (Type=notify) how things are; nothing where systemd did not start us.
void notify_systemd(const char* state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un to{};
  if (!path || std::strlen(path) >= sizeof to.sun_path) return;
  to.sun_family = AF_UNIX;
  std::strcpy(to.sun_path, path);
  if (to.sun_path[0] == '@') to.sun_path[0] = 0;
  const Fd s(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  ::sendto(s.get(), state, std::strlen(state), 0, reinterpret_cast<sockaddr*>(&to), length);
}

/// Pumps the service whenever its descriptor says so.
class Pump {
 public:
  Pump(asio::io_context& io, Service& service) : service_(service), fd_(io) {
    fd_.assign(::dup(service.event_fd()));
    wait();
  }

 private:
  void wait() {
    fd_.async_wait(asio::posix::stream_descriptor::wait_read,
                   [this](const boost::system::error_code& e) {
                     if (e) return;
                     service_.pump();
                     wait();
                   });
  }
  Service& service_;
  asio::posix::stream_descriptor fd_;
};

/// After a daemon that ended without having put them back; nothing to do is the usual case.
int restore_weights(const Config& config, const std::string& backend_name, std::ostream& err,
                    const BackendMaker& make) {
  WeightLedger ledger(config.state + "/raised-weights");
  if (ledger.read().empty()) return 0;
  Log log(err, config.log_level, std::getenv("JOURNAL_STREAM") != nullptr);
  WallClock clock;
  auto backend = make(backend_name, config, clock, log);
  if (!backend.ok()) return fail(err, 1, backend.error());
  CpuPort* port = (*backend)->cpu();
  if (port == nullptr) return 0;
  const auto failed = ledger.restore(*port);
  for (const std::string& why : failed) log.error(why);
  return failed.empty() ? 0 : 1;
}

int run(const Config& config, const std::string& backend_name, std::ostream& err,
        const BackendMaker& make) {
  // journald takes priorities where systemd connects our standard error to it.
  Log log(err, config.log_level, std::getenv("JOURNAL_STREAM") != nullptr);
  WallClock clock;
  auto backend = make(backend_name, config, clock, log);
  if (!backend.ok()) return fail(err, 1, backend.error());
  asio::io_context io(1);
  Service service(config, **backend, clock, log);
  // Which GPU it is to be is the owner's choice, and so is what to do about one that cannot.
  if (std::string why = service.start(); !why.empty())
    return fail(err, config.gpu == "model" ? 1 : 2, why);
  ControlServer server(io, service, [] {});
  if (std::string why = server.listen(config); !why.empty()) return fail(err, 1, why);
  Pump pump(io, service);
  asio::signal_set signals(io, SIGTERM, SIGINT, SIGUSR1);
  bool leave = false;
  signals.async_wait([&](const auto& e, int signal) {
    leave = signal == SIGUSR1;
    if (!e) io.stop();
  });
  log.info("ready: " + (*backend)->name() + " back end, socket " + config.socket);
  notify_systemd("READY=1");
  io.run();
  notify_systemd("STOPPING=1");
  log.info(leave ? "ends, and leaves its guests to the next" : "ends");
  if (leave) service.leave();
  return leave ? kLeft : 0;
}

/// Every record left is taken over and closed, which answers what vCPUs wait for.
int release(const Config& config, const std::string& backend_name, std::ostream& err,
            const BackendMaker& make) {
  if (Client::connect(config.socket, 5).ok())
    return fail(err, 2, "an xengvtd is running and has the guests; stop it instead");
  Log log(err, config.log_level, std::getenv("JOURNAL_STREAM") != nullptr);
  WallClock clock;
  auto backend = make(backend_name, config, clock, log);
  if (!backend.ok()) return fail(err, 1, backend.error());
  KeepFolder folder(config.guests);
  bool all = true;
  for (const KeptGuest& k : folder.load().guests) {
    if ((*backend)->is_there(k.backend)) {
      const auto guest = (*backend)->adopt({k.backend.domain, k.name}, k.backend);
      log.add(guest.ok() ? LogLevel::info : LogLevel::error, k.name,
              guest.ok() ? "let go" : guest.error().cause + "; " + guest.error().cure);
      all &= guest.ok();
      if (!guest.ok()) continue;
    }
    folder.forget(k.backend.domain);
  }
  return all ? 0 : 1;
}

}  // namespace

int daemon_main(std::span<const std::string> args, std::ostream& out, std::ostream& err,
                const BackendMaker& make) {
  const po::options_description options = describe();
  po::variables_map v;
  try {
    po::store(po::command_line_parser(std::vector<std::string>(args.begin(), args.end()))
                  .options(options)
                  .positional({})
                  .run(),
              v);
    po::notify(v);
  } catch (const po::error& e) {
    return fail(err, 2, e.what());
  }
  if (v.count("help")) {
    out << "usage: xengvtd [options]\nShares one Intel GPU among guests of this host.\n\n"
        << options;
    return 0;
  }
  const auto config = read_config(v);
  if (!config.ok()) return fail(err, 2, config.error());
  if (v.count("check-config")) {
    out << config->types.size() << " vGPU types, socket " << config->socket << '\n';
    return 0;
  }
  if (v.count("release")) return release(*config, v["backend"].as<std::string>(), err, make);
  if (v.count("restore-weights"))
    return restore_weights(*config, v["backend"].as<std::string>(), err, make);
  return run(*config, v["backend"].as<std::string>(), err, make);
}

}  // namespace xengvtd

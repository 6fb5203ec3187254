// SPDX-License-Identifier: MIT
// The list of sub-commands and what to do with a name that is not one.
#include <array>
#include <string_view>

#include "dom0/cli/command.h"
#include "dom0/cli/options.h"

namespace cli {
namespace {

struct Command {
  std::string_view name;
  std::string_view summary;
  CommandMain run;
};

constexpr const char* kVersion = "0.1";

constexpr std::array kCommands{
    Command{"demo", "several guests draw at once on one modelled GPU", demo_main},
    Command{"scan", "scan an AUB file by the mediator's rules", scan_main},
    Command{"run", "execute AUB streams on the model, natively or mediated", run_main},
    Command{"record", "run or demo, recording everything at the ports", record_main},
    Command{"replay", "replay recordings and compare", replay_main},
    Command{"trace", "print a recording as text; start or stop one", trace_main},
    Command{"timeline", "draw who had which engine when, from a recording", timeline_main},
    Command{"list", "guests that have a vGPU", list_main},
    Command{"info", "everything about one guest's vGPU", info_main},
    Command{"attach", "give a vGPU to a domain created paused", attach_main},
    Command{"detach", "take a guest's vGPU away", detach_main},
    Command{"set", "change a guest's share of the GPU, or the GPU's policy", set_main},
    Command{"top", "what every vGPU does, live", top_main},
    Command{"screenshot", "write what guests show as PNG", screenshot_main},
    Command{"log", "what xengvtd logged last", log_main},
    Command{"host", "tells about, and tries, a GPU of this host", host_main},
    Command{"check", "what this host is missing", check_main},
};

int help(std::ostream& out) {
  out << "usage: xengvt COMMAND [options]\n\ncommands (each knows --help and --json):\n";
  for (const Command& c : kCommands)
    out << "  " << c.name << std::string(12 - c.name.size(), ' ') << c.summary << '\n';
  out << "  help        print this\n  version     print the version\n";
  return kOk;
}

}  // namespace

int xengvt_main(Args args, std::ostream& out, std::ostream& err) {
  if (args.empty()) return fail(err, "no command given; try xengvt help");
  const std::string& name = args[0];
  if (name == "help" || name == "--help" || name == "-h") return help(out);
  if (name == "version" || name == "--version") {
    out << "xengvt " << kVersion << '\n';
    return kOk;
  }
  for (const Command& c : kCommands) {
    if (c.name != name) continue;
    if (c.run == nullptr) return fail(err, name + ": not part of this build");
    return c.run(args.subspan(1), out, err);
  }
  return fail(err, "unknown command '" + name + "'; try xengvt help");
}

}  // namespace cli

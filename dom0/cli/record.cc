// SPDX-License-Identifier: MIT
// xengvt record: another sub-command, with everything its mediator is told and learns in a trace.
#include "dom0/cli/record.h"

#include <vector>

#include "dom0/cli/options.h"
#include "dom0/cli/trace_file.h"

namespace cli {
namespace {

namespace po = boost::program_options;

using RecordableMain = int (*)(Args, std::ostream&, std::ostream&, const Recording&);

RecordableMain find(const std::string& name) {
  if (name == "demo") return demo_recorded;
  if (name == "run") return run_recorded;
  return nullptr;
}

po::options_description own_options() {
  po::options_description own("options (all others are the command's)");
  own.add_options()("output,o", po::value<std::string>(), "the trace to write")(
      "open", "also store the guests' pages, for replay --open");
  return own;
}

/// Takes our own options out of `args`; what is left is the command's.
std::vector<std::string> take_own(Args args, po::variables_map& values) {
  constexpr int kStyle =
      po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  const po::options_description own = own_options();
  const po::parsed_options parsed =
      po::command_line_parser(std::vector<std::string>(args.begin(), args.end()))
          .options(own)
          .style(kStyle)
          .allow_unregistered()
          .run();
  po::store(parsed, values);
  return po::collect_unrecognized(parsed.options, po::include_positional);
}

int record(RecordableMain command, Args args, const std::string& path, bool open, std::ostream& out,
           std::ostream& err) {
  TraceSink sink(path);
  if (!sink.error().empty()) return fail(err, sink.error());
  hv::trace::FileHeader header;
  if (open) header.quirks |= hv::trace::kGuestData;
  hv::trace::Writer writer(sink, header);
  const int code = command(args, out, err, {&writer, open});
  if (code == kBadInput) return code;
  if (!sink.error().empty()) return fail(err, sink.error());
  if (!writer.status().ok())
    return fail(err, path + ": " + hv::error_name(writer.status().error()));
  if (!writer.finished()) return fail(err, "record: nothing was mediated, so there is no trace");
  return sink.commit() ? code : fail(err, sink.error());
}

}  // namespace

int record_main(Args args, std::ostream& out, std::ostream& err) {
  po::variables_map values;
  std::vector<std::string> rest;
  try {
    rest = take_own(args, values);
  } catch (const po::error& e) {
    return fail(err, std::string("record: ") + e.what());
  }
  const bool help = rest.empty() || rest[0] == "--help" || rest[0] == "-h";
  if (help && !rest.empty()) {
    out << "usage: xengvt record demo|run [options of demo or run] -o TRACE\n"
           "Does the same, and records it at the mediator's ports.\n\n"
        << own_options();
    return kOk;
  }
  const RecordableMain command = help ? nullptr : find(rest[0]);
  if (!command) return fail(err, "record: expected demo or run first");
  if (!values.count("output")) return fail(err, "record: no -o TRACE given");
  return record(command, Args(rest).subspan(1), values["output"].as<std::string>(),
                values.count("open") != 0, out, err);
}

}  // namespace cli

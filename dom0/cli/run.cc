// SPDX-License-Identifier: MIT
// xengvt run: plays AUB files on the model, natively or mediated, and prints what came of it.
#include <boost/json.hpp>
#include <vector>

#include "dom0/cli/options.h"
#include "dom0/cli/record.h"
#include "dom0/cli/slice_option.h"
#include "dom0/cli/table.h"
#include "dom0/embedded/streams.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;
using embedded::StreamResult;
using embedded::StreamResults;

constexpr size_t kMaxFiles = 64;

json::object to_json(const StreamResults& r) {
  json::array memory, executed, stream, refused;
  for (const StreamResult& s : r.streams) {
    memory.emplace_back(s.memory);
    json::object counts;
    for (const auto& [name, n] : s.executed) counts[name] = n;
    executed.emplace_back(std::move(counts));
    stream.emplace_back(s.stream);
    refused.emplace_back(s.refused);
  }
  return {{"memory", memory},     {"executed", executed},
          {"stream", stream},     {"gpu_ns", r.gpu_ns},
          {"host_ns", r.host_ns}, {"traps", r.traps},
          {"refused", refused},   {"dma_violations", r.dma_violations},
          {"leaks", r.leaks}};
}

void print_text(const StreamResults& r, const std::vector<std::string>& files, std::ostream& out) {
  Table table({"file", "commands", "refused", "memory", "stream"});
  for (size_t i = 0; i < files.size(); ++i) {
    const StreamResult& s = r.streams[i];
    uint64_t commands = 0;
    for (const auto& [name, n] : s.executed) commands += n;
    table.add({files[i], std::to_string(commands), std::to_string(s.refused),
               s.memory.substr(0, 16), s.stream.substr(0, 16)});
  }
  table.print(out);
  out << "GPU " << r.gpu_ns / 1000 << " us, mediator " << r.host_ns / 1000 << " us, " << r.traps
      << " traps, " << r.dma_violations << " DMA violations, " << r.leaks << " leaks\n";
}

/// One line each about what went wrong though the files were fine.
int report(const StreamResults& r, const std::vector<std::string>& files, std::ostream& err) {
  if (r.ok()) return kOk;
  for (size_t i = 0; i < files.size(); ++i) {
    const StreamResult& s = r.streams[i];
    if (!s.error.empty()) err << "xengvt: " << files[i] << ": " << s.error << '\n';
    if (s.refused) err << "xengvt: " << files[i] << ": " << s.refused << " commands refused\n";
  }
  for (const std::string& v : r.violations) err << "xengvt: DMA: " << v << '\n';
  return kFailed;
}

}  // namespace

int run_recorded(Args args, std::ostream& out, std::ostream& err, const Recording& recording) {
  po::options_description options("options");
  options.add_options()("native", "no mediator: each file alone on the GPU")(
      "mediated", "all files at once, each as a guest of the mediator")(
      "scan-all", "also copy and scan PPGTT batches of all engines");
  add_slice_option(options);
  const Parsed p = parse({"run", "FILE...", "Executes AUB streams on the modelled GPU."}, options,
                         args, out, err, "file");
  if (p.exit) return *p.exit;
  if (!p.has("file")) return fail(err, "run: no file given");
  if (p.has("native") == p.has("mediated"))
    return fail(err, "run: give one of --native and --mediated");
  embedded::StreamRun how;
  how.mediated = p.has("mediated");
  how.scan_all = p.has("scan-all");
  how.recorder = recording.writer;
  how.record_guest_memory = recording.guest_memory;
  if (const std::string why = read_slice(p, how.slice_ns); !why.empty())
    return fail(err, "run: " + why);
  const auto& files = p.get<std::vector<std::string>>("file");
  if (files.size() > kMaxFiles) return fail(err, "run: more than 64 files");
  std::vector<guests::AubScript> scripts;
  for (const std::string& file : files) {
    auto script = guests::AubScript::load(file);
    if (!script.ok()) return fail(err, file + ": " + script.error());
    scripts.push_back(std::move(*script));
  }
  const auto results = embedded::run_streams(scripts, how);
  if (!results.ok()) return fail(err, "run: " + results.error());
  if (p.has("json")) {
    out << json::serialize(to_json(*results)) << '\n';
  } else {
    print_text(*results, files, out);
  }
  return report(*results, files, err);
}

int run_main(Args args, std::ostream& out, std::ostream& err) {
  return run_recorded(args, out, err, {});
}

}  // namespace cli

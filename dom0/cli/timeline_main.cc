// SPDX-License-Identifier: MIT
// xengvt timeline: draws a recording.
#include <boost/json.hpp>
#include <cmath>

#include "dom0/cli/command.h"
#include "dom0/cli/options.h"
#include "dom0/cli/output_file.h"
#include "dom0/cli/owner.h"
#include "dom0/cli/timeline.h"
#include "dom0/cli/trace_file.h"
#include "mediator/trace/kinds.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;

bool ends_with(const std::string& path, std::string_view with) {
  return path.size() > with.size() && path.ends_with(with);
}

std::string read(const std::string& path, Timeline& timeline) {
  TraceSource file(path);
  if (!file.error().empty()) return file.error();
  hv::trace::Reader reader(file, mediator::trace::kVocabulary);
  const auto result = mediator::trace::replay(reader, &timeline);
  if (!file.error().empty()) return file.error();
  if (!result.error.empty()) return result.error;
  if (result.first_divergence)
    return "diverges at record " + std::to_string(*result.first_divergence) + ": " + result.reason;
  return {};
}

std::string write(const std::string& path, const std::string& text) {
  OutputFile file(path);
  file.write(std::as_bytes(std::span(text)));
  if (!file.error().empty() || !file.commit()) return file.error();
  return {};
}

json::object summary(const Timeline& t) {
  std::map<hv::VgpuId, uint64_t> ns;
  for (const Stay& s : t.stays()) ns[s.vgpu] += s.to_ns - s.from_ns;
  json::array guests;
  for (const auto& [vgpu, total] : ns)
    guests.emplace_back(json::object{{"name", t.name(vgpu)}, {"engine_ns", total}});
  return {{"stays", t.stays().size()}, {"span_ns", t.length_ns()}, {"guests", std::move(guests)}};
}

}  // namespace

int timeline_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(),
                        "FILE.svg: a drawing; FILE.json: trace events, for a browser's viewer")(
      "from", po::value<double>()->default_value(0), "milliseconds after the first submission")(
      "to", po::value<double>()->default_value(1e9), "milliseconds after the first submission");
  const Parsed p = parse({"timeline", "TRACE", "Draws who had which engine when."}, options, args,
                         out, err, "operand");
  if (p.exit) return *p.exit;
  const Operands o = operands(p, "timeline", 1, 1, "one TRACE", err);
  if (o.exit) return *o.exit;
  if (!p.has("output")) return fail(err, "timeline: no -o FILE.svg or FILE.json given");
  const std::string path = p.get<std::string>("output");
  const bool svg = ends_with(path, ".svg");
  if (!svg && !ends_with(path, ".json"))
    return fail(err, "timeline: " + path + ": expected a name that ends in .svg or .json");
  const double from = p.get<double>("from"), to = p.get<double>("to");
  if (!(from >= 0 && from < to && to <= 1e9))
    return fail(err, "timeline: --from and --to are milliseconds from 0 to 1e9, the first smaller");
  Timeline timeline;
  if (const std::string why = read(o.words[0], timeline); !why.empty())
    return fail(err, "timeline: " + o.words[0] + ": " + why);
  timeline.finish(static_cast<uint64_t>(std::llround(from * 1e6)),
                  static_cast<uint64_t>(std::llround(to * 1e6)));
  const std::string why = write(path, svg ? timeline_svg(timeline) : timeline_json(timeline));
  if (!why.empty()) return fail(err, "timeline: " + why);
  if (p.has("json"))
    out << summary(timeline) << '\n';
  else
    out << path << ": " << timeline.stays().size() << " stays in "
        << static_cast<double>(timeline.length_ns()) / 1e6 << " ms\n";
  return kOk;
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// xengvt trace: what recordings hold (info), as text, for readers (show), and lossless both ways
// (show --text, assemble); start and stop are the daemon's.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <vector>

#include "dom0/cli/command.h"
#include "dom0/cli/options.h"
#include "dom0/cli/owner_trace.h"
#include "dom0/cli/trace_describe.h"
#include "dom0/cli/trace_file.h"
#include "dom0/cli/trace_info.h"
#include "dom0/replay/guest_projection.h"
#include "hv/trace/text.h"
#include "mediator/trace/kinds.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;
using hv::trace::Kind;
using hv::trace::KindInfo;
using hv::trace::Reader;
using hv::trace::Record;
using hv::trace::Role;
using mediator::trace::kVocabulary;

constexpr size_t kMaxLine = 2 * hv::trace::kMaxRecord + 1024;

std::string hex(uint64_t v) {
  char buffer[20];
  std::snprintf(buffer, sizeof buffer, "%#llx", static_cast<unsigned long long>(v));
  return buffer;
}

/// The arguments that the line does not say in words already.
std::string arguments(const Record& r, const KindInfo& info) {
  std::string s;
  std::string_view args = info.args;
  const size_t first = r.kind == Kind::trap_read || r.kind == Kind::trap_write ? 2 : 0;
  for (size_t i = 0; !args.empty(); ++i) {
    const auto arg = hv::trace::take_arg(args);
    if (i < first) continue;
    if (arg.form == 's' && r.args[i] == 0) continue;  // "ok" goes without saying
    s += ' ' + std::string(arg.name) + '=';
    s += arg.form == 's'   ? hv::trace::status_text(r.args[i])
         : arg.form == 'x' ? hex(r.args[i])
                           : std::to_string(r.args[i]);
  }
  return s;
}

/// Inputs stand at the margin with their time, what follows from them is indented.
void show_line(const Record& r, TraceDescriber& describer, std::ostream& out) {
  const KindInfo& info = *kVocabulary.find(r.kind);
  const std::string meaning = describer.meaning(r);
  char head[64];
  const bool input = info.role == Role::input;
  std::snprintf(head, sizeof head, "%8llu %13.6f ms %s", static_cast<unsigned long long>(r.index),
                static_cast<double>(describer.time_ns()) / 1e6, input ? "" : "    ");
  out << head;
  if (r.subject != 0) out << "vgpu" << r.subject << ' ';
  out << info.name;
  if (!meaning.empty()) out << ' ' << (r.kind == Kind::read ? "[" + meaning + "]" : meaning);
  out << arguments(r, info);
  if (r.kind == Kind::end) out << " state=" << hv::trace::to_hex(r.blob);
  out << '\n';
}

void show_json(const Record& r, TraceDescriber& describer, std::ostream& out) {
  const KindInfo& info = *kVocabulary.find(r.kind);
  const std::string meaning = describer.meaning(r);
  json::object o{{"index", r.index}, {"kind", info.name}, {"vgpu", r.subject}};
  o["time_ns"] = describer.time_ns();
  std::string_view args = info.args;
  for (size_t i = 0; !args.empty(); ++i) {
    const auto arg = hv::trace::take_arg(args);
    if (arg.form == 's') {
      o[arg.name] = hv::trace::status_text(r.args[i]);
    } else {
      o[arg.name] = r.args[i];
    }
  }
  if (!meaning.empty()) o["meaning"] = meaning;
  if (info.blob) o["blob_bytes"] = r.blob.size();
  out << o << '\n';
}

int show(const std::string& path, const Parsed& parsed, std::ostream& out, std::ostream& err) {
  TraceSource file(path);
  if (!file.error().empty()) return fail(err, path + ": " + file.error());
  Reader reader(file, kVocabulary);
  const bool text = parsed.has("text");
  if (text && reader.error().empty()) out << hv::trace::to_text(reader.header()) << '\n';
  TraceDescriber describer(kVocabulary);
  while (const Record* r = reader.next()) {
    if (text) {
      out << hv::trace::to_text(*r, kVocabulary) << '\n';
    } else if (parsed.has("json")) {
      show_json(*r, describer, out);
    } else {
      show_line(*r, describer, out);
    }
  }
  if (!reader.error().empty()) return fail(err, path + ": " + reader.error());
  return kOk;
}

/// Milliseconds as nanoseconds; nothing if it is no time.
std::optional<uint64_t> nanoseconds(const Parsed& p, const char* option, double otherwise) {
  const double ms = p.has(option) ? p.get<double>(option) : otherwise;
  if (!(ms >= 0 && ms <= 1e12)) return std::nullopt;
  return static_cast<uint64_t>(std::llround(ms * 1e6));
}

int info(const std::string& path, const Parsed& parsed, std::ostream& out, std::ostream& err) {
  const auto from = nanoseconds(parsed, "from", 0), to = nanoseconds(parsed, "to", 1e12);
  if (!from || !to) return fail(err, "trace info: --from and --to are times in milliseconds");
  TraceSource file(path);
  if (!file.error().empty()) return fail(err, path + ": " + file.error());
  Reader reader(file, kVocabulary);
  const TraceInfo found = survey_trace(reader, *from, *to);
  if (!reader.error().empty()) return fail(err, path + ": " + reader.error());
  print_info(found, parsed.has("json"), out);
  return kOk;
}

/// One guest's part of a recording of several.
int extract(const std::string& path, const Parsed& parsed, std::ostream& err) {
  if (!parsed.has("output") || !parsed.has("guest"))
    return fail(err, "trace extract: expected --guest N and -o TRACE");
  TraceSource file(path);
  if (!file.error().empty()) return fail(err, path + ": " + file.error());
  Reader reader(file, kVocabulary);
  if (reader.error().empty() && !(reader.header().quirks & hv::trace::kGuestData))
    return fail(err, path + ": recorded without --open, so no guest of it could be played");
  TraceSink sink(parsed.get<std::string>("output"));
  if (!sink.error().empty()) return fail(err, sink.error());
  hv::trace::FileHeader header;
  header.quirks = reader.header().quirks | hv::trace::kOneGuest;
  header.device_id = reader.header().device_id;
  header.revision = reader.header().revision;
  hv::trace::Writer writer(sink, header);
  replay::GuestProjection guest(parsed.get<uint32_t>("guest"), writer);
  uint64_t now_ns = 0;
  while (const Record* r = reader.next()) {
    if (r->kind == Kind::clock) now_ns += r->args[1];
    guest.take(r->kind, r->subject, std::span{r->args}.first(kVocabulary.args(r->kind)), r->blob,
               now_ns);
  }
  if (!reader.error().empty()) return fail(err, path + ": " + reader.error());
  if (!guest.found()) return fail(err, path + ": no guest has that number; see trace info");
  if (!writer.finish({}).ok() || !sink.commit()) return fail(err, sink.error());
  return kOk;
}

/// The next line that is neither empty nor a comment. False at the end.
bool next_line(std::istream& in, std::string& line, size_t& number) {
  while (std::getline(in, line)) {
    ++number;
    if (!line.empty() && line[0] != '#') return true;
  }
  return false;
}

/// Writes the trace that the text says; gives what is wrong, or nothing.
std::string assemble_lines(std::istream& in, TraceSink& sink, size_t& number) {
  std::string line;
  hv::trace::FileHeader header;
  if (!next_line(in, line, number)) return "empty";
  if (auto why = from_text(line, header); !why.empty()) return why;
  hv::trace::Writer writer(sink, header);
  while (next_line(in, line, number)) {
    if (line.size() > kMaxLine) return "line too long";
    hv::trace::ParsedLine parsed;
    if (auto why = from_text(line, kVocabulary, parsed); !why.empty()) return why;
    if (parsed.record.kind != Kind::end) {
      writer.add(parsed.record.kind, parsed.record.subject,
                 std::span{parsed.record.args}.first(kVocabulary.args(parsed.record.kind)),
                 parsed.blob);
      continue;
    }
    hv::trace::Sha256 state;
    if (parsed.blob.size() != state.size()) return "bad state";
    if (parsed.record.args[0] != writer.records()) return "the number of records is another";
    std::copy(parsed.blob.begin(), parsed.blob.end(), state.begin());
    if (next_line(in, line, number)) return "more after the end";
    return writer.finish(state).ok() ? "" : "cannot be written";
  }
  return "no end record";
}

int assemble(const std::string& path, const Parsed& parsed, std::ostream& err) {
  if (!parsed.has("output")) return fail(err, "trace assemble: no -o TRACE given");
  std::ifstream in(path);
  if (!in) return fail(err, path + ": cannot be opened");
  TraceSink sink(parsed.get<std::string>("output"));
  if (!sink.error().empty()) return fail(err, sink.error());
  size_t number = 0;
  const std::string why = assemble_lines(in, sink, number);
  if (!sink.error().empty()) return fail(err, sink.error());
  if (!why.empty()) return fail(err, path + ":" + std::to_string(number) + ": " + why);
  return sink.commit() ? kOk : fail(err, sink.error());
}

}  // namespace

int trace_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("text", "show: the lossless text form")(
      "output,o", po::value<std::string>(), "assemble, extract, start: the trace to write")(
      "guest", po::value<uint32_t>(), "extract: the guest's number in the recording")(
      "open", "start: also store the guests' pages, for replay --open")(
      "from", po::value<double>(), "info: count from this time on, in ms since the start")(
      "to", po::value<double>(), "info: and up to this time");
  add_socket_option(options);
  const Parsed parsed = parse(
      {"trace",
       "info TRACE | show TRACE | extract TRACE --guest N -o TRACE | assemble TEXT -o TRACE | "
       "start [DOMAIN] -o TRACE | stop [DOMAIN]",
       "Counts what a recording holds, prints it as text, takes one guest out of it, makes one "
       "from its text, or has xengvtd record what its guests do."},
      options, args, out, err, "operand");
  if (parsed.exit) return *parsed.exit;
  if (!parsed.has("operand"))
    return fail(err, "trace: info, show, extract, assemble, start or stop?");
  const auto& words = parsed.get<std::vector<std::string>>("operand");
  if (words[0] == "start" || words[0] == "stop") return trace_control(words, parsed, out, err);
  static constexpr std::array kOperations{"info", "show", "extract", "assemble"};
  if (words.size() != 2 || std::ranges::find(kOperations, words[0]) == kOperations.end())
    return fail(err, "trace: expected info, show, extract or assemble and a file, start or stop");
  if (words[0] == "info") return info(words[1], parsed, out, err);
  if (words[0] == "extract") return extract(words[1], parsed, err);
  return words[0] == "show" ? show(words[1], parsed, out, err) : assemble(words[1], parsed, err);
}

}  // namespace cli

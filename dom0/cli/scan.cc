// SPDX-License-Identifier: MIT
// xengvt scan: an AUB file by the mediator's rules.
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "dom0/aub/stream_scan.h"
#include "dom0/cli/command.h"
#include "dom0/cli/options.h"

namespace cli {
namespace {

namespace json = boost::json;

/// A percentage on a terminal, once reading takes long enough to wonder.
class ProgressLine {
 public:
  explicit ProgressLine(std::ostream& err)
      : err_(err), on_(&err == &std::cerr && isatty(STDERR_FILENO) != 0) {}
  ~ProgressLine() {
    if (shown_) err_ << "\r\x1b[K" << std::flush;
  }
  static void update(void* self, const aub::ByteSource& source) {
    static_cast<ProgressLine*>(self)->show(source);
  }

 private:
  void show(const aub::ByteSource& source) {
    const auto now = std::chrono::steady_clock::now();
    if (!on_ || now < next_ || source.size() == 0) return;
    next_ = now + std::chrono::milliseconds(200);
    err_ << "\rscanning " << source.position() * 100 / source.size() << "%" << std::flush;
    shown_ = true;
  }
  std::ostream& err_;
  bool on_, shown_ = false;
  std::chrono::steady_clock::time_point next_ =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
};

std::string hex(uint64_t v) {
  std::ostringstream s;
  s << "0x" << std::hex << v;
  return s.str();
}

json::object rejection_json(const aub::Rejection& r) {
  json::object o;
  o["offset"] = r.refusal.offset;
  o["reason"] = mediator::reject_name(r.refusal.reason);
  o["command"] = r.refusal.command ? json::value(r.refusal.command) : json::value(nullptr);
  o["detail"] = hex(r.refusal.detail);
  o["submission"] = r.submission;
  o["engine"] = gen9::info(r.engine).name;
  o["stream"] = r.stream;
  o["address"] = hex(r.address);
  return o;
}

void print_json(const aub::ScanReport& report, std::ostream& out) {
  json::object commands;
  for (const auto& [name, count] : report.commands) commands[name] = count;
  json::array rejected;
  for (const aub::Rejection& r : report.rejected) rejected.push_back(rejection_json(r));
  const json::object all{{"commands", std::move(commands)},
                         {"batches", report.batches},
                         {"bytes", report.bytes},
                         {"rejected", std::move(rejected)}};
  out << json::serialize(all) << '\n';
}

void print_table(const aub::ScanReport& report, std::ostream& out) {
  size_t width = 0;
  for (const auto& [name, count] : report.commands) width = std::max(width, name.size());
  for (const auto& [name, count] : report.commands) {
    out << std::left << std::setw(static_cast<int>(width) + 2) << name << std::right
        << std::setw(10) << count << '\n';
  }
  out << report.submissions << " submissions, " << report.batches << " batches, " << report.bytes
      << " bytes, " << report.rejected.size() << " rejected\n";
  for (const aub::Rejection& r : report.rejected) {
    out << "submission " << r.submission << " " << gen9::info(r.engine).name << " " << r.stream
        << " at " << hex(r.address) << ", offset " << hex(r.refusal.offset) << ": "
        << mediator::reject_name(r.refusal.reason) << " "
        << (r.refusal.command ? r.refusal.command : "unknown command") << " ("
        << hex(r.refusal.detail) << ")\n";
  }
}

/// Reads and scans; an empty string, or what is wrong with the file.
std::string scan_file(const std::string& path, aub::StreamScan& scan, std::ostream& err) {
  auto source = aub::open_source(path);
  if (!source) return source.error();
  ProgressLine progress(err);
  auto read = aub::read_aub(**source, scan, &ProgressLine::update, &progress);
  if (!read) return read.error().text();
  return scan.ports().unfinished() ? "ends inside a submission" : "";
}

}  // namespace

int scan_main(Args args, std::ostream& out, std::ostream& err) {
  const Usage usage{"scan", "FILE",
                    "Scans the streams of an AUB file (plain or .zst) by the mediator's rules."};
  boost::program_options::options_description visible("options");
  const Parsed parsed = parse(usage, visible, args, out, err, "file");
  if (parsed.exit) return *parsed.exit;
  if (!parsed.has("file")) return fail(err, "scan: no file given");
  const auto& files = parsed.get<std::vector<std::string>>("file");
  if (files.size() != 1) return fail(err, "scan: one file at a time");
  aub::StreamScan scan;
  const std::string problem = scan_file(files[0], scan, err);
  if (!problem.empty()) return fail(err, "scan: " + files[0] + ": " + problem);
  const aub::ScanReport report = scan.report();
  if (parsed.has("json")) {
    print_json(report, out);
  } else {
    print_table(report, out);
  }
  return report.rejected.empty() ? kOk : kFailed;
}

}  // namespace cli

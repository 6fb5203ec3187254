// SPDX-License-Identifier: MIT
// xengvt demo: several guests draw at once through the mediator.
#include "dom0/embedded/demo.h"

#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <vector>

#include "dom0/cli/demo_report.h"
#include "dom0/cli/demo_streams.h"
#include "dom0/cli/options.h"
#include "dom0/cli/output_file.h"
#include "dom0/cli/png.h"
#include "dom0/cli/progress.h"
#include "dom0/cli/record.h"
#include "dom0/cli/slice_option.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;

constexpr unsigned kMaxGuests = 64;
constexpr double kMaxSeconds = 600;

/// Loads the recorded guests, each the first of its file.
std::string load_recorded(const std::vector<std::string>& files, size_t count,
                          embedded::DemoConfig& c) {
  for (size_t i = 0; i < count; ++i) {
    const std::string& file = files[i % files.size()];
    auto scripts = replay::load_scripts(file);
    if (!scripts.ok()) return file + ": " + scripts.error();
    if (scripts->guests.empty()) return file + ": holds no guest";
    c.recorded.push_back(std::move(scripts->guests.begin()->second));
    c.recorded_names.push_back(fs::path(file).stem().string());
  }
  return {};
}

/// Of seven guests four draw, two run streams, and one was recorded.
std::string share_out(const Parsed& p, embedded::DemoConfig& c) {
  const int guests = p.get<int>("guests");
  if (guests < 1 || guests > static_cast<int>(kMaxGuests)) return "1 to 64 guests";
  std::vector<std::string> files =
      p.has("streams") ? p.get<std::vector<std::string>>("streams") : find_streams();
  const std::vector<std::string> recordings =
      p.has("recordings") ? p.get<std::vector<std::string>>("recordings") : find_recordings();
  const unsigned others = static_cast<unsigned>(guests) * 3 / 7;
  const unsigned recorded = recordings.empty() ? 0 : (others + 1) / 3;
  c.stream_guests = files.empty() ? 0 : others - recorded;
  c.painters = static_cast<unsigned>(guests) - c.stream_guests - recorded;
  if (std::string why = load_recorded(recordings, recorded, c); !why.empty()) return why;
  if (c.stream_guests == 0) files.clear();
  for (const std::string& file : files) {
    auto script = guests::AubScript::load(file);
    if (!script.ok()) return file + ": " + script.error();
    c.scripts.push_back(std::move(*script));
    std::string name = fs::path(file).filename().string();
    c.script_names.push_back(name.substr(0, name.find(".aub")));
  }
  return {};
}

/// "1,2,4": weights of 1 to 65535.
std::string read_weights(const Parsed& p, std::vector<uint32_t>& weights) {
  if (!p.has("schedule")) return {};
  std::istringstream in(p.get<std::string>("schedule"));
  for (std::string word; std::getline(in, word, ',');) {
    uint32_t weight = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), weight);
    if (error != std::errc() || end != word.data() + word.size() || weight == 0 ||
        weight > mediator::kMaxWeight)
      return "a weight is 1 to 65535, not '" + word + "'";
    weights.push_back(weight);
  }
  return weights.empty() ? "no weight given" : "";
}

std::string read_config(const Parsed& p, embedded::DemoConfig& c) {
  const double seconds = p.get<double>("seconds");
  if (!(seconds > 0 && seconds <= kMaxSeconds)) return "more than 0 and at most 600 seconds";
  c.virtual_ns = static_cast<uint64_t>(std::llround(seconds * 1e9));
  if (std::string why = read_slice(p, c.slice_ns); !why.empty()) return why;
  if (std::string why = read_weights(p, c.weights); !why.empty()) return why;
  return share_out(p, c);
}

/// The folder for the results; made before the guests run, so that a bad one shows at once, and
/// removed again if it was made here and stays empty.
class OutFolder {
 public:
  explicit OutFolder(const std::string& path) : path_(path) {
    std::error_code e;
    made_ = fs::create_directories(path_, e);
    if (e) {
      error_ = path + ": " + e.message();
    } else if (!fs::is_directory(path_, e)) {
      error_ = path + ": not a folder";
    }
  }
  ~OutFolder() {
    std::error_code ignored;
    if (made_) fs::remove(path_, ignored);  // only if empty
  }
  OutFolder(const OutFolder&) = delete;
  OutFolder& operator=(const OutFolder&) = delete;
  [[nodiscard]] const std::string& error() const { return error_; }
  [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
  bool made_ = false;
  std::string error_;
};

std::string save(const OutFolder& folder, const embedded::DemoResult& result) {
  std::vector<mediator::Screen> screens;
  for (const auto& g : result.guests) screens.push_back(g.screen);
  const auto picture = encode_png(side_by_side(screens));
  if (picture.empty()) return "the picture could not be encoded";
  const std::string json = boost::json::serialize(demo_json(result)) + "\n";
  OutputFile png(folder.file("demo.png")), figures(folder.file("demo.json"));
  png.write(picture);
  figures.write(std::as_bytes(std::span(json)));
  if (!png.error().empty()) return png.error();
  if (!figures.error().empty()) return figures.error();
  if (!png.commit()) return png.error();
  return figures.commit() ? std::string() : figures.error();
}

int report(const embedded::DemoResult& r, std::ostream& err) {
  if (r.ok()) return kOk;
  for (const auto& g : r.guests)
    if (!g.error.empty()) err << "xengvt: " << g.name << ": " << g.error << '\n';
  for (const std::string& v : r.violations) err << "xengvt: DMA: " << v << '\n';
  if (r.total.refused) err << "xengvt: " << r.total.refused << " commands refused\n";
  return kFailed;
}

void add_options(po::options_description& options) {
  options.add_options()("guests", po::value<int>()->default_value(7),
                        "how many, 1 to 64: four of seven draw, two run streams, one was recorded")(
      "seconds", po::value<double>()->default_value(3), "virtual time")(
      "out", po::value<std::string>(), "folder for demo.png and demo.json (default: here)")(
      "schedule", po::value<std::string>()->implicit_value("1"),
      "also show shares as asked and as given; with weights, given to the guests in turn: 1,2,4")(
      "streams", po::value<std::vector<std::string>>()->multitoken(), "AUB files to run")(
      "recordings", po::value<std::vector<std::string>>()->multitoken(),
      "recordings of guests to play (made with --open)");
  add_slice_option(options);
}

}  // namespace

int demo_recorded(Args args, std::ostream& out, std::ostream& err, const Recording& recording) {
  po::options_description options("options");
  add_options(options);
  const Parsed p = parse({"demo", "", "Guests draw and compute at once on one modelled GPU."},
                         options, args, out, err);
  if (p.exit) return *p.exit;
  embedded::DemoConfig config;
  if (std::string why = read_config(p, config); !why.empty()) return fail(err, "demo: " + why);
  config.recorder = recording.writer;
  config.record_guest_memory = recording.guest_memory;
  std::optional<OutFolder> folder;
  // A recording is what one wants of a recorded demo; its picture only on request.
  if (p.has("out") || !recording.writer)
    folder.emplace(p.has("out") ? p.get<std::string>("out") : ".");
  if (folder && !folder->error().empty()) return fail(err, "demo: " + folder->error());
  ProgressLine line(err);
  config.progress = [&](uint64_t done, uint64_t end) {
    line.show(std::to_string(config.painters + config.stream_guests + config.recorded.size()) +
              " guests: " + std::to_string(done * 100 / end) + "%");
  };
  const auto result = embedded::run_demo(config);
  if (!result.ok()) return fail(err, "demo: " + result.error());
  if (folder)
    if (std::string why = save(*folder, *result); !why.empty()) return fail(err, "demo: " + why);
  if (p.has("json")) {
    out << boost::json::serialize(demo_json(*result)) << '\n';
  } else {
    print_demo(*result, out);
    if (p.has("schedule")) print_schedule(*result, out);
  }
  return report(*result, err);
}

int demo_main(Args args, std::ostream& out, std::ostream& err) {
  return demo_recorded(args, out, err, {});
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// xengvt screenshot, log: what guests show and what the daemon says.
#include <cstring>
#include <ctime>

#include "dom0/cli/output_file.h"
#include "dom0/cli/owner.h"
#include "dom0/cli/png.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;

/// The answer's picture; false if its parts do not fit each other.
bool to_screen(const xengvtd::Answer& answer, mediator::Screen& screen) {
  const uint64_t width = number_of(answer.result, "width");
  const uint64_t height = number_of(answer.result, "height");
  if (width == 0 || height == 0 || width > 16384 || height > 16384) return false;
  if (answer.bytes.size() != width * height * sizeof(uint32_t)) return false;
  screen.width = static_cast<uint32_t>(width);
  screen.height = static_cast<uint32_t>(height);
  screen.pixels.resize(width * height);
  std::memcpy(screen.pixels.data(), answer.bytes.data(), answer.bytes.size());
  return true;
}

std::string time_text(uint64_t unix_ms) {
  const auto seconds = static_cast<time_t>(unix_ms / 1000);
  tm parts{};
  localtime_r(&seconds, &parts);
  char buffer[32];
  std::strftime(buffer, sizeof buffer, "%F %T", &parts);
  return buffer;
}

}  // namespace

int screenshot_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(), "the PNG file to write");
  add_socket_option(options);
  const Parsed p =
      parse({"screenshot", "DOMAIN... -o FILE.png",
             "Writes what guests show on their virtual screens; several side by side."},
            options, args, out, err, "operand");
  if (p.exit) return *p.exit;
  const Operands o = operands(p, "screenshot", 1, 64, "at least one DOMAIN", err);
  if (o.exit) return *o.exit;
  if (!p.has("output")) return fail(err, "screenshot: no -o FILE.png given");
  const auto& path = p.get<std::string>("output");
  std::vector<mediator::Screen> screens;
  json::array sizes;
  for (const std::string& domain : o.words) {
    const Asked asked = ask(p, {{"request", "screenshot"}, {"domain", domain}}, err);
    if (asked.exit) return *asked.exit;
    if (!to_screen(asked.answer, screens.emplace_back()))
      return fail(err, "screenshot: xengvtd gave no picture");
    sizes.push_back(
        {{"domain", domain}, {"width", screens.back().width}, {"height", screens.back().height}});
  }
  OutputFile file(path);
  const auto png = encode_png(screens.size() == 1 ? screens[0] : side_by_side(screens));
  if (png.empty()) return fail(err, "screenshot: the picture could not be encoded");
  if (!file.write(png) || !file.commit()) return fail(err, file.error());
  if (p.has("json"))
    out << json::object{{"file", path}, {"screens", sizes}} << '\n';
  else
    out << path << '\n';
  return kOk;
}

int log_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("after", po::value<uint64_t>()->default_value(0),
                        "only lines after this number")(
      "lines,n", po::value<uint64_t>()->default_value(1000), "at most so many, the newest");
  add_socket_option(options);
  const Parsed p = parse({"log", "", "Prints what xengvtd logged last."}, options, args, out, err);
  if (p.exit) return *p.exit;
  const Asked asked = ask(
      p,
      {{"request", "log"}, {"after", p.get<uint64_t>("after")}, {"most", p.get<uint64_t>("lines")}},
      err);
  if (asked.exit) return *asked.exit;
  if (p.has("json")) {
    out << asked.answer.result << '\n';
    return kOk;
  }
  if (!asked.answer.result.is_array()) return kOk;
  for (const json::value& l : asked.answer.result.get_array()) {
    const std::string guest = text_of(l, "guest");
    out << time_text(number_of(l, "unix_ms")) << ' ' << text_of(l, "level") << ": "
        << (guest.empty() ? "" : guest + ": ") << text_of(l, "text") << '\n';
  }
  return kOk;
}

}  // namespace cli

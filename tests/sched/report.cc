// SPDX-License-Identifier: MIT
#include "tests/sched/report.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iomanip>
#include <sstream>

namespace sched {
namespace {

namespace json = boost::json;

std::string number(double v) {
  std::ostringstream out;
  out << std::setprecision(4) << v;
  return out.str();
}

std::string escaped(const std::string& s) {
  std::string out;
  for (const char c : s) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else
      out += c;
  }
  return out;
}

}  // namespace

double Figure::used() const {
  if (at_most) return limit > 0 ? value / limit : 0;
  return value > 0 ? limit / value : 10;
}

bool Row::holds() const {
  return error.empty() && !figures.empty() &&
         std::all_of(figures.begin(), figures.end(), [](const Figure& f) { return f.holds(); });
}

std::string Row::asked() const {
  std::string out;
  for (const Figure& f : figures)
    out += (out.empty() ? "" : "; ") + f.what + (f.at_most ? " <= " : " >= ") + number(f.limit) +
           f.unit;
  return out;
}

std::string Row::measured() const {
  if (!error.empty()) return "not measured: " + error;
  std::string out;
  for (const Figure& f : figures) out += (out.empty() ? "" : "; ") + number(f.value) + f.unit;
  return out;
}

void print_row(const Row& row, std::ostream& out) {
  out << std::left << std::setw(13) << row.name << std::right << std::setw(4) << row.seed << "  "
      << (row.holds() ? "yes" : "NO ") << "  " << row.asked() << "\n"
      << std::string(24, ' ') << row.measured() << std::endl;
}

std::string to_json(const std::vector<Row>& rows) {
  json::array all;
  for (const Row& r : rows)
    all.emplace_back(json::object{{"case", r.name},
                                  {"seed", r.seed},
                                  {"asked", r.asked()},
                                  {"measured", r.measured()},
                                  {"holds", r.holds()}});
  return json::serialize(all) + "\n";
}

// One bar per figure and seed: the part of what is allowed that is used up.
std::string to_svg(const std::vector<Row>& rows) {
  constexpr int kLeft = 470, kScale = 260, kLine = 14;
  std::ostringstream body;
  int y = 40;
  std::string last;
  for (const Row& r : rows)
    for (const Figure& f : r.figures) {
      if (const std::string title = r.name + ": " + f.what; title != last) {
        last = title;
        y += 6;
        body << "<text x=\"8\" y=\"" << y + 10 << "\">" << escaped(title)
             << (f.at_most ? " (at most " : " (at least ") << number(f.limit) << escaped(f.unit)
             << ")</text>\n";
      }
      const double width = std::clamp(f.used(), 0.0, 1.6) * kScale;
      body << "<rect x=\"" << kLeft << "\" y=\"" << y << "\" width=\"" << number(width)
           << "\" height=\"" << kLine - 4 << "\" fill=\"" << (f.holds() ? "#4a90d9" : "#d9534f")
           << "\"/><text x=\"" << kLeft + static_cast<int>(width) + 6 << "\" y=\"" << y + 10
           << "\">" << number(f.value) << escaped(f.unit) << "</text>\n";
      y += kLine;
    }
  std::ostringstream out;
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"980\" height=\"" << y + 20
      << "\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" "
         "fill=\"white\"/>\n<text x=\"8\" y=\"20\" font-size=\"14\">Scheduling: how much of what "
         "is "
         "allowed is used up, three seeds each; the line is the limit</text>\n"
      << body.str() << "<line x1=\"" << kLeft + kScale << "\" x2=\"" << kLeft + kScale
      << "\" y1=\"32\" y2=\"" << y + 6 << "\" stroke=\"black\"/>\n</svg>\n";
  return out.str();
}

}  // namespace sched

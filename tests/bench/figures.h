// SPDX-License-Identifier: MIT
// The figures that `make bench` answers for, and how each comes out of the benchmarks' medians.
#pragma once

#include <boost/json.hpp>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace bench {

enum class Limit : uint8_t {
  none,
  value_at_most,
  ratio_at_least,
};

/// One figure. `value` is the median of `benchmark`, `baseline` that of `against` (if any);
/// ratio = baseline / value for times, so that bigger is better.
struct Figure {
  const char* name;
  const char* unit;
  const char* benchmark;
  const char* against;  ///< nullptr: no baseline
  double unit_per_ns;   ///< medians are in ns, or in `unit` already (then 1)
  Limit limit;
  double bound;
};
std::span<const Figure> figures();

/// Samples of every benchmark that ran: its counter "value" if it sets one, else ns per item, else
/// ns per iteration. Counters stand beside them as "NAME:COUNTER".
using Samples = std::map<std::string, std::vector<double>>;

double median(std::vector<double> samples);

/// {"name": {"value", "unit", "baseline", "ratio", "limit", "holds"}}; curves hold rows in
/// "points".
boost::json::object summarise(const Samples& samples);
/// A table with the limit of each figure and whether it holds; returns how many do not.
int print_table(const boost::json::object& summary, std::ostream& out);

}  // namespace bench

// SPDX-License-Identifier: MIT
#include "dom0/cli/owner.h"

#include <cstdio>

namespace cli {
namespace po = boost::program_options;
namespace json = boost::json;

void add_socket_option(po::options_description& options) {
  options.add_options()("socket", po::value<std::string>()->default_value(xengvtd::kDefaultSocket),
                        "xengvtd's control socket");
}

int tell(std::ostream& err, const xengvtd::Problem& problem) {
  (void)fail(err, problem.cause + (problem.cure.empty() ? "" : "; cure: " + problem.cure));
  return kFailed;
}

Asked ask(const Parsed& parsed, const json::object& request, std::ostream& err) {
  auto client = xengvtd::Client::connect(parsed.get<std::string>("socket"));
  if (!client.ok()) return {{}, tell(err, client.error())};
  auto answer = client->ask(request);
  if (!answer.ok()) return {{}, tell(err, answer.error())};
  return {std::move(*answer), {}};
}

Operands operands(const Parsed& parsed, const char* command, size_t least, size_t most,
                  const char* wanted, std::ostream& err) {
  Operands o;
  if (parsed.has("operand")) o.words = parsed.get<std::vector<std::string>>("operand");
  if (o.words.size() < least || o.words.size() > most)
    o.exit = fail(err, std::string(command) + ": expected " + wanted);
  return o;
}

uint64_t number_of(const json::value& v, std::string_view key) {
  const json::value* n = v.is_object() ? v.get_object().if_contains(key) : nullptr;
  if (!n) return 0;
  if (n->is_uint64()) return n->get_uint64();
  return n->is_int64() && n->get_int64() > 0 ? static_cast<uint64_t>(n->get_int64()) : 0;
}

std::string text_of(const json::value& v, std::string_view key) {
  const json::value* t = v.is_object() ? v.get_object().if_contains(key) : nullptr;
  return t && t->is_string() ? std::string(t->get_string()) : std::string();
}

std::string duration(uint64_t ns) {
  char buffer[32];
  const double s = static_cast<double>(ns) / 1e9;
  if (s >= 1)
    std::snprintf(buffer, sizeof buffer, "%.1f s", s);
  else
    std::snprintf(buffer, sizeof buffer, "%.1f ms", s * 1e3);
  return buffer;
}

}  // namespace cli

// SPDX-License-Identifier: MIT
#include "dom0/daemon/control.h"

#include <array>
#include <boost/json.hpp>
#include <cstring>

#include "dom0/daemon/report_json.h"

namespace xengvtd {
namespace {

namespace json = boost::json;

constexpr size_t kMaxString = 4096;
constexpr size_t kMaxDepth = 4;

/// The request is not what it should be; one line about it.
struct BadRequest {
  std::string why;
};

/// The values of a request, each checked when it is taken.
class Request {
 public:
  explicit Request(const json::object& o) : o_(o) {}

  [[nodiscard]] std::string text(const char* key) const { return text_of(key, need(key)); }
  [[nodiscard]] bool has(const char* key) const { return o_.contains(key); }
  [[nodiscard]] bool flag(const char* key) const {
    const json::value& v = need(key);
    if (!v.is_bool()) throw BadRequest{std::string("'") + key + "' is not true or false"};
    return v.get_bool();
  }
  [[nodiscard]] bool flag_or(const char* key, bool other) const {
    return o_.contains(key) ? flag(key) : other;
  }
  [[nodiscard]] uint64_t number_or(const char* key, uint64_t other) const {
    const json::value* v = o_.if_contains(key);
    if (!v) return other;
    if (v->is_int64() && v->get_int64() >= 0) return static_cast<uint64_t>(v->get_int64());
    if (v->is_uint64()) return v->get_uint64();
    throw BadRequest{std::string("'") + key + "' is not a number from 0 on"};
  }
  [[nodiscard]] std::map<std::string, std::string> options() const {
    std::map<std::string, std::string> found;
    const json::value* v = o_.if_contains("options");
    if (!v) return found;
    if (!v->is_object()) throw BadRequest{"'options' is not an object"};
    for (const auto& [key, value] : v->get_object())
      found[std::string(key)] = text_of("options", value);
    return found;
  }

 private:
  [[nodiscard]] const json::value& need(const char* key) const {
    const json::value* v = o_.if_contains(key);
    if (!v) throw BadRequest{std::string("'") + key + "' is missing"};
    return *v;
  }
  static std::string text_of(const char* key, const json::value& v) {
    if (!v.is_string() || v.get_string().size() > kMaxString)
      throw BadRequest{std::string("'") + key + "' is not a string"};
    for (const char c : v.get_string())
      if (static_cast<unsigned char>(c) < 0x20)
        throw BadRequest{std::string("'") + key + "' has control characters"};
    return std::string(v.get_string());
  }
  const json::object& o_;
};

Reply good(json::value result) {
  return {json::serialize(json::object{{"ok", true}, {"result", std::move(result)}}) + "\n", {}};
}
Reply bad(const Problem& p) {
  return {json::serialize(json::object{{"ok", false}, {"error", p.cause}, {"cure", p.cure}}) + "\n",
          {}};
}
Reply done(const Service::Done& d) { return d.ok() ? good(json::object{}) : bad(d.error()); }

Reply list(Service& s, const Request&) {
  json::array all;
  for (const GuestReport& g : s.guests()) all.emplace_back(to_json(g));
  return good(json::object{{"host", to_json(s.host())}, {"guests", std::move(all)}});
}
Reply info(Service& s, const Request& r) {
  const auto g = s.guest(r.text("domain"));
  return g.ok() ? good(to_json(*g)) : bad(g.error());
}
Reply types(Service& s, const Request&) {
  const HostReport h = s.host();
  json::array all;
  for (const VgpuType& t : s.config().types) {
    json::object o = to_json(t);
    const auto used = h.in_use.find(t.name);
    o["in_use"] = used == h.in_use.end() ? 0 : used->second;
    all.emplace_back(std::move(o));
  }
  return good(std::move(all));
}
Reply attach(Service& s, const Request& r) {
  const auto id = s.attach(r.text("domain"), r.text("type"), r.options());
  return id.ok() ? good(json::object{{"domid", id->v}}) : bad(id.error());
}
Reply refused(Service& s, const Request& r) {
  s.note_refusal(r.text("domain"), {r.text("cause"), r.text("cure")});
  return good(json::object{});
}
Reply detach(Service& s, const Request& r) { return done(s.detach(r.text("domain"))); }
Reply set(Service& s, const Request& r) {
  const std::string domain = r.text("domain");
  const Options options = r.options();
  // What is refused must not leave half of it behind, and the rest is never refused.
  if (!options.empty())
    if (auto d = s.set_shares(domain, options); !d.ok()) return done(d);
  if (r.has("direct_reads"))
    if (auto d = s.direct_reads(domain, r.flag("direct_reads")); !d.ok()) return done(d);
  const bool more = options.empty() && !r.has("direct_reads");
  if (more || r.has("paused")) return done(s.pause(domain, r.flag("paused")));
  return good(json::object{});
}
Reply set_gpu(Service& s, const Request& r) { return done(s.set_gpu(r.options())); }
Reply screenshot(Service& s, const Request& r) {
  const auto screen = s.screenshot(r.text("domain"));
  if (!screen.ok()) return bad(screen.error());
  std::vector<std::byte> bytes(screen->pixels.size() * sizeof(uint32_t));
  if (!bytes.empty()) std::memcpy(bytes.data(), screen->pixels.data(), bytes.size());
  const json::object reply{{"ok", true},
                           {"result", {{"width", screen->width}, {"height", screen->height}}},
                           {"bytes", bytes.size()}};
  return {json::serialize(reply) + "\n", std::move(bytes)};
}
Reply log(Service& s, const Request& r) {
  json::array all;
  for (const LogLine& l : s.log().lines(r.number_or("after", 0), r.number_or("most", kLogLines)))
    all.emplace_back(to_json(l));
  return good(std::move(all));
}
Reply trace_start(Service& s, const Request& r) {
  const std::string path = r.text("path");
  if (path.empty() || path[0] != '/') throw BadRequest{"'path' is not an absolute path"};
  if (r.has("domain")) return done(s.trace_start_guest(r.text("domain"), path));
  return done(s.trace_start(path, r.flag_or("open", false)));
}
Reply trace_stop(Service& s, const Request& r) {
  return done(r.has("domain") ? s.trace_stop_guest(r.text("domain")) : s.trace_stop());
}

struct Verb {
  std::string_view name;
  Reply (*run)(Service&, const Request&);
};
constexpr std::array kVerbs{
    Verb{"list", list},
    Verb{"info", info},
    Verb{"types", types},
    Verb{"attach", attach},
    Verb{"refused", refused},
    Verb{"detach", detach},
    Verb{"set", set},
    Verb{"set-gpu", set_gpu},
    Verb{"screenshot", screenshot},
    Verb{"log", log},
    Verb{"trace-start", trace_start},
    Verb{"trace-stop", trace_stop},
};

json::object parse(std::string_view line) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code error;
  json::value v = json::parse(line, error, {}, options);
  if (error) throw BadRequest{"not JSON: " + error.message()};
  if (!v.is_object()) throw BadRequest{"not a JSON object"};
  return std::move(v.get_object());
}

}  // namespace

Reply answer(Service& service, std::string_view line) {
  try {
    const json::object o = parse(line);
    const Request request(o);
    const std::string name = request.text("request");
    for (const Verb& v : kVerbs)
      if (v.name == name) return v.run(service, request);
    throw BadRequest{"no request is called '" + name.substr(0, 64) + "'"};
  } catch (const BadRequest& e) {
    return bad({"bad request: " + e.why, "use the xengvt that came with this xengvtd"});
  }
}

Reply answer_too_long() {
  return bad({"bad request: longer than " + std::to_string(kMaxRequest) + " bytes",
              "use the xengvt that came with this xengvtd"});
}

}  // namespace xengvtd

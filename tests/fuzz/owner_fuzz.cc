// SPDX-License-Identifier: MIT
// What owners and xl hand over as text: control requests, the wrapper's arguments, QMP commands,
// configuration files and xl.cfg files. Input: a byte that says which, then the text.
#include <boost/json.hpp>
#include <iostream>
#include <sstream>

#include "dom0/daemon/control.h"
#include "dom0/daemon/guest_check.h"
#include "dom0/daemon/local_backend.h"
#include "dom0/xl/dm_args.h"
#include "dom0/xl/qmp_gate.h"
#include "tests/fuzz/fuzz.h"

namespace {

namespace json = boost::json;

/// A daemon with one guest of its own; what it logs goes nowhere.
struct Daemon {
  Daemon() {
    FUZZ_REQUIRE(service.start().empty());
    FUZZ_REQUIRE(service.attach("1", "tiny", {}).ok());
  }
  xengvtd::Config config = xengvtd::default_config();
  xengvtd::WallClock clock;
  std::ostream nowhere{nullptr};
  xengvtd::Log log{nowhere, xengvtd::LogLevel::error, false};
  xengvtd::LocalBackend backend{clock};
  xengvtd::Service service{config, backend, clock, log};
};

void ask_daemon(const std::string& text) {
  // It writes files where it is told to.
  if (text.find("trace-start") != std::string::npos) return;
  static Daemon daemon;
  const xengvtd::Reply reply = xengvtd::answer(daemon.service, text);
  const json::value v = json::parse(reply.line);
  const json::object& o = v.as_object();
  FUZZ_REQUIRE(o.at("ok").is_bool());
  FUZZ_REQUIRE(o.at("ok").as_bool() || !o.at("error").as_string().empty());
  FUZZ_REQUIRE(reply.line.find('\n') == reply.line.size() - 1);
}

void read_arguments(const std::string& text) {
  std::vector<std::string> args;
  std::istringstream in(text);
  for (std::string a; std::getline(in, a);) args.push_back(a);
  auto read = xengvt_dm::read_dm_args(args);
  if (!read.ok()) {
    FUZZ_REQUIRE(!read.error().cause.empty() && !read.error().cure.empty());
    return;
  }
  FUZZ_REQUIRE(read->domid != 0 && !read->type.empty());
  for (const std::string& a : read->qemu) FUZZ_REQUIRE(a != "-xgpu");
  xengvt_dm::move_qmp(*read, read->qmp_path + "-qemu");
}

void refuse_command(const std::string& text) {
  const auto reply = xengvt_dm::refuse_qmp(text);
  if (!reply) return;
  FUZZ_REQUIRE(json::parse(*reply).as_object().contains("error"));
}

void read_config(const std::string& text) {
  std::istringstream in(text);
  const auto c = xengvtd::parse_config(in);
  FUZZ_REQUIRE(c.ok() ? !c->types.empty() : !c.error().empty());
}

void check_guest(const std::string& text) {
  std::istringstream in(text);
  for (const xengvtd::Check& c : xengvtd::check_guest_file(in)) FUZZ_REQUIRE(!c.name.empty());
}

constexpr void (*kTargets[])(const std::string&) = {ask_daemon, read_arguments, refuse_command,
                                                    read_config, check_guest};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  kTargets[data[0] % std::size(kTargets)](
      std::string(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}

std::vector<std::vector<uint8_t>> fuzz_seeds() {
  const std::vector<std::pair<uint8_t, std::string>> texts{
      {0, R"({"request":"attach","domain":"2","type":"tiny","options":{"resolution":"800x600"}})"},
      {0, R"({"request":"info","domain":"local1"})"},
      {0, R"({"request":"set","domain":"1","paused":true})"},
      {0, R"({"request":"log","after":3,"most":18446744073709551615})"},
      {0, R"({"request":"list"})"},
      {0, R"({"request":"types"})"},
      {0, R"({"request":"screenshot","domain":"1"})"},
      {0, R"({"request":"detach","domain":"2"})"},
      {0, R"({"request":"refused","domain":"x","cause":"a","cure":"b"})"},
      {1,
       "-xen-domid\n5\n-machine\nxenfv,suppress-vmdesc=on\n-xgpu\ntype=tiny,resolution=1x1\n"
       "-device\nxen-platform,addr=0x2\n-vga\nnone\n-chardev\n"
       "socket,id=libxl-cmd,path=/run/xen/qmp-libxl-5,server=on\n"},
      {2, R"({"execute":"xen-set-global-dirty-log","arguments":{"enable":true},"id":4})"},
      {2, R"({"execute":"xen-save-devices-state","arguments":{"filename":"f"},"id":[1,{}]})"},
      {3,
       "[daemon]\nsocket = /a\n[gpu]\ntime-scale = 0.5\n[type x]\nlow-mib = 8\nfences=0x4\n"
       "resolution = 800x600\ncap = 30\n"},
      {4,
       "type = \"hvm\" # a\nmemory = 1024\nmaxmem='2048'\ndevice_model_args_hvm = [ \"-xgpu\",\n"
       " \"type=small\" ]\nvga=\"none\"\n"}};
  std::vector<std::vector<uint8_t>> seeds;
  for (const auto& [which, text] : texts) {
    seeds.push_back({which});
    seeds.back().insert(seeds.back().end(), text.begin(), text.end());
  }
  return seeds;
}

// SPDX-License-Identifier: MIT
// xengvt host: tells about, and tries, a GPU that xengvtd could drive.
#include <boost/json.hpp>
#include <fstream>

#include "dom0/cli/options.h"
#include "dom0/gpu/pci/ids.h"
#include "dom0/gpu/pci/xen_gpu.h"
#include "dom0/gpu/selftest/selftest.h"
#include "shadow/gen9/regs.h"

namespace cli {
namespace {

namespace po = boost::program_options;
namespace json = boost::json;
using gpu::pci::Problem;

int refuse(std::ostream& err, const Problem& p) { return fail(err, p.cause + "; " + p.cure); }

std::string hex(uint64_t v) {
  char text[20];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(v));
  return text;
}

json::object describe(const gpu::pci::FunctionInfo& f) {
  const char* family = gpu::pci::family_of(f.device);
  json::object o{{"address", f.address},
                 {"device_id", hex(f.device)},
                 {"revision", f.revision},
                 {"family", family ? family : ""},
                 {"driver", f.driver}};
  for (const unsigned n : {0u, 2u})
    o["bar" + std::to_string(n)] =
        json::object{{"address", hex(f.bars[n].address)}, {"bytes", f.bars[n].bytes}};
  return o;
}

/// A register that can be read without waking anything, and what it must look like.
struct Expected {
  const char* name;
  uint32_t offset, mask, value;
};
constexpr Expected kExpected[] = {
    {"GDRST", gen9::kGdrst, ~0u, 0},               // no reset under way
    {"FUSE2 slices", 0x9120, 1u << 25, 1u << 25},  // at least slice 0
    {"RPM_CONFIG0 crystal", 0xd00, 1u << 3, 0},    // 24 MHz
    {"FORCEWAKE_ACK render", gen9::kForcewakeRenderAck, 0xffff0000, 0},
    {"FORCEWAKE_ACK blitter", gen9::kForcewakeBlitterAck, 0xffff0000, 0},
};

/// Reads and compares; changes nothing but what claiming a function does.
int probe(const gpu::pci::Places& places, const std::string& address, json::object& report,
          std::ostream& err) {
  const auto info = gpu::pci::choose_gpu(places, address);
  if (!info.ok()) return refuse(err, info.error());
  report = describe(*info);
  auto function = gpu::pci::Function::claim(places, *info);
  if (!function.ok()) return refuse(err, function.error());
  gpu::pci::MappedBars bars((*function)->bar(0), (*function)->bar(2));
  report["ggtt_bytes"] = gpu::pci::ggtt_bytes_of((*function)->config(0x50, 2));
  bool good = true;
  json::array registers;
  for (const Expected& e : kExpected) {
    const uint32_t value = bars.read32(e.offset);
    const bool as_expected = (value & e.mask) == e.value;
    good &= as_expected;
    registers.push_back({{"name", e.name},
                         {"offset", hex(e.offset)},
                         {"value", hex(value)},
                         {"expected", as_expected}});
  }
  report["registers"] = std::move(registers);
  report["good"] = good;
  return good ? kOk : kFailed;
}

int selftest(const gpu::pci::Places& places, const std::string& address, json::object& report,
             std::ostream& err) {
  auto gpu = gpu::pci::XenGpu::open(places, address);
  if (!gpu.ok()) return refuse(err, gpu.error());
  if (const auto s = (*gpu)->let_go(); !s.ok()) return refuse(err, s.error());
  report = describe((*gpu)->function().info());
  gpu::pci::PciDevice& device = (*gpu)->device();
  gpu::Driver driver(device, (*gpu)->driver_config());
  const uint64_t began = device.now_ns();
  if (const auto s = driver.start(); !s.ok())
    return fail(err, std::string("the GPU does not come up: ") + hv::error_name(s.error()) +
                         "; see docs/hardware.md, and send the report of xengvt host probe");
  report["start_ns"] = device.now_ns() - began;
  bool good = true;
  json::array rows;
  for (const gpu::SelftestRow& r : gpu::selftest(device, driver)) {
    good &= r.passed;
    rows.push_back({{"name", r.name}, {"passed", r.passed}, {"detail", r.detail}, {"ns", r.ns}});
  }
  report["selftest"] = std::move(rows);
  report["bar_accesses"] = device.counts().all();
  report["good"] = good;
  if (driver.wedged()) (*gpu)->function().set_bus_master(false);
  return good ? kOk : kFailed;
}

void print(const json::object& report, std::ostream& out) {
  for (const auto& [key, value] : report) {
    if (!value.is_array()) {
      out << std::string(key) << ": " << value << '\n';
      continue;
    }
    for (const auto& row : value.as_array()) {
      const json::object& o = row.as_object();
      const json::value* passed = o.if_contains("passed");
      if (!passed) passed = o.if_contains("expected");
      out << (passed && passed->as_bool() ? "ok " : "not ok ");
      for (const auto& [name, field] : o)
        if (name != "passed" && name != "expected" && field != json::value(""))
          out << (name == "name" ? "" : " ") << field;
      out << '\n';
    }
  }
}

}  // namespace

int host_main(Args args, std::ostream& out, std::ostream& err) {
  po::options_description options("options");
  options.add_options()("gpu", po::value<std::string>()->default_value(""),
                        "the GPU's address (0000:00:02.0); not needed where there is one")(
      "out,o", po::value<std::string>(), "write the report into this file as well")(
      "root", po::value<std::string>()->default_value("/"), "look below this folder (for tests)");
  const Parsed p = parse(
      {"host", "list|probe|selftest", "Tells about, and tries, a GPU that xengvtd could drive."},
      options, args, out, err, "what");
  if (p.exit) return *p.exit;
  const auto words =
      p.has("what") ? p.get<std::vector<std::string>>("what") : std::vector<std::string>{};
  if (words.size() != 1) return fail(err, "host: give one of list, probe, selftest");
  const gpu::pci::Places places{p.get<std::string>("root")};
  const auto& address = p.get<std::string>("gpu");
  json::object report;
  int code = kOk;
  if (words[0] == "list") {
    json::array all;
    for (const auto& f : gpu::pci::list_gpus(places)) {
      json::object o = describe(f);
      const auto usable = gpu::pci::choose_gpu(places, f.address);
      o["usable"] = usable.ok();
      if (!usable.ok()) o["why_not"] = usable.error().cause, o["cure"] = usable.error().cure;
      all.push_back(std::move(o));
    }
    for (const auto& f : all)
      if (!p.has("json")) print(f.as_object(), out);
    report["gpus"] = std::move(all);
    if (p.has("json")) out << report << '\n';
    return kOk;
  }
  if (words[0] == "probe") {
    code = probe(places, address, report, err);
  } else if (words[0] == "selftest") {
    code = selftest(places, address, report, err);
  } else {
    return fail(err, "host: there is no '" + words[0] + "'; give one of list, probe, selftest");
  }
  if (code == kBadInput) return code;
  if (p.has("out")) {
    std::ofstream file(p.get<std::string>("out"));
    file << report << std::endl;
    if (!file) return fail(err, "cannot write " + p.get<std::string>("out"));
  }
  if (p.has("json"))
    out << report << '\n';
  else
    print(report, out);
  return code;
}

}  // namespace cli

// SPDX-License-Identifier: MIT
// A PCI function that is files in a folder, and BARs that a model in this process answers.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "dom0/gpu/model/model.h"
#include "dom0/gpu/pci/device.h"
#include "dom0/gpu/pci/function.h"
#include "dom0/gpu/proxy/faults.h"
#include "hv/local/machine.h"
#include "shadow/gen9/regs.h"

namespace pci_test {

namespace fs = std::filesystem;
using gpu::pci::Places;

inline constexpr const char* kAddress = "0000:00:02.0";

/// /sys and /run of a host with one GPU.
class Host {
 public:
  Host() {
    std::string name = fs::temp_directory_path() / "xengvt-pci-XXXXXX";
    root = std::string(::mkdtemp(name.data())) + "/";
    places.root = root;
    fs::create_directories(root + "sys/bus/pci/devices/" + kAddress + "/power");
    write("vendor", "0x8086");
    write("device", "0x1912");
    write("class", "0x030000");
    write("revision", "0x06");
    write("enable", "0");
    write("reset", "");
    write("resource",
          "0x00000000f0000000 0x00000000f0ffffff 0x0000000000140204\n"
          "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
          "0x00000000e0000000 0x00000000efffffff 0x000000000014220c\n");
    write("config", std::string("\x86\x80\x12\x19\x06\x00\x10\x00", 8) + std::string(248, '\0'));
    for (const auto& [bar, bytes] :
         {std::pair{"resource0", 16u << 20}, {"resource2", 256u << 20}}) {
      write(bar, "");
      fs::resize_file(file(bar), bytes);
    }
  }
  ~Host() { fs::remove_all(root); }
  [[nodiscard]] std::string file(const std::string& name) const {
    return root + "sys/bus/pci/devices/" + kAddress + "/" + name;
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::binary) << text;
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void link(const std::string& path, const std::string& to) const {
    fs::create_directories(fs::path(root + path).parent_path());
    fs::create_symlink(to, root + path);
  }
  void put(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  }
  std::string root;
  Places places;
};

/// The bus of the model: the machine's own pages, as DMA reaches them.
class Memory final : public gpu::model::DmaBus, public gpu::pci::HostMemory {
 public:
  std::byte* page(hv::BusFrame frame) override {
    const auto it = pages.find(frame.v);
    return it == pages.end() ? nullptr : it->second->data();
  }
  hv::Result<gpu::DmaPage> alloc() override {
    const hv::BusFrame frame{next++};
    auto& p = pages[frame.v];
    p = std::make_unique<std::array<std::byte, hv::kPageSize>>();
    return gpu::DmaPage{frame, p->data()};
  }
  void free(hv::BusFrame frame) override { pages.erase(frame.v); }
  std::map<uint64_t, std::unique_ptr<std::array<std::byte, hv::kPageSize>>> pages;
  uint64_t next = 0x40000;
};

/// BARs in front of a model with faults, whose time goes on with each access and each pause.
class ModelBars final : public gpu::pci::Bars {
 public:
  explicit ModelBars(Memory& memory) : status(memory), model(status, {}) {}
  uint32_t read32(uint64_t offset) override {
    tick(kAccessNs);
    return registers.read(static_cast<uint32_t>(offset), model.now_ns());
  }
  void write32(uint64_t offset, uint32_t value) override {
    tick(kAccessNs);
    registers.write(static_cast<uint32_t>(offset), value, model.now_ns());
  }
  uint64_t read64(uint64_t offset) override {
    return model.read_ggtt((offset - gen9::kGttOffset) / 8);
  }
  void write64(uint64_t offset, uint64_t value) override {
    model.write_ggtt((offset - gen9::kGttOffset) / 8, value);
  }
  void read_aperture(uint64_t offset, std::span<std::byte> to) override {
    model.read_aperture(offset, to);
  }
  void write_aperture(uint64_t offset, std::span<const std::byte> from) override {
    model.write_aperture(offset, from);
  }
  [[nodiscard]] uint64_t aperture_bytes() const override { return model.aperture_bytes(); }
  void tick(uint64_t ns) {
    model.advance_to(model.now_ns() + ns);
    registers.tick(model.now_ns());
  }

  static constexpr uint64_t kAccessNs = 200;
  gpu::proxy::LateStatus status;
  gpu::model::Model model;
  gpu::proxy::FaultyRegisters registers{model, status};
};

/// The device port with the model's time for the clock's.
class ModelClock final : public gpu::pci::DeviceClock {
 public:
  explicit ModelClock(ModelBars& b) : bars(b) {}
  uint64_t now_ns() override { return bars.model.now_ns(); }
  void pause_ns(uint64_t ns) override { bars.tick(ns); }
  ModelBars& bars;
};

}  // namespace pci_test

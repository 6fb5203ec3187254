// SPDX-License-Identifier: MIT
#include "dom0/gpu/pci/xen_gpu.h"

namespace gpu::pci {
namespace {

constexpr unsigned kGgc = 0x50;  // GMCH graphics control, mirrored in the function's own space

}  // namespace

hv::Result<DmaPage> XenGpu::Pages::alloc() {
  const auto page = pages_.alloc();
  if (!page.ok()) return page.error();
  return DmaPage{page->frame, page->memory};
}

hv::Result<std::unique_ptr<XenGpu>, Problem> XenGpu::open(const Places& places,
                                                          const std::string& address) {
  const auto info = choose_gpu(places, address);
  if (!info.ok()) return info.error();
  auto machine = hv::xen::MachineFrames::open();
  if (!machine.ok()) return Problem{machine.error(), "see docs/hardware.md"};
  auto function = Function::claim(places, *info);
  if (!function.ok()) return function.error();
  std::unique_ptr<XenGpu> g(new XenGpu);
  g->machine_ = std::move(*machine);
  g->pages_ = std::make_unique<Pages>(*g->machine_);
  g->function_ = std::move(*function);
  g->line_ = InterruptLine::open(places, *g->function_);
  g->bars_ = std::make_unique<MappedBars>(g->function_->bar(0), g->function_->bar(2));
  g->device_ =
      std::make_unique<PciDevice>(*g->bars_, *g->pages_, g->clock_, info->device, info->revision);
  if (g->driver_config().ggtt_bytes == 0)
    return Problem{"the firmware gave the GPU at " + info->address + " no GTT",
                   "enable the internal graphics in the firmware"};
  return g;
}

DriverConfig XenGpu::driver_config() const {
  DriverConfig c;
  c.ggtt_bytes = ggtt_bytes_of(function_->config(kGgc, 2));
  c.silicon = true;
  c.fenced_bytes = kFencedBytes;
  return c;
}

hv::Result<void, Problem> XenGpu::let_go() {
  // Not every kernel can reset the function; the driver's own reset of the GT follows anyhow.
  function_->reset();
  auto keeper = function_->keep(kOwnGgttBytes, kFencedBytes);
  if (!keeper.ok()) return keeper.error();
  keeper_ = std::move(*keeper);
  if (!function_->set_bus_master(true))
    return Problem{"the GPU at " + function_->info().address + " cannot be made bus master",
                   "see the kernel's log"};
  return {};
}

}  // namespace gpu::pci

// SPDX-License-Identifier: MIT
#include "dom0/gpu/driver/driver.h"

#include <algorithm>

namespace gpu {

Driver::Driver(Device& device, DriverConfig config)
    : device_(device), config_(config), pages_(device) {}

Driver::~Driver() {
  // No engine may touch our pages once they are given back.
  if (!started_) return;
  device_.write32(gen9::kMasterIrq, 0);
  reset_domain(gen9::kGdrstFull);
}

hv::Status Driver::usable() const {
  if (wedged_) return hv::Error::gone;
  if (!started_) return hv::Error::busy;
  return {};
}

uint64_t Driver::progress(EngineId e) {
  namespace rel = gen9::rel;
  const uint64_t parts[] = {read_engine(e, rel::kActhd), read_engine(e, rel::kActhdUdw),
                            read_engine(e, rel::kRingHead), engine(e).ports.running(),
                            engine(e).switches};
  uint64_t mixed = 0xcbf29ce484222325;
  for (uint64_t part : parts) mixed = (mixed ^ part) * 0x9e3779b97f4a7c15 + (mixed >> 29);
  return mixed;
}

hv::Status Driver::load_registers(EngineId e, std::span<const mediator::RegisterValue> values) {
  if (auto s = usable(); !s) return s;
  if (!idle(e)) return hv::Error::busy;
  const auto bad = [](const mediator::RegisterValue& v) {
    return v.offset % 4 != 0 || v.offset >= gen9::kMmioBytes;
  };
  if (std::any_of(values.begin(), values.end(), bad)) return hv::Error::bad_argument;
  ++counts_.loads;
  counts_.loaded_registers += values.size();
  for (const mediator::RegisterValue& v : values) device_.write32(v.offset, v.value);
  return {};
}

uint32_t Driver::read_register(uint32_t offset) {
  if (offset % 4 != 0 || offset >= gen9::kMmioBytes) return 0;
  return device_.read32(offset);
}

}  // namespace gpu

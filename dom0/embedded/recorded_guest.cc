// SPDX-License-Identifier: MIT
#include "dom0/embedded/recorded_guest.h"

#include <algorithm>

#include "mediator/vgpu.h"

namespace embedded {

std::string add_recorded_guest(Host& host, const replay::Script& script, replay::Pace pace) {
  const std::string& name = script.config.name;
  Guest* g = host.add_guest(name, script.ram_bytes, script.config, false);
  if (!g) return "no room for the recorded guest " + name;
  const hv::VgpuId id = g->vgpu();
  const replay::Stage stage{g->domain(),
                            *g,
                            host,
                            host.watch_writes(),
                            [&host, id] { return host.mediator().stats(id).submissions; },
                            [&host, id] {
                              const mediator::Vgpu* v = host.mediator().find(id);
                              return !v || std::ranges::none_of(
                                               gen9::kAllEngines,
                                               [v](gen9::EngineId e) { return v->runnable(e); });
                            }};
  return host.boot(*g, std::make_unique<replay::Player>(script, stage, pace));
}

}  // namespace embedded

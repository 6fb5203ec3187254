// SPDX-License-Identifier: MIT
// The mediator's part of the trace vocabulary: its own inputs and the calls of HostGpu.
#pragma once

#include "hv/trace/record.h"

namespace mediator::trace {

using hv::trace::Kind;
using hv::trace::Role;

namespace kind {
// Inputs, and the answer to `create`.
inline constexpr Kind session{64}, create{65}, created{66}, destroy{67}, pause{68}, poll{69},
    gpu_shares{70}, share{71}, starved{72};
// HostGpu.
inline constexpr Kind gpu_info{80}, alloc_page{81}, free_page{82}, write_page{83}, read_page{84},
    write_entry{85}, write_ggtt{86}, invalidate_tlbs{87}, submit{88}, preempt{89}, reset_engine{90},
    progress{91}, load_registers{92}, read_register{93}, events{94}, page_equals{95},
    default_image{96};
}  // namespace kind

inline constexpr hv::trace::KindInfo kMediatorKinds[] = {
    {kind::session, Role::input, "session",
     "slice_ns hang_ns scan_all keep_originals max_vgpus refusals_to_failsafe "
     "status_interval_ns:o clock_refresh_ns:o open_leaves:o",
     nullptr},
    {kind::create, Role::input, "create",
     "domain device_id:x revision low_base:x low_bytes:x high_base:x high_bytes:x "
     "aperture_bytes:x fences width height huge_pages weight",
     "name"},
    {kind::created, Role::result, "created", "status:s vgpu", nullptr},
    {kind::destroy, Role::input, "destroy", "", nullptr},
    {kind::pause, Role::input, "pause", "paused dismissed:o", nullptr},
    {kind::poll, Role::input, "poll", "", nullptr},
    {kind::gpu_shares, Role::input, "gpu_shares", "policy slice_ns window_ns holder", nullptr},
    {kind::share, Role::input, "share", "weight cap fixed latency slice_ns", nullptr},
    {kind::starved, Role::input, "starved", "starved", nullptr},
    {kind::gpu_info, Role::call, "gpu_info",
     "device_id:x revision ggtt_bytes:x aperture_bytes:x engines:x ggtt_free_base:x "
     "ggtt_free_bytes:x",
     nullptr},
    {kind::alloc_page, Role::call, "alloc_page", "use owner status:s frame:x", nullptr},
    {kind::free_page, Role::call, "free_page", "", nullptr},
    {kind::write_page, Role::call, "write_page", "", nullptr},
    {kind::read_page, Role::call, "read_page", "frame:x offset:x bytes:x status:s", "data"},
    {kind::write_entry, Role::call, "write_entry", "", nullptr},
    {kind::write_ggtt, Role::call, "write_ggtt", "", nullptr},
    {kind::invalidate_tlbs, Role::call, "invalidate_tlbs", "status:s", nullptr},
    {kind::submit, Role::call, "submit", "engine status:s", "descriptors"},
    {kind::preempt, Role::call, "preempt", "engine status:s", nullptr},
    {kind::reset_engine, Role::call, "reset_engine", "engine status:s", nullptr},
    {kind::progress, Role::call, "progress", "engine status:s value:x", nullptr},
    {kind::load_registers, Role::call, "load_registers", "engine status:s", "registers"},
    {kind::read_register, Role::call, "read_register", "offset:x status:s value:x", nullptr},
    {kind::page_equals, Role::call, "page_equals", "", nullptr},
    {kind::default_image, Role::call, "default_image", "engine page bytes status:s", "data"},
    {kind::events, Role::call, "events", "room count", "events"},
};

inline constexpr hv::trace::Vocabulary kVocabulary{hv::trace::kHvKinds, kMediatorKinds};

}  // namespace mediator::trace

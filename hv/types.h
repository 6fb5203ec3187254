// SPDX-License-Identifier: MIT
// Strong types for addresses and identities, shared by every layer.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace hv {

inline constexpr unsigned kPageShift = 12;
inline constexpr uint64_t kPageSize = uint64_t{1} << kPageShift;
inline constexpr uint64_t kPageMask = kPageSize - 1;

/// An integer that does not mix with integers of another meaning.
template <class Tag, class T>
struct Strong {
  T v{};
  constexpr Strong() = default;
  constexpr explicit Strong(T value) : v(value) {}
  friend constexpr auto operator<=>(Strong, Strong) = default;
};

/// Xen domain number.
using DomId = Strong<struct DomIdTag, uint16_t>;
/// Virtual GPU number inside one mediator; 0 is the host itself.
using VgpuId = Strong<struct VgpuIdTag, uint16_t>;
/// Guest frame number: guest-physical address >> 12.
using Gfn = Strong<struct GfnTag, uint64_t>;
/// Guest-physical address in bytes.
using Gpa = Strong<struct GpaTag, uint64_t>;
/// Frame number as the GPU's DMA sees it: bus address >> 12.
using BusFrame = Strong<struct BusFrameTag, uint64_t>;
/// Address in a graphics address space (GGTT or PPGTT; the context says which), in bytes.
using GmAddr = Strong<struct GmAddrTag, uint64_t>;

inline constexpr VgpuId kHostOwner{0};
/// "No frame here": what a failed pin gives.
inline constexpr BusFrame kNoFrame{~uint64_t{0}};

constexpr Gfn gfn_of(Gpa a) { return Gfn{a.v >> kPageShift}; }
constexpr Gpa gpa_of(Gfn f) { return Gpa{f.v << kPageShift}; }
constexpr uint64_t bus_address(BusFrame f) { return f.v << kPageShift; }

}  // namespace hv

template <class Tag, class T>
struct std::hash<hv::Strong<Tag, T>> {
  size_t operator()(hv::Strong<Tag, T> s) const noexcept { return std::hash<T>{}(s.v); }
};

// SPDX-License-Identifier: MIT
#include "mediator/scheduler.h"

#include <algorithm>

namespace mediator {

void RoundRobin::ready(hv::VgpuId id) {
  if (current_ == id || std::find(line_.begin(), line_.end(), id) != line_.end()) return;
  line_.push_back(id);
}

void RoundRobin::not_ready(hv::VgpuId id) {
  line_.erase(std::remove(line_.begin(), line_.end(), id), line_.end());
  if (current_ == id) current_.reset();
}

std::optional<hv::VgpuId> RoundRobin::next(uint64_t now_ns) {
  if (line_.empty()) return std::nullopt;
  current_ = line_.front();
  line_.pop_front();
  slice_start_ns_ = now_ns;
  return current_;
}

void RoundRobin::yield(bool still_ready) {
  if (current_ && still_ready) line_.push_back(*current_);
  current_.reset();
}

uint64_t RoundRobin::slice_end_ns() const {
  return current_ && others_waiting() ? slice_start_ns_ + slice_ns_ : UINT64_MAX;
}

}  // namespace mediator

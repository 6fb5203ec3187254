// SPDX-License-Identifier: MIT
#include "dom0/daemon/gpu_thread.h"

#include <algorithm>

namespace xengvtd {
namespace {

// While work waits for memory to change (semaphores) nothing announces the change.
constexpr uint64_t kLookAgainNs = 1'000'000;

}  // namespace

GpuThread::GpuThread(gpu::model::Model& model, Pacer& pacer, WallClock& clock, uint32_t step_us,
                     std::function<void()> interrupt)
    : model_(model),
      pacer_(pacer),
      clock_(clock),
      interrupt_(std::move(interrupt)),
      size_(uint64_t{step_us} * 1000) {}

GpuThread::~GpuThread() { stop(); }

void GpuThread::start() {
  thread_ = std::thread([this] { run(); });
}

void GpuThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard guard(sleep_mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

GpuThread::Entry::Entry(GpuThread& gpu) : gpu_(gpu) {
  gpu_.lock_.lock();
  // What is submitted now must not seem to run in the past.
  if (gpu_.model_.next_event_ns() == UINT64_MAX)
    gpu_.model_.advance_to(gpu_.pacer_.model_time(gpu_.clock_.now_ns()));
}

GpuThread::Entry::~Entry() {
  // A wake-up is a system call, and most accesses move nothing.
  const uint64_t due = gpu_.due(gpu_.clock_.now_ns());
  const bool sooner = due < gpu_.asleep_until_ns_;
  if (sooner) gpu_.asleep_until_ns_ = due;
  gpu_.lock_.unlock();
  if (!sooner) return;
  {
    const std::lock_guard guard(gpu_.sleep_mutex_);
    gpu_.woken_ = true;
  }
  gpu_.wake_.notify_one();
}

void GpuThread::run() {
  for (;;) {
    lock_.lock();
    const uint64_t due = step();
    asleep_until_ns_ = due;
    lock_.unlock();
    std::unique_lock guard(sleep_mutex_);
    const auto ready = [this] { return woken_ || stopping_; };
    const uint64_t now = clock_.now_ns();
    if (due == UINT64_MAX)
      wake_.wait(guard, ready);
    else if (due > now)
      wake_.wait_for(guard, std::chrono::nanoseconds(due - now), ready);
    if (stopping_) return;
    woken_ = false;
  }
}

uint64_t GpuThread::step() {
  const uint64_t began = clock_.now_ns();
  pacer_.forgive(model_.now_ns(), began);
  const uint64_t target = pacer_.model_time(began);
  const uint64_t first = model_.next_event_ns();
  const uint64_t until = size_.until(model_.now_ns(), first, target);
  // Up to an interrupt nobody has seen yet; past one that is on its way to the mediator.
  if (signalled_)
    model_.advance_to(until);
  else
    model_.advance_until_interrupt(until);
  if (const uint64_t took = clock_.now_ns() - began; first != UINT64_MAX) {
    longest_step_ns_ = std::max(longest_step_ns_, took);
    size_.took(took);
  }
  if (model_.interrupt_pending() && !signalled_) {
    signalled_ = true;
    interrupt_();
  }
  return due(began);
}

uint64_t GpuThread::due(uint64_t now) const {
  const uint64_t next = model_.next_event_ns();
  if (next == UINT64_MAX) return occupied_ ? now + kLookAgainNs : UINT64_MAX;
  return pacer_.wall_time(std::max(next, model_.now_ns()));
}

}  // namespace xengvtd

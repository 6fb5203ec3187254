// SPDX-License-Identifier: MIT
// A lock that is handed on in the order it was asked for. The model's thread takes it again at once
// after every step; with a plain mutex a trap could wait for many steps, with this one for one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace xengvtd {

class FairLock {
 public:
  void lock() {
    std::unique_lock guard(mutex_);
    const uint64_t ticket = next_++;
    turn_.wait(guard, [&] { return serving_ == ticket; });
  }
  void unlock() {
    {
      const std::lock_guard guard(mutex_);
      ++serving_;
    }
    turn_.notify_all();
  }

  /// How many hold it or wait for it.
  uint64_t queued() {
    const std::lock_guard guard(mutex_);
    return next_ - serving_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable turn_;
  uint64_t next_ = 0, serving_ = 0;
};

}  // namespace xengvtd

// SPDX-License-Identifier: MIT
// A recording on its way to a file. Who records only appends to a buffer; compressing and writing
// is done by a thread of its own, so that no trap waits for a disk.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dom0/cli/trace_file.h"
#include "hv/trace/writer.h"

namespace xengvtd {

class TraceFileWriter final : public hv::trace::RecordSink {
 public:
  /// Opens the file; look at error(). It appears at its place when it is committed. A file of more
  /// than `max_bytes` is full().
  TraceFileWriter(const std::string& path, const hv::trace::FileHeader& header, uint64_t max_bytes);
  /// Leaves nothing behind unless commit() succeeded.
  ~TraceFileWriter() override;
  TraceFileWriter(const TraceFileWriter&) = delete;
  TraceFileWriter& operator=(const TraceFileWriter&) = delete;

  void describe(uint16_t device_id, uint8_t revision) override;
  void add(hv::trace::Kind kind, uint32_t subject, std::span<const uint64_t> args,
           std::span<const std::byte> blob = {}) override;
  /// Writes what is left and the end. Waits for the disk.
  hv::Status finish(const hv::trace::Sha256& state) override;
  /// Gives the file its place; after finish(). Empty, or what went wrong, ever.
  std::string commit();

  [[nodiscard]] const std::string& path() const { return path_; }
  /// One line that names the file; empty while all is well.
  [[nodiscard]] std::string error();
  /// Is it time to end the recording: at its bound, or on an error?
  [[nodiscard]] bool full();

 private:
  struct Batch {
    std::vector<std::byte> bytes;
    uint64_t records = 0;
  };
  void hand_over();
  void run();
  void stop();

  const std::string path_;
  const uint64_t max_bytes_;
  Batch batch_;
  bool bad_record_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Batch> queue_;  ///< mutex_, as all up to the blank line
  size_t queued_bytes_ = 0;
  bool stopping_ = false, overrun_ = false, full_ = false;
  std::string error_;

  cli::TraceSink sink_;  ///< the thread's, while it runs
  hv::trace::Writer writer_;
  std::thread thread_;
};

}  // namespace xengvtd

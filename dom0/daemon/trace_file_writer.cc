// SPDX-License-Identifier: MIT
#include "dom0/daemon/trace_file_writer.h"

namespace xengvtd {
namespace {

constexpr size_t kBatchBytes = size_t{64} << 10;
// A disk that falls behind so far loses the recording: neither memory nor traps may pay for it.
constexpr size_t kMaxQueuedBytes = size_t{64} << 20;

}  // namespace

TraceFileWriter::TraceFileWriter(const std::string& path, const hv::trace::FileHeader& header,
                                 uint64_t max_bytes)
    : path_(path), max_bytes_(max_bytes), sink_(path), writer_(sink_, header) {
  error_ = sink_.error();
  if (error_.empty()) thread_ = std::thread([this] { run(); });
}

TraceFileWriter::~TraceFileWriter() { stop(); }

void TraceFileWriter::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

// Before the first record is handed over, so that the thread does not look at it yet.
void TraceFileWriter::describe(uint16_t device_id, uint8_t revision) {
  writer_.describe(device_id, revision);
}

void TraceFileWriter::add(hv::trace::Kind kind, uint32_t subject, std::span<const uint64_t> args,
                          std::span<const std::byte> blob) {
  if (blob.size() >= kBatchBytes) hand_over();
  if (!encode_record(batch_.bytes, kind, subject, args, blob)) {
    bad_record_ = true;
    return;
  }
  ++batch_.records;
  if (batch_.bytes.size() >= kBatchBytes) hand_over();
}

void TraceFileWriter::hand_over() {
  if (batch_.records == 0) return;
  {
    const std::lock_guard guard(mutex_);
    if (queued_bytes_ + batch_.bytes.size() > kMaxQueuedBytes) overrun_ = true;
    if (overrun_ || !error_.empty()) {
      batch_ = {};
      return;
    }
    queued_bytes_ += batch_.bytes.size();
    queue_.push_back(std::move(batch_));
  }
  batch_ = {};
  batch_.bytes.reserve(2 * kBatchBytes);
  wake_.notify_one();
}

void TraceFileWriter::run() {
  for (;;) {
    Batch batch;
    {
      std::unique_lock guard(mutex_);
      wake_.wait(guard, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch = std::move(queue_.front());
      queue_.pop_front();
    }
    writer_.add_encoded(batch.bytes, batch.records);
    const std::lock_guard guard(mutex_);
    queued_bytes_ -= batch.bytes.size();
    full_ = writer_.file_bytes() >= max_bytes_;
    error_ = sink_.error();
  }
}

hv::Status TraceFileWriter::finish(const hv::trace::Sha256& state) {
  hand_over();
  stop();
  return writer_.finish(state);
}

std::string TraceFileWriter::commit() {
  if (error_.empty() && overrun_) error_ = path_ + ": the disk is too slow for the recording";
  if (error_.empty() && bad_record_) error_ = path_ + ": a record was too large";
  if (error_.empty()) error_ = sink_.error();
  if (error_.empty() && !writer_.status().ok())
    error_ = path_ + ": " + hv::error_name(writer_.status().error());
  if (error_.empty() && !sink_.commit()) error_ = sink_.error();
  return error_;
}

std::string TraceFileWriter::error() {
  const std::lock_guard guard(mutex_);
  return error_;
}

bool TraceFileWriter::full() {
  const std::lock_guard guard(mutex_);
  return full_ || overrun_ || !error_.empty();
}

}  // namespace xengvtd

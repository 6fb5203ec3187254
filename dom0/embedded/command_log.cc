// SPDX-License-Identifier: MIT
// Counting and hashing of executed commands.
#include "dom0/embedded/command_log.h"

namespace embedded {

void ExecutedStream::add(const gpu::model::ExecutedCommand& c, std::span<const uint32_t> dwords) {
  auto& digest = engines_[gen9::index(c.engine)];
  if (!digest) digest.emplace();
  digest->add(std::as_bytes(dwords));
  ++counts_[c.desc ? c.desc->name : "unknown"];
  ++commands_;
}

std::map<std::string, uint64_t> ExecutedStream::counts() const {
  std::map<std::string, uint64_t> by_name;
  for (const auto& [name, n] : counts_) by_name[name] += n;
  return by_name;
}

std::string ExecutedStream::hash() const {
  std::vector<std::string> parts;
  for (const auto& d : engines_)
    if (d) parts.push_back(d->hex());
  if (parts.size() == 1) return parts[0];
  guests::Digest all;
  for (const std::string& p : parts) all.add(std::as_bytes(std::span(p)));
  return all.hex();
}

void CommandLog::on_command(const gpu::model::ExecutedCommand& c) {
  // What runs inside a restore runs as often as the context is switched to, and begins with the
  // host's own.
  if (c.from == gpu::model::ExecutedCommand::From::indirect_context) return;
  const auto stream = stream_of_(c.lrca);
  if (!stream) return;
  ++commands_;
  if (!c.ggtt || !original_) return streams_[*stream].add(c, c.dwords);
  scratch_.assign(c.dwords.begin(), c.dwords.end());
  for (size_t i = 0; i < scratch_.size(); ++i)
    scratch_[i] = original_(c.address + 4 * i, scratch_[i]);
  streams_[*stream].add(c, scratch_);
}

}  // namespace embedded
